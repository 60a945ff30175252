/** Pings and a connection that go on while something is done, and tell whether any was lost. */
import type { Bed } from "./bed.ts";
import { backgroundInBed } from "./paths.ts";
import type { View } from "./view.ts";

/** How many more lines than before make it certain that something goes on. */
const MORE = 20;

/** A stream in the background; each exchange is a line of its file. */
export class Stream {
  readonly #view: View;
  readonly #file: string;

  private constructor(view: View, file: string) {
    this.#view = view;
    this.#file = file;
  }

  /** Pings that are numbered from 1, and go on until the bed goes. */
  static ping(bed: Bed, from: View, to: string): Stream {
    const file = `${bed.folder("streams")}/ping-${to}`;
    from.sh(`ping -n -i 0.02 ${to} >${file} 2>&1 & echo $! >>${backgroundInBed}`);
    return new Stream(from, file).flowing();
  }

  /** One connection, over which each number is said once the one before has come back. */
  static connection(bed: Bed, from: View, to: readonly [address: string, port: number]): Stream {
    const [address, port] = to;
    const file = `${bed.folder("streams")}/tcp-${address}-${port}`;
    const program = `
import signal, socket, time
signal.alarm(3600)
s = socket.create_connection(("${address}", ${port}))
log = open("${file}", "w")
n = 0
while True:
  n += 1
  s.sendall(b"%9d" % n)
  answer = b""
  while len(answer) < 9:
    part = s.recv(9 - len(answer))
    if not part: raise SystemExit
    answer += part
  log.write("from: icmp_seq=%d \\n" % int(answer))
  log.flush()
  time.sleep(0.01)
`;
    from.sh(`python3 -c '${program}' </dev/null >/dev/null 2>&1 & echo $! >>${backgroundInBed}`);
    return new Stream(from, file).flowing();
  }

  /** Waits until more has been exchanged than until now. */
  flowing(): this {
    this.#view.until(`[ -s ${this.#file} ]`);
    const now = this.numbers().length;
    this.#view.until(`[ $(grep -c icmp_seq= ${this.#file}) -ge ${now + MORE} ]`);
    return this;
  }

  /** The numbers of all answers so far. */
  numbers(): readonly number[] {
    const text = this.#view.sh(`cat ${this.#file}`);
    const lines = text.split("\n").slice(0, -1);
    return lines.flatMap((line) => {
      const number = /^.*from.*icmp_seq=(\d+) /.exec(line)?.[1];
      return number === undefined ? [] : [Number(number)];
    });
  }

  /** The numbers up to the last answer that did not come, or that came twice. */
  lost(): readonly number[] {
    const numbers = this.numbers();
    const all = Array.from({ length: numbers.at(-1) ?? 0 }, (_, i) => i + 1);
    return all.filter((n) => numbers.filter((each) => each === n).length !== 1);
  }
}

/** Answers every connection to a port with what it says, until the bed goes. */
export function echo(box: View, port: number): void {
  const program = `
import signal, socket, threading
signal.alarm(3600)
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", ${port}))
s.listen(9)
open("/tmp/echoing", "w").close()
def answer(c):
  while True:
    data = c.recv(999)
    if not data: return
    c.sendall(data)
while True:
  c, peer = s.accept()
  threading.Thread(target=answer, args=(c,)).start()
`;
  box.sh(`rm -f /tmp/echoing
    python3 -c '${program}' </dev/null >/dev/null 2>&1 & echo $! >>${backgroundInBed}`);
  box.until("rm /tmp/echoing");
}
