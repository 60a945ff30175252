/**
 * Pages for the manual (man(7), groff_man(7)). The build makes files of them; nothing of this is in
 * the image.
 */

import { type Group, groups, pages, topics } from "../pages/all.ts";
import { type Page, usualStatus } from "../pages/page.ts";
import { capitalised } from "./layout.ts";
import { manualName } from "./page-text.ts";

/** A file of section 1, and what is in it. */
export interface ManualPage {
  readonly file: string;
  readonly text: string;
}

/** The manual: a page for each command, and one that lists them. */
export function manual(version: string): readonly ManualPage[] {
  const own = [...pages, ...topics].map((page) => ({
    file: `${manualName(page)}.1`,
    text: manualText(page, version),
  }));
  return [{ file: "weft.1", text: indexText(version) }, ...own];
}

/** One page, in the language of man. */
export function manualText(page: Page, version: string): string {
  const { summary, text, options, variables = [], examples, status = usualStatus } = page;
  return lines(
    ...title(manualName(page), summary, version),
    ...synopsisOf(page),
    ".SH DESCRIPTION",
    `${escaped(`${capitalised(summary)}.`)}`,
    ...text.flatMap((each) => [".PP", escaped(each)]),
    ...section(
      "OPTIONS",
      options.flatMap(({ flags, what }) => tagged(flagWords(flags), what)),
    ),
    ...section(
      "ENVIRONMENT",
      variables.flatMap(({ name, what }) => tagged(bold(name), what)),
    ),
    ".SH EXIT STATUS",
    escaped(status),
    ...section(
      "EXAMPLES",
      examples.flatMap(({ command, what }) => tagged(bold(command), what)),
    ),
    ...seeAlso(page),
  );
}

function indexText(version: string): string {
  const intro =
    "weft is the command line of a suite of CNI plugins: it runs lists of plugins as container " +
    "runtimes do, shows what there is on a host, finds what is wrong, and mends it.";
  return lines(
    ...title("weft", "runs and looks after the networks of containers", version),
    ".SH SYNOPSIS",
    `${bold("weft")} ${italic("COMMAND")} ...`,
    ".SH DESCRIPTION",
    escaped(intro),
    ".SH COMMANDS",
    ...groups.flatMap(commandsOf),
    ".SH EXIT STATUS",
    escaped(usualStatus),
    ".SH SEE ALSO",
    [...topics, ...pages].map(reference).join(",\n"),
  );
}

function commandsOf({ title, pages }: Group): readonly string[] {
  const rows = pages.flatMap(({ name, summary }) => tagged(bold(name), summary));
  return [`.SS ${escaped(capitalised(title))}`, ...rows];
}

/* ---- parts ---- */

/** Without a date: the same sources make the same file. */
function title(name: string, summary: string, version: string): readonly string[] {
  const head = [name.toUpperCase(), "1", "", `weft ${version}`, "weft, a suite of CNI plugins"];
  return [
    '.\\" Made of cli/pages of weft, a suite of CNI plugins.',
    `.TH ${head.map((word) => `"${escaped(word)}"`).join(" ")}`,
    ".nh",
    ".ad l",
    ".SH NAME",
    `${escaped(name)} \\- ${escaped(summary)}`,
  ];
}

function synopsisOf({ synopsis }: Page): readonly string[] {
  const ways = synopsis.map((way, i) => (i === 0 ? escaped(way) : `.br\n${escaped(way)}`));
  return [".SH SYNOPSIS", ...ways];
}

function section(name: string, content: readonly string[]): readonly string[] {
  return content.length > 0 ? [`.SH ${name}`, ...content] : [];
}

function tagged(tag: string, what: string): readonly string[] {
  return [".TP", tag, escaped(what)];
}

/** `--ifname NAME, -i NAME`: what is typed in bold, what it stands for in italics. */
function flagWords(flags: string): string {
  const ways = flags.split(", ").map((way) => {
    const [spelling = "", ...value] = way.split(" ");
    return [bold(spelling), ...value.map(italic)].join(" ");
  });
  return ways.join(", ");
}

/** All pages of the same command, and the index. */
function seeAlso(page: Page): readonly string[] {
  const [first = ""] = page.name.split(" ");
  const kin = pages.filter((each) => each !== page && each.name.split(" ")[0] === first);
  return [".SH SEE ALSO", [`${bold("weft")}(1)`, ...kin.map(reference)].join(",\n")];
}

function reference(page: Page): string {
  return `${bold(manualName(page))}(1)`;
}

/* ---- the language of man ---- */

function bold(text: string): string {
  return `\\fB${escaped(text)}\\fR`;
}

function italic(text: string): string {
  return `\\fI${escaped(text)}\\fR`;
}

const special: { readonly [character: string]: string } = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  '"': "\\(dq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
};

/** Text as it is: no character of it means anything, nor does a full stop that begins a line. */
export function escaped(text: string): string {
  const plain = text.replace(/[\\\-'"`^~]/g, (character) => special[character] ?? "");
  const ascii = plain.replace(/[^ -~]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 32 ? " " : `\\[u${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });
  return ascii.startsWith(".") ? `\\&${ascii}` : ascii;
}

function lines(...all: readonly string[]): string {
  return `${all.join("\n")}\n`;
}
