/**
 * `weft plan add|del`: what ADD or DEL would make, change and remove on this host, by really doing
 * it in a copy of the host that ends with this process (lib/rehearsal).
 */

import * as host from "host";
import { memberOf } from "../lib/cni/config.ts";
import { NO_LOG } from "../lib/cni/defaults.ts";
import { CniError, oneLine } from "../lib/cni/error.ts";
import { isObject } from "../lib/cni/json.ts";
import { changesBetween, momentOf } from "../lib/rehearsal/difference.ts";
import { enterStage, type Stage } from "../lib/rehearsal/stage.ts";
import { add } from "./add.ts";
import { listIfAny, listOf, ownerOf } from "./attachment.ts";
import { readKept } from "./cache.ts";
import { del } from "./del.ts";
import type { NetworkList } from "./list-file.ts";
import { readWanted, type Wanted } from "./list-options.ts";
import type { Observer } from "./observer.ts";
import { filesFor } from "./plan/files.ts";
import { jsonOf, linesOf, type Plan, type Step } from "./plan/words.ts";

const FINE = 0;
const FAULTY = 1;

/** The words behind `plan`: the status, or undefined if they are no right ones. */
export function run(words: readonly string[]): number | undefined {
  const [command = "", ...more] = words;
  if (command !== "add" && command !== "del") return undefined;
  try {
    const wanted = readPlanned(command, more);
    return wanted && show(rehearse(command, wanted), wanted.isJson);
  } catch (cause) {
    tell(CniError.from(cause));
    return FAULTY;
  }
}

/** What does not happen is not logged. */
const variables = { WEFT_LOG: NO_LOG };

/** Where a namespace would be that nobody has named. */
const ANY_NETNS = "/run/netns/any";

/** As `weft add` and `weft del` have it, but that no namespace needs to be named. */
function readPlanned(command: string, words: readonly string[]): Wanted | undefined {
  return readWanted(command, words) ?? readWanted(command, [...words, ANY_NETNS]);
}

/** Enters the copy: this process is of no other use afterwards. */
function rehearse(command: "add" | "del", wanted: Wanted): Plan {
  const { list, netns } = command === "add" ? forAdd(wanted) : forDel(wanted);
  const stage = enterStage({ netns, files: filesFor(wanted, list) });
  const { observe, steps, look, failing } = journal(stage);
  const staged = stage.netns === netns ? wanted : { ...wanted, netns: stage.netns };
  const [network, notes] = [list?.name ?? wanted.network, [...stage.notes, ...beyondReach(list)]];
  const plan = { command, network, netns, wanted, notes };
  try {
    if (command === "add") add({ ...staged, observe, variables });
    else del({ ...staged, observe, variables });
    look("weft");
    return { ...plan, steps, failure: undefined };
  } catch (cause) {
    look("weft");
    return { ...plan, steps, failure: { plugin: failing(), error: CniError.from(cause) } };
  }
}

/** What a copy of this host cannot have: other machines, and daemons, which would really do it. */
function beyondReach(list: NetworkList | undefined): readonly string[] {
  const plugins = list?.plugins ?? [];
  const isLeased = plugins.some(({ ipam }) => isObject(ipam) && memberOf(ipam, "type") === "dhcp");
  const isWalled = plugins.some((plugin) => memberOf(plugin, "type") === "firewall");
  return [
    ...(isLeased ? ["no DHCP server can be asked here: a plan ends where one would be"] : []),
    ...(isWalled ? ["firewalld is not asked: if it runs, firewall would give it addresses"] : []),
  ];
}

/** The list is read before anything else is done: what is wrong with it needs no rehearsal. */
function forAdd(wanted: Wanted) {
  return { list: listOf(wanted), netns: wanted.netns };
}

/** An attachment's namespace is that which ADD had, unless another is named. */
function forDel(wanted: Wanted): {
  readonly list: NetworkList | undefined;
  readonly netns: string;
} {
  const list = listIfAny(wanted);
  const network = list?.name ?? wanted.network;
  const kept = readKept(ownerOf(wanted, network, "DEL"));
  const netns = [wanted.netns, kept?.netns ?? ""].find((path) => path !== "");
  return { list, netns: netns ?? ANY_NETNS };
}

/** Sees what each plugin does; what is done before the first and behind the last is this program's. */
function journal(stage: Stage) {
  const steps: Step[] = [];
  let last = momentOf(stage);
  let failing = "weft";
  const look = (plugin: string) => {
    const now = momentOf(stage);
    for (const change of changesBetween(last, now)) steps.push({ plugin, ...change });
    last = now;
  };
  let isFirst = true;
  const observe: Observer = (plugin, body) => {
    if (isFirst) look("weft");
    isFirst = false;
    try {
      return body();
    } catch (cause) {
      if (failing === "weft") failing = plugin;
      throw cause;
    } finally {
      look(plugin);
    }
  };
  return { steps, look, observe, failing: () => failing };
}

function show(plan: Plan, isJson: boolean): number {
  const { failure, notes } = plan;
  for (const note of isJson ? notes : []) print(2, oneLine(`note: ${note}`));
  if (isJson) print(1, JSON.stringify(jsonOf(plan), null, 2));
  else for (const line of linesOf(plan)) print(1, oneLine(line));
  if (!failure) return FINE;
  if (!isJson) tell(failure.error);
  return FAULTY;
}

function tell({ code, message, details }: CniError): void {
  const more = details === "" ? "" : `; ${details}`;
  print(2, oneLine(`weft: ${message} (code ${code})${more}`));
}

function print(fd: number, text: string): void {
  host.write(fd, host.encode(`${text}\n`));
}
