/** Text in lines of a width, for terminals. */

/** How things are shown: plainly, or as a terminal shows them (cli/colours.ts). */
export interface Style {
  readonly bold: (text: string) => string;
}

/** What a line of a terminal of 80 columns holds. */
export const WIDTH = 80;
/** The longest name that what is said of it stands beside, and not below. */
const WIDEST_NAME = 26;

/** A text in lines of at most `width` characters; a longer word has a line of its own. */
export function wrap(text: string, width: number = WIDTH): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

export interface Row {
  readonly name: string;
  readonly what: string;
}

/** Names in a column, and beside them what is said of each, below each other where it is long. */
export function rowLines(rows: readonly Row[], { bold }: Style): readonly string[] {
  const beside = rows.map(({ name }) => name.length).filter((length) => length <= WIDEST_NAME);
  const at = Math.max(0, ...beside) + 4;
  return rows.flatMap(({ name, what }) => {
    const lines = wrap(what, WIDTH - at).map((line) => `${" ".repeat(at)}${line}`);
    const [first = "", ...more] = lines;
    if (name.length + 4 > at) return [`  ${bold(name)}`, ...lines];
    return [`  ${bold(name)}${first.slice(name.length + 2)}`, ...more];
  });
}

/** A word as the first of a sentence. */
export function capitalised(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
