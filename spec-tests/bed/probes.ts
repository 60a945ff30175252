/** Packets of any protocol, sent under a chosen address to a port, and who has got which of them. */
import type { Container } from "./container.ts";
import { backgroundInBed } from "./paths.ts";
import type { View } from "./view.ts";

export type ProbeProtocol = "tcp" | "udp" | "sctp" | "icmp";

/** One packet: the beginning of a connection. ICMP is an echo, and has no port: 0. */
export interface Probe {
  readonly from: string;
  readonly to: string;
  readonly protocol: ProbeProtocol;
  readonly port: number;
}

/** `10.1.2.3 > 10.1.1.2 tcp 80`: a probe as a text that no other one has. */
export function probeText({ from, to, protocol, port }: Probe): string {
  return `${from} > ${to} ${protocol} ${port}`;
}

const numbers = "{'tcp': 6, 'udp': 17, 'sctp': 132, 'icmp': 1}";

/** Sends probes, all with this source port, or as an echo with this number; nobody waits for answers. */
export function sendProbes(box: Container, probes: readonly Probe[], mark: number): void {
  const list = probes.map((each) => [each.from, each.to, each.protocol, each.port]);
  box.sh(`python3 -I -S -c '${sender}' '${JSON.stringify(list)}' ${mark}`);
}

const sender = `
import json, socket, struct, sys
numbers = ${numbers.replaceAll("'", '"')}
mark = int(sys.argv[2])
def total(data):
  words = struct.unpack("!%dH" % (len(data) // 2), data)
  value = sum(words)
  while value >> 16: value = (value & 65535) + (value >> 16)
  return ~value & 65535
def segment(protocol, port):
  if protocol == "tcp": return struct.pack("!HHIIBBHHH", mark, port, 7, 0, 80, 2, 512, 0, 0), 16
  if protocol == "udp": return struct.pack("!HHHH", mark, port, 8, 0), 6
  if protocol == "sctp": return struct.pack("!HHII", mark, port, 0, 0) + bytes(20), None
def put(data, at, value): return data[:at] + struct.pack("!H", value) + data[at + 2:]
for source, to, protocol, port in json.loads(sys.argv[1]):
  six = ":" in to
  family = socket.AF_INET6 if six else socket.AF_INET
  number = 58 if six and protocol == "icmp" else numbers[protocol]
  if protocol == "icmp":
    data = struct.pack("!BBHHH", 128 if six else 8, 0, 0, mark, 1)
    at = 2
  else:
    data, at = segment(protocol, port)
  if at is not None and not (six and protocol == "icmp"):
    ends = b"" if protocol == "icmp" else (
      socket.inet_pton(family, source) + socket.inet_pton(family, to) + struct.pack("!HH", number, len(data)))
    data = put(data, at, total(ends + data) or 65535)
  s = socket.socket(family, socket.SOCK_RAW, number)
  s.bind((source, 0))
  s.sendto(data, (to, 0))
  s.close()
`;

/** Notes every probe that comes, until the bed goes, or for an hour if its run was killed. */
export function collectProbes(box: Container): void {
  box.sh(`
    rm -f /tmp/probes-${box.name}
    python3 -I -S -c '${collector}' /tmp/probes-${box.name} </dev/null >/dev/null 2>&1 &
    echo $! >>${backgroundInBed}`);
  box.until(`test -e /tmp/probes-${box.name}`);
}

const collector = `
import select, signal, socket, sys
signal.alarm(3600)
numbers = ${numbers.replaceAll("'", '"')}
sockets = {}
for protocol, number in numbers.items():
  for family in (socket.AF_INET, socket.AF_INET6):
    six = family == socket.AF_INET6
    s = socket.socket(family, socket.SOCK_RAW, 58 if six and protocol == "icmp" else number)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    if six: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    sockets[s] = (protocol, six)
out = open(sys.argv[1], "w")
while True:
  for s in select.select(list(sockets), [], [])[0]:
    protocol, six = sockets[s]
    data, more, _, peer = s.recvmsg(2048, 256)
    if six:
      to = socket.inet_ntop(socket.AF_INET6, more[0][2][:16])
    else:
      to = socket.inet_ntoa(data[16:20])
      data = data[(data[0] & 15) * 4:]
    if protocol == "icmp":
      if data[0] != (128 if six else 8): continue
      mark, port = int.from_bytes(data[4:6], "big"), 0
    else:
      mark, port = int.from_bytes(data[0:2], "big"), int.from_bytes(data[2:4], "big")
    print(mark, peer[0], ">", to, protocol, port, file=out, flush=True)
`;

/** The texts of probes with this mark that a container has got so far. */
export function gotProbes(view: View, box: Container, mark: number): ReadonlySet<string> {
  const lines = view.sh(`cat /tmp/probes-${box.name}`).split("\n");
  const own = lines.filter((line) => line.startsWith(`${mark} `));
  return new Set(own.map((line) => line.slice(`${mark} `.length)));
}
