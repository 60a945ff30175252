/** What listens on 127.0.0.1 of the host only, and who tries to reach it all the same. */
import type { Bed } from "./bed.ts";
import { ethernet, IPV4, ipv4, sendFrames, UDP, udp } from "./frames.ts";
import { backgroundInBed } from "./paths.ts";
import type { View } from "./view.ts";

const PORT = 9000;

/** Notes what UDP brings to 127.0.0.1 of the host, and to its other addresses, line by line. */
export function services(bed: Bed): void {
  const program = `
import select, signal, socket
signal.alarm(3600)
near, far = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
for s in near, far: s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
near.bind(("127.0.0.1", ${PORT}))
far.bind(("0.0.0.0", ${PORT}))
out = open("/tmp/received", "w", 1)
while True:
  for s in select.select([near, far], [], [])[0]:
    print("loopback" if s is near else "host", s.recv(99).decode(), file=out)
`;
  bed.host.sh(`
    ip link set lo up
    python3 -c '${program}' </dev/null >/dev/null 2>&1 &
    echo $! >>${backgroundInBed}`);
  bed.host.until("test -e /tmp/received");
}

export interface Way {
  /** Where the attacker is, and the host's link next to it. */
  readonly from: View;
  readonly link: string;
  /** The address that the host has there. */
  readonly host: string;
  readonly source: string;
}

let turn = 0;

/** Sends to 127.0.0.1 by the host's hardware address, then to the host as anybody may; what came. */
export function attack(bed: Bed, { from, link, host, source }: Way): readonly string[] {
  turn++;
  const own = from.link("eth0").address;
  const to = { to: String(bed.host.link(link).address), from: String(own), type: IPV4 };
  const datagram = (address: string, sender: string) =>
    ethernet(
      to,
      ipv4(
        { from: sender, to: address, protocol: UDP },
        udp(4000, PORT, Buffer.from(`turn ${turn}`)),
      ),
    );
  const allowed = source.startsWith("127.") ? "10.1.2.2" : source;
  sendFrames(from, "eth0", [datagram("127.0.0.1", source), datagram(host, allowed)]);
  bed.host.until(`grep -q 'host turn ${turn}' /tmp/received`);
  const lines = bed.host.sh("cat /tmp/received").split("\n");
  return lines
    .filter((line) => line.endsWith(`turn ${turn}`))
    .map((line) => line.split(" ")[0] ?? "");
}

/** What came: both, or only what anybody may send. */
export const reached = ["loopback", "host"];
export const kept = ["host"];
