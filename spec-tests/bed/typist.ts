/** A terminal with a shell: what is typed at its prompts, and what a command gets of that. */
import { expect } from "vitest";
import type { Bed } from "./bed.ts";
import { Lists } from "./lists.ts";

/** Shells that complete words of `weft`. */
export type Shell = keyof typeof shells;

/** How each is begun, and the file that it reads then, with prompts that nothing else looks like. */
const shells = {
  bash: { argv: ["bash", "--noprofile", "--rcfile", "rc"], rc: "rc", begin: "" },
  zsh: {
    argv: ["zsh", "--no-globalrcs"],
    rc: ".zshrc",
    begin: `zmodload zsh/zle; unsetopt prompt_cr prompt_sp; unset zle_bracketed_paste
autoload -Uz compinit; compinit -u -D\n`,
  },
} as const;

/** Types each line at a prompt, and prints what is shown until the shell ends. */
const typist = `
import os, sys
count = int(sys.argv[1])
shell, lines = sys.argv[2:2 + count], sys.argv[2 + count:]
pid, fd = os.forkpty()
if pid == 0: os.execvp(shell[0], shell)
shown = b""
def prompt():
  global shown
  while not shown.endswith(b"ready> "): shown += os.read(fd, 4096)
try:
  for line in lines:
    prompt()
    os.write(fd, line.encode())
    shown += b"|"
  while True: shown += os.read(fd, 4096)
except OSError: pass
sys.stdout.buffer.write(shown)`;

/** The words that \`weft\` was called with, which is a function in the place of the program. */
export function typed(bed: Bed, shell: Shell, keys: string): readonly string[] {
  const folder = bed.folder("shell");
  const { argv, rc, begin } = shells[shell];
  bed.write(`${folder}/typist`, typist);
  bed.write(`${folder}/${rc}`, `${begin}PS1='ready> ' PS2='ready> '\n`);
  const lines = [
    `source <(${bed.bin}/weft completion ${shell}); PATH=${bed.bin}:$PATH\n`,
    `weft() { if [ "$1" = completion ]; then command weft "$@"; else printf '%s\\n' "$@" >words; fi; }\n`,
    `weft ${keys}\n`,
    // Ends a line that the shell holds for unfinished, and the shell itself. Nothing is typed behind
    // a key that interrupts: a shell may read it before it heeds the signal, and throws it away.
    "\u0004",
    "\u0004",
  ];
  const words = [argv.length, ...argv, ...lines].map(
    (word) => `'${`${word}`.replace(/'/g, "'\\''")}'`,
  );
  const said = new Lists(bed).run(`cd ${folder} && python3 typist ${words.join(" ")}`, {
    TERM: "dumb",
    INPUTRC: "/dev/null",
    ZDOTDIR: folder,
  });
  expect([said.status, said.stderr]).toEqual([0, ""]);
  const own = [rc, "typist", "words"];
  expect(bed.list(folder).filter((name) => !own.includes(name))).toEqual([]);
  return bed.read(`${folder}/words`).trimEnd().split("\n");
}
