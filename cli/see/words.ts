/** The words behind a command: names in their order, and options anywhere among them. */

export interface Words {
  readonly names: readonly string[];
  readonly flags: readonly string[];
  /** Options with what follows them, as the next word or behind a `=`. */
  readonly options: readonly (readonly [name: string, value: string])[];
}

/** The options that a command knows: those that stand alone, and those that have a value. */
export interface Known {
  readonly flags: readonly string[];
  readonly values: readonly string[];
}

/** Sorts words; undefined if there is an option that is not known, or an empty word. */
export function sortWords(words: readonly string[], known: Known): Words | undefined {
  const names: string[] = [];
  const flags: string[] = [];
  const options: (readonly [string, string])[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    const at = word.indexOf("=");
    const option = at < 0 ? word : word.slice(0, at);
    if (known.flags.includes(word)) flags.push(word);
    else if (known.values.includes(option)) {
      const value = at < 0 ? words[++i] : word.slice(at + 1);
      if (!value) return undefined;
      options.push([option, value]);
    } else if (word === "" || word.startsWith("-")) return undefined;
    else names.push(word);
  }
  return { names, flags, options };
}

/** Where leases are kept besides the usual place; undefined if one of them is no absolute path. */
export function dataDirsIn({ options }: Words): readonly string[] | undefined {
  const paths = options.flatMap(([name, value]) => (name === DATA_DIR ? value : []));
  return paths.every((path) => path.startsWith("/")) ? paths : undefined;
}

/** The option for them. */
export const DATA_DIR = "--data-dir";
