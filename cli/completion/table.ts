/** What a shell can offer behind `weft`, made of the pages: the same table for every shell. */

import type { Option, Page } from "../pages/page.ts";

/** What is looked up when it is needed: by the shell, or by `weft completion --words`. */
export type Kind = "files" | "directories" | "networks" | "netns" | "containers";

/** What may stand somewhere. */
export interface Offer {
  /** What a page calls it: `NETWORK`; "" for words. */
  readonly title: string;
  readonly kinds: readonly Kind[];
  readonly words: readonly string[];
}

export interface Choice {
  /** `--ifname`; each spelling of an option is a choice of its own. */
  readonly spelling: string;
  /** What it does, without what is said behind a semicolon or colon: shells have one line for it. */
  readonly what: string;
  /** What follows it; undefined if nothing does. */
  readonly value: Offer | undefined;
}

/** A command by its first word. */
export interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly choices: readonly Choice[];
  /** What may stand behind it, one place after the other. */
  readonly places: readonly Offer[];
  /** True if the last place may come again and again. */
  readonly isOpen: boolean;
}

/** The commands that pages tell of. Pages of two words, as `ipam ls`, are one command. */
export function tableOf(pages: readonly Page[]): readonly Entry[] {
  const names = [...new Set(pages.map(({ name }) => firstWord(name)))];
  return names.map((name) => {
    const own = pages.filter((page) => firstWord(page.name) === name);
    const ways = own.flatMap((page) => waysOf(page, names));
    const longest = Math.max(0, ...ways.map(({ places }) => places.length));
    return {
      name,
      summary: (own.find((page) => page.name === name) ?? own[0])?.summary ?? "",
      choices: unique(own.flatMap(({ options }) => options.flatMap(choicesOf))),
      places: Array.from({ length: longest }, (_, i) =>
        together(ways.flatMap(({ places }) => places[i] ?? [])),
      ),
      isOpen: ways.some(({ isOpen, places }) => isOpen && places.length === longest),
    };
  });
}

function firstWord(name: string): string {
  return name.replace(/ .*/, "");
}

function unique(choices: readonly Choice[]): readonly Choice[] {
  return [...new Map(choices.map((each) => [each.spelling, each])).values()];
}

/** `--ifname NAME, -i NAME` is two choices. */
function choicesOf({ flags, what, values }: Option): readonly Choice[] {
  return flags.split(", ").map((text) => {
    const [spelling = "", word = ""] = text.split(" ");
    return {
      spelling,
      what: what.replace(/[;:] .*/, ""),
      value: word === "" ? undefined : valueOffer(word, values),
    };
  });
}

function valueOffer(word: string, values: Option["values"]): Offer {
  if (values === undefined) return offerOf(word, []);
  if (typeof values === "string") return { title: word, kinds: [kindsNamed[values]], words: [] };
  return { title: word, kinds: [], words: values };
}

const kindsNamed = {
  file: "files",
  directory: "directories",
  network: "networks",
  netns: "netns",
  container: "containers",
} as const;

/* ---- what a synopsis says ---- */

interface Way {
  readonly places: readonly Offer[];
  readonly isOpen: boolean;
}

/** Ways that only an option opens say nothing of places, unless there are no others. */
function waysOf({ name, synopsis, options }: Page, commands: readonly string[]): readonly Way[] {
  const start = `weft ${firstWord(name)}`;
  const lines = synopsis.filter((line) => `${line} `.startsWith(`${start} `));
  const simple = lines.filter((line) => !/ -/.test(withoutBrackets(line)));
  const flags = options.flatMap(choicesOf).filter(({ value }) => value === undefined);
  return (simple.length > 0 ? simple : lines).map((line) => {
    const words = placeWords(line.slice(start.length), flags);
    const places = words.map((word) => offerOf(word.replace(/\.{3}$/, ""), commands));
    return { places, isOpen: words.at(-1)?.endsWith("...") === true };
  });
}

function withoutBrackets(line: string): string {
  const shorter = line.replace(/\[[^[\]]*\]/g, "");
  return shorter === line ? line : withoutBrackets(shorter);
}

/** The words of a synopsis without its options and what follows these. */
function placeWords(line: string, flags: readonly Choice[]): readonly string[] {
  const words = line.replace(/[[\]]/g, " ").split(/\s+/);
  const isFlag = (word: string) => flags.some(({ spelling }) => spelling === word);
  return words.filter((word, i) => {
    const before = words[i - 1] ?? "";
    const isValue = before.startsWith("-") && !before.includes("=") && !isFlag(before);
    return !/^(-.*|OPTION\.*|\||\.*)$/.test(word) && !isValue;
  });
}

const kindsOfWord: { readonly [word: string]: readonly Kind[] } = {
  NETWORK: ["networks"],
  NETNS: ["netns"],
  CONTAINERID: ["containers"],
  OWNER: ["containers"],
  ID: ["containers"],
  FILE: ["files"],
  LIST: ["networks", "files"],
  DIR: ["directories"],
};

/** Words in capitals stand for something, others for themselves: `NETWORK`, `bash|zsh|fish`. */
function offerOf(word: string, commands: readonly string[]): Offer {
  const parts = word.split("|").filter((part) => part !== "" && !part.startsWith("-"));
  const names = parts.filter((part) => /[A-Z]/.test(part));
  const own = parts.filter((part) => !/[A-Z]/.test(part));
  const kinds = names.flatMap((name) => kindsOfWord[name] ?? []);
  const words = names.includes("COMMAND") ? [...own, ...commands] : own;
  return { title: names.join(" or "), kinds, words };
}

function together(offers: readonly Offer[]): Offer {
  const titles = offers.map(({ title }) => title).filter((title) => title !== "");
  return {
    title: [...new Set(titles)].join(" or "),
    kinds: [...new Set(offers.flatMap(({ kinds }) => kinds))],
    words: [...new Set(offers.flatMap(({ words }) => words))],
  };
}
