/** One case on one side: a machine of its own, prepared, and the commands in their order. */

import { type Bed, createBed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import type { Config } from "../bed/invocation.ts";
import type { Outcome } from "../bed/outcome.ts";
import { by, hasCheck, type Reference, type Side, versionsWith } from "../bed/sides.ts";
import type { Case } from "./cases.ts";
import { isAskedFor } from "./state.ts";

/** A side's machine, prepared for a case. */
export interface Site {
  readonly bed: Bed;
  readonly box: Container;
  readonly side: Side;
}

/** Makes the machine of a case, hands it over, and removes it. */
export async function onSite<T>(
  { before, inside }: Case,
  side: Side,
  body: (site: Site) => Promise<T>,
): Promise<T> {
  const bed = createBed();
  try {
    const box = bed.container();
    if (before) bed.host.sh(before);
    if (inside) box.sh(inside);
    return await body({ bed, box, side });
  } finally {
    bed.dispose();
  }
}

/** Versions among which every shape of results is: ip4 and ip6, addresses with a version, and not. */
const shapes = ["0.2.0", "0.4.0"];

/** The versions a case is run in beside a release of the reference. */
export function versionsOf({ versions }: Case, reference: Reference): readonly string[] {
  const common = versionsWith[reference];
  const [oldest = "", newest = ""] = [common.at(0), common.at(-1)];
  if (versions === "newest") return [newest];
  if (versions === "oldest and newest") return [oldest, newest];
  return versions === "one of each shape" ? [...shapes, newest] : common;
}

/** What the commands of one attachment printed: a result, or an error. */
export type Told = Readonly<Partial<Record<"add" | "check" | "del", Answer>>>;
type Answer = { readonly result: unknown } | { readonly error: unknown };

/** One attachment between its ADD and its DEL. */
export interface Added {
  readonly version: string;
  readonly ended: Outcome;
  /** What runtimes hand to the commands that follow. */
  readonly prevResult: unknown;
}

/** ADD of one attachment, with what comes before it. */
export async function add(site: Site, row: Case, version: string): Promise<Added> {
  const before = await beforeIt(site, row, version);
  const ended = await run(site, row, { command: "ADD", version, prevResult: before });
  return { version, ended, prevResult: ended.exitCode === 0 ? parse(ended.stdout) : before };
}

/** CHECK, where there is one, and DEL of it; what all its commands printed. */
export async function end(site: Site, row: Case, added: Added): Promise<Told> {
  const { version, ended, prevResult } = added;
  const later = { version, prevResult };
  const isChecked = ended.exitCode === 0 && hasCheck(version);
  const checked = isChecked ? await run(site, row, { command: "CHECK", ...later }) : undefined;
  const deleted = await run(site, row, { command: "DEL", ...later });
  if (row.after) await network(site, row.after, { command: "DEL", ...later });
  return {
    add: answer(ended),
    ...(checked && { check: answer(checked) }),
    del: answer(deleted),
  };
}

interface Step {
  readonly command: string;
  readonly version: string;
  readonly prevResult: unknown;
}

function run({ bed, box, side }: Site, row: Case, step: Step): Promise<Outcome> {
  const { command, version, prevResult } = step;
  const { program, config, args, ifName, env } = row;
  return bed.start(program, {
    command,
    container: box,
    config: { cniVersion: version, ...config, prevResult },
    ...(args === undefined ? {} : { args }),
    ...(ifName === undefined ? {} : { ifName }),
    ...(env === undefined ? {} : { env }),
    ...by(bed, side),
  });
}

/** The result of the plugins before it in the list, if there are any. */
async function beforeIt(site: Site, { after, previous }: Case, version: string): Promise<unknown> {
  if (after) return (await network(site, after, { command: "ADD", version })).result;
  if (previous === undefined) return undefined;
  if (version < "0.3.0") return { cniVersion: version, ip4: { ip: previous } };
  const interfaces = [{ name: "other0", sandbox: site.box.netns }];
  const ips = [{ version: "4", address: previous, interface: 0 }];
  return { cniVersion: version, interfaces, ips };
}

/** Our bridge plugin, on both sides. */
function network(
  { bed, box }: Site,
  more: Config,
  { command, version, prevResult }: Omit<Step, "prevResult"> & Partial<Step>,
): Promise<Outcome> {
  const given = command === "ADD" ? {} : { prevResult };
  const config = { cniVersion: version, name: "net", type: "bridge", ...more, ...given };
  return bed.start("bridge", { command, container: box, config });
}

/** What was printed, without what is random; anything but one JSON document is shown as it is. */
function answer({ exitCode, signal, stdout }: Outcome): Answer {
  const printed = parse(alike(stdout));
  if (exitCode === 0) return { result: printed };
  return { error: exitCode === 1 ? printed : { exitCode, signal, printed } };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Names of host ends, and hardware addresses nobody asked for, are all the same. */
function alike(text: string): string {
  const isChosen = (mac: string) => isAskedFor(mac) || mac === "00:00:00:00:00:00";
  return text
    .replace(/veth[0-9a-f]{8}/g, "veth…")
    .replace(/\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, (mac) => (isChosen(mac) ? mac : "some MAC"));
}
