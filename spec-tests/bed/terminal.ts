/** A command of `weft` whose stderr is a terminal: for what people see who wait. */
import type { Bed } from "./bed.ts";
import type { Lists } from "./lists.ts";

/** Tells on stderr what the terminal was sent; stdout stays what it is. */
const terminal = `
import os, sys
screen, fd = os.openpty()
pid = os.fork()
if pid == 0:
  os.dup2(fd, 2)
  os.execv(sys.argv[1], sys.argv[1:])
os.close(fd)
shown = b""
try:
  while True: shown += os.read(screen, 4096)
except OSError: pass
os.waitpid(pid, 0)
sys.stderr.buffer.write(shown)`;

/** Runs it, and returns what came on both. */
export function atTerminal(bed: Bed, lists: Lists, words: string) {
  bed.write("/tmp/terminal", terminal);
  return lists.run(`python3 /tmp/terminal ${bed.bin}/weft ${words}`, { TERM: "xterm" });
}
