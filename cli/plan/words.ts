/** A plan in words, a line for each step, and as JSON. */

import { brief, type CniError } from "../../lib/cni/error.ts";
import type { Change } from "../../lib/rehearsal/difference.ts";
import type { Wanted } from "../list-options.ts";

/** One change, and by which plugin; "weft" stands for this program itself. */
export interface Step extends Change {
  readonly plugin: string;
}

/** What ADD or DEL would do. */
export interface Plan {
  readonly command: "add" | "del";
  readonly network: string;
  readonly netns: string;
  readonly wanted: Wanted;
  /** What is not as it would be, in words. */
  readonly notes: readonly string[];
  readonly steps: readonly Step[];
  readonly failure: { readonly plugin: string; readonly error: CniError } | undefined;
}

/** A list of steps; a failure is the last of them. */
export function jsonOf({ steps, failure }: Plan): readonly unknown[] {
  const all = steps.map(({ plugin, kind, action, where, what, detail, before }, i) => {
    const was = before === undefined ? {} : { before };
    return { step: i + 1, plugin, kind, action, where, what, detail, ...was };
  });
  if (!failure) return all;
  const { code, message, details } = failure.error;
  const step = all.length + 1;
  const error = { code, msg: message, ...(details === "" ? {} : { details }) };
  return [
    ...all,
    { step, plugin: failure.plugin, kind: "error", action: "fail", what: message, detail: error },
  ];
}

/** A line that says what is planned, one for each note, and one for each step. */
export function linesOf(plan: Plan): readonly string[] {
  const { command, network, netns, wanted, notes, steps, failure } = plan;
  const whose = `interface ${wanted.ifName} of container ${wanted.containerID} in ${netns}`;
  const title = `${command.toUpperCase()} of network "${network}" for ${whose} would do this:`;
  const width = (texts: readonly string[]) => Math.max(0, ...texts.map(({ length }) => length));
  const plugins = width(steps.map(({ plugin }) => plugin));
  const numbers = `${steps.length}`.length;
  const lines = grouped(steps).map(({ number, of }) => {
    const [step] = of;
    const place = step.kind === "file" ? "" : step.where;
    const columns = [`${number}`.padStart(numbers), step.plugin.padEnd(plugins), place.padEnd(9)];
    return `${columns.join("  ")}  ${of.length > 1 ? together(of) : sentence(step)}`;
  });
  const none = lines.length === 0 && !failure ? ["nothing would be changed"] : [];
  return [title, ...notes.map((note) => `note: ${note}`), ...lines, ...none];
}

/** Steps that are told in one line, with the number of the first. */
interface Group {
  readonly number: number;
  readonly of: readonly [Step, ...Step[]];
}

/** The frame of nf_tables is told by its kinds: rules of a chain, and names of chains and sets. */
function grouped(steps: readonly Step[]): readonly Group[] {
  const groups: { number: number; of: [Step, ...Step[]] }[] = [];
  steps.forEach((step, i) => {
    const last = groups.at(-1);
    if (last && groupOf(step) !== "" && groupOf(step) === groupOf(last.of[0])) last.of.push(step);
    else groups.push({ number: i + 1, of: [step] });
  });
  return groups;
}

function groupOf({
  plugin,
  where,
  action,
  kind,
  detail: { type = "", table = "", chain = "" },
}: Step) {
  const isFrame = kind === "nft" && ["chain", "set", "rule"].includes(String(type));
  return isFrame ? [plugin, where, action, type, table, chain].join("|") : "";
}

/** `make nf_tables sets masquerade4, masquerade6 of table inet weft`. */
function together(steps: Group["of"]): string {
  const [{ action, detail }] = steps;
  if (detail.type === "rule") {
    return `${action} nf_tables ${steps.length} rules of chain ${detail.chain} of table ${detail.table}`;
  }
  const names = steps.map((step) => step.detail.name).join(", ");
  return `${action} nf_tables ${detail.type}s ${names} of table ${detail.table}`;
}

/** `make link cni0: bridge, mtu 1500, up`. */
function sentence({ action, kind, what, detail, before }: Step): string {
  const name = kind === "nft" ? `nf_tables ${what}` : `${kind} ${what}`;
  const more = before
    ? Object.entries(detail).map(
        ([key, value]) => `${key} ${valueText(before[key])} → ${valueText(value)}`,
      )
    : Object.entries(detail).flatMap(([key, value]) => detailText(kind, key, value));
  return `${action} ${name}${more.length > 0 ? `: ${more.join(", ")}` : ""}`;
}

/** What the name of a thing of a kind says already. */
const said: { readonly [kind: string]: readonly string[] } = {
  address: ["address", "link"],
  route: ["destination", "gateway", "link", "family"],
  rule: ["from", "table"],
  neighbour: ["link", "address", "mac"],
  qdisc: ["link", "type"],
  filter: ["link", "to"],
  nft: ["type", "table", "name", "chain", "set", "element"],
};
/** Values that speak for themselves. */
const plain = ["kind", "state"];

type Value = string | number | boolean;

function detailText(kind: string, key: string, value: Value): readonly string[] {
  if (said[kind]?.includes(key)) return [];
  if (kind === "link" && plain.includes(key)) return [`${value}`];
  if (value === true) return [key];
  return [`${key} ${key === "text" ? brief(String(value)) : valueText(value)}`];
}

function valueText(value: Value | undefined): string {
  return value === undefined || value === "" ? "none" : `${value}`;
}
