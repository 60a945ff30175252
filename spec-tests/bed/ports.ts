import type { Bed } from "./bed.ts";
import type { Container } from "./container.ts";
import { backgroundInBed } from "./paths.ts";
import { answerTime } from "./patience.ts";
import type { View } from "./view.ts";

/** Serves a port until the bed goes, or for an hour if its run was killed: each client is told who it seems to be. */
export function serve(box: View, protocol: "tcp" | "udp", port: number): void {
  const isUdp = protocol === "udp";
  const answer = isUdp
    ? "while True:\n  data, peer = s.recvfrom(99)\n  s.sendto(name(peer), peer)"
    : "s.listen(9)\nwhile True:\n  c, peer = s.accept()\n  c.sendall(name(peer))\n  c.close()";
  const program = `
import signal, socket
signal.alarm(3600)
def name(peer): return peer[0].removeprefix("::ffff:").encode()
s = socket.socket(socket.AF_INET6, socket.${isUdp ? "SOCK_DGRAM" : "SOCK_STREAM"})
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(("::", ${port}))
open("/tmp/serving", "w").close()
${answer}
`;
  box.sh(`
    rm -f /tmp/serving
    python3 -I -S -c '${program}' </dev/null >/dev/null 2>&1 &
    echo $! >>${backgroundInBed}`);
  box.until("rm /tmp/serving");
}

/** What a server says: the address that it sees; "" if there is no answer within a quiet machine's second. */
export function ask(from: View, to: string, port: number, protocol = "tcp"): string {
  const kind = protocol === "udp" ? "SOCK_DGRAM" : "SOCK_STREAM";
  const program = `
import _socket as socket
family = socket.AF_INET6 if ":" in "${to}" else socket.AF_INET
s = socket.socket(family, socket.${kind})
s.settimeout(${answerTime(1)})
try:
  s.connect(("${to}", ${port}))
  s.send(b"x")
  print(s.recv(99).decode(), end="")
except OSError: pass
`;
  return from.sh(`python3 -I -S -c '${program}'`);
}

/** Whom and by which port somebody is asked. */
export interface Question {
  readonly to: string;
  readonly port: number;
  readonly protocol?: "tcp" | "udp";
}

/** The same for many servers at once: their answers in order. */
export function askAll(from: View, questions: readonly Question[]): readonly string[] {
  const list = questions.map(
    ({ to, port, protocol = "tcp" }) => `("${to}", ${port}, "${protocol}")`,
  );
  const program = `
import socket, threading
answers = {}
def ask(i, to, port, protocol):
  answers[i] = ""
  family = socket.AF_INET6 if ":" in to else socket.AF_INET
  s = socket.socket(family, socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM)
  s.settimeout(${answerTime(1)})
  try:
    s.connect((to, port))
    s.send(b"x")
    answers[i] = s.recv(99).decode()
  except OSError: pass
questions = [${list.join(", ")}]
threads = [threading.Thread(target=ask, args=(i, *q)) for i, q in enumerate(questions)]
for each in threads: each.start()
for each in threads: each.join()
print("\\n".join(answers[i] for i in range(len(questions))), end="")
`;
  return from.sh(`python3 -I -S -c '${program}'`).split("\n");
}

/**
 * A machine on a link of its own, 192.0.2.9 and fd99::9, to which the host is 192.0.2.1. No address
 * is probed first: without one of its link the kernel looks for no neighbour of what it forwards.
 */
export function world(bed: Bed): Container {
  const outside = bed.container("world");
  bed.host.sh(`
    ip link add wan type veth peer name eth0 netns world
    echo 0 >/proc/sys/net/ipv6/conf/wan/accept_dad
    ip netns exec world sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad'
    ip address add 192.0.2.1/24 dev wan
    ip address add fd99::1/64 dev wan nodad
    ip link set wan up
    ip -n world address add 192.0.2.9/24 dev eth0
    ip -n world address add fd99::9/64 dev eth0 nodad
    ip -n world link set eth0 up
    ip -n world link set lo up
    ip -n world route add default via 192.0.2.1
    ip -n world -6 route add default via fd99::1`);
  return outside;
}
