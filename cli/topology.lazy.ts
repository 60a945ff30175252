/** `weft topology`: a picture of this host, as text, as SVG, or as the graph in JSON. */

import * as host from "host";
import { CniError, oneLine } from "../lib/cni/error.ts";
import { writeAll } from "../lib/host/file.ts";
import { gather } from "./topology/gather.ts";
import { type Topology, topologyOf } from "./topology/model.ts";
import { plain } from "./topology/plain.ts";
import { svgOf } from "./topology/svg.ts";
import { textOf } from "./topology/text.ts";
import { forestOf } from "./topology/tree.ts";

const FINE = 0;
const FAULTY = 1;

/** Prints the picture; undefined if the words are no right ones. */
export function run(words: readonly string[]): number | undefined {
  const options = ["--all", "--json", "--svg"];
  const isWrong = words.some((word) => !options.includes(word));
  const [isAll, isJson, isSvg] = options.map((option) => words.includes(option));
  if (isWrong || (isJson && isSvg)) return undefined;
  try {
    const topology = topologyOf(gather());
    const draw = isJson ? jsonOf : isSvg ? svg : picture;
    print(1, draw(topology, isAll ?? false));
    for (const sentence of isJson ? [] : topology.unseen) print(2, `weft: ${plain(sentence)}`);
    return FINE;
  } catch (cause) {
    print(2, oneLine(`weft: ${CniError.from(cause).message}`));
    return FAULTY;
  }
}

/** Columns of a terminal's line, and how many things of a kind are shown side by side. */
const WIDTH = 100;
const MOST = 10;

function picture(topology: Topology, isAll: boolean): string {
  const forest = forestOf(topology, { isWhole: isAll });
  const extent = isAll ? { width: undefined, most: undefined } : { width: WIDTH, most: MOST };
  return textOf(`host ${topology.hostname}`, forest, extent).join("\n");
}

function svg(topology: Topology, isAll: boolean): string {
  return svgOf(topology, forestOf(topology, { isWhole: isAll }), isAll ? undefined : MOST);
}

/** What a terminal obeys is escaped in JSON texts already, but for the upper controls. */
function jsonOf(topology: Topology): string {
  return JSON.stringify(topology, null, 2).replace(/[\u007f-\u009f]/g, oneLine);
}

function print(fd: number, text: string): void {
  writeAll(fd, host.encode(`${text}\n`), "output");
}
