/**
 * Cards of the picture for people: a thing is a box with its name and what there is to say of it, and
 * what hangs on it are boxes below, a step to the right, each on a line of its own.
 *
 *   ┌ bridge cni0 ──┐
 *   └┬──────────────┘
 *    ├┌ c001 eth0 ──┐
 *    └┌ c002 eth0 ──┐
 */

import { cut, plain } from "./plain.ts";
import { fewer, groupsOf } from "./siblings.ts";
import type { Branch } from "./tree.ts";

/** Where a card is drawn, in pixels. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** Elements of SVG, and how far down they reach from where they began. */
export interface Drawn {
  readonly marks: readonly string[];
  readonly height: number;
}

const LINE = 16;
const PADDING = 9;
const INDENT = 22;
const GAP = 8;
/** What a character of 12 pixels takes in most monospaced fonts. */
const CHARACTER = 7.3;

/** Where lines between cards come to one, below its upper edge. */
export const SHOULDER = 17;

/** Draws a thing with all that hangs on it; of many of a kind, as many as are to be shown. */
export function drawTree(branch: Branch, place: Place, most: number | undefined): Drawn {
  const card = drawCard(branch, place);
  const below = groupsOf(branch.branches).flatMap((group) => fewer(group, most));
  const stem = place.x + INDENT / 2;
  const marks = [...card.marks];
  let height = card.height;
  let last = 0;
  for (const each of below) {
    const y = place.y + height + GAP;
    const tree = drawTree(each, { x: place.x + INDENT, y, width: place.width - INDENT }, most);
    last = y + SHOULDER;
    marks.push(line(`M${stem} ${last}H${place.x + INDENT}`), ...tree.marks);
    height += GAP + tree.height;
  }
  if (last > 0) marks.push(line(`M${stem} ${place.y + card.height}V${last}`));
  return { marks, height };
}

/** A path between cards; `more` is a class besides. */
export function line(path: string, more = ""): string {
  return `<path class="line${more}" d="${path}"/>`;
}

/** Text from outside, as text of XML. */
export function escaped(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
  return plain(text).replace(
    /[&<>"']/g,
    (character) => entities[character] ?? `&#${character.charCodeAt(0)};`,
  );
}

/** Parts as lines of so many pixels: what is too long for a line is broken between words, or cut. */
export function wrapped(parts: readonly string[], width: number): readonly string[] {
  const length = Math.floor(width / CHARACTER);
  const lines = filled(parts.map(plain), ", ", length).flatMap((line) =>
    [...line].length <= length ? [line] : filled(line.split(" "), " ", length),
  );
  return lines.map((line) => cut(line, length));
}

/** As many of the parts in each line as there is room for, and one at least. */
function filled(parts: readonly string[], between: string, length: number): readonly string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    const joined = last === undefined ? part : last + between + part;
    if (last !== undefined && [...joined].length <= length) lines.splice(-1, 1, joined);
    else lines.push(part);
  }
  return lines;
}

/** One line of text. */
export function textAt(x: number, y: number, { text, look }: Words): string {
  return `<text x="${x}" y="${y}" class="${look}">${escaped(text)}</text>`;
}

interface Words {
  readonly text: string;
  /** A class of the style sheet. */
  readonly look: "name" | "words" | "title";
}

function drawCard(branch: Branch, { x, y, width }: Place): Drawn {
  const { name, parts } = saidOf(branch);
  const room = width - 2 * PADDING;
  const lines = [
    ...wrapped([name], room).map((text): Words => ({ text, look: "name" })),
    ...wrapped(parts, room).map((text): Words => ({ text, look: "words" })),
  ];
  const height = lines.length * LINE + 2 * PADDING - 4;
  const look = `card ${branch.kind}${branch.isGone ? " gone" : ""}`;
  const box = `<rect class="${look}" x="${x}" y="${y}" width="${width}" height="${height}" rx="6"/>`;
  const texts = lines.map((each, i) => textAt(x + PADDING, y + PADDING + 10 + i * LINE, each));
  return { marks: [box, ...texts], height };
}

/** Of a container its name comes first, and by what it hangs last. */
function saidOf({ kind, cells }: Branch): { readonly name: string; readonly parts: string[] } {
  const [first = "", second = "", ...rest] = cells;
  const said = (words: readonly string[]) => words.filter((word) => word !== "");
  const means = first === "" ? "" : `by ${first}`;
  if (kind === "containers") return { name: second, parts: said([...rest, means]) };
  if (kind === "ports") return { name: `${first} ${second}`, parts: said(rest) };
  return { name: first, parts: said([second, ...rest]) };
}
