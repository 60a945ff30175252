/** Rules of iptables as lines of iptables-save: written, found and taken apart. */

/** `-A FORWARD -s 10.1.2.3/32 -m comment --comment "net 6f2c… eth0" -j ACCEPT`, taken apart. */
export interface Rule {
  readonly line: string;
  readonly chain: string;
  /** Options and values, in order: `-s`, `10.1.2.3/32`, …; neither comments nor quotes. */
  readonly words: readonly string[];
  readonly comments: readonly string[];
}

/* ---- read ---- */

/** Takes a line apart that begins with `-A`. */
export function parseRule(line: string): Rule {
  const [, chain = "", ...all] = wordsOf(line);
  const words: string[] = [];
  const comments: string[] = [];
  for (const word of all) {
    if (words.at(-1) !== "--comment") words.push(word);
    else {
      words.pop();
      comments.push(word);
    }
  }
  return { line, chain, words, comments };
}

function wordsOf(line: string): readonly string[] {
  const words = line.matchAll(/"((?:[^"\\]|\\.)*)"|\S+/g);
  return Array.from(words, ([word, text]) => text?.replace(/\\(.)/g, "$1") ?? word);
}

/** The value of an option; undefined if the rule does not have it. */
export function optionOf({ words }: Rule, option: string): string | undefined {
  const at = words.indexOf(option);
  return at < 0 ? undefined : words[at + 1];
}

/** True if the lines of a table show a chain. */
export function hasChain(found: readonly string[], chain: string): boolean {
  return found.some((line) => line.startsWith(`:${chain} `));
}

/** The rules of a chain. */
export function rulesIn(found: readonly string[], chain: string): readonly string[] {
  return found.filter((line) => line.startsWith(`-A ${chain} `));
}

/** The rules that lead to a chain. */
export function jumpsTo(found: readonly string[], chain: string): readonly string[] {
  return found.filter((line) => line.endsWith(` -j ${chain}`));
}

/* ---- write ---- */

/** A comment as `iptables-save` writes one that has blanks in it. */
export function comment(text: string): string {
  return `-m comment --comment "${quoted(text)}"`;
}

/** Text as it stands between quotation marks. */
export function quoted(text: string): string {
  return text.replace(/["\\]/g, "\\$&");
}

/** The lines that make those of the chains that are not there yet. */
export function newChains(found: readonly string[], chains: readonly string[]): readonly string[] {
  return chains.filter((chain) => !hasChain(found, chain)).map((chain) => `-N ${chain}`);
}

/** The line that puts a rule at the beginning of its chain. */
export function insertionOf(rule: string): string {
  return rule.replace(/^-A (\S+)/, "-I $1 1");
}

/** The line that deletes a rule. */
export function deletionOf(rule: string): string {
  return rule.replace("-A", "-D");
}
