/**
 * `weft show`: everything that is one container's, as the kernel says, and where that differs from
 * what the runtime keeps.
 */

import { flannelsContainers } from "../lib/inventory/delegated.ts";
import type { Glance } from "../lib/inventory/glance.ts";
import { type Attached, allAttachments } from "./see/attached.ts";
import { lookClosely } from "./see/closely.ts";
import { differencesOf } from "./see/differences.ts";
import { addressesTold, makerOf, mappingsOf, ratesOf } from "./see/facts.ts";
import { meant } from "./see/owner-words.ts";
import { saying } from "./see/say.ts";
import { partsInWords } from "./see/show-words.ts";
import type { Shown } from "./see/shown.ts";
import { DATA_DIR, dataDirsIn, sortWords } from "./see/words.ts";

/** Shows a container's attachments: 0, 1, or undefined if called wrongly. */
export function run(words: readonly string[]): number | undefined {
  const sorted = sortWords(words, { flags: ["--json"], values: [DATA_DIR] });
  const dataDirs = sorted && dataDirsIn(sorted);
  const [owner, ...more] = sorted?.names ?? [];
  if (!sorted || !dataDirs || owner === undefined || more.length > 0) return undefined;
  return saying(sorted.flags.includes("--json"), () => {
    const { shown, faults } = show(owner, dataDirs);
    return { json: shown, lines: () => shown.flatMap(partsInWords), faults };
  });
}

function show(word: string, dataDirs: readonly string[]) {
  const { attached, glance, directories, faults: first } = allAttachments(dataDirs);
  const faults = [...first];
  const isFlannels = flannelsContainers(directories.delegated);
  const own = attached.length === 0 && faults.length > 0 ? [] : meant(word, attached);
  const shown = own.map((each): Shown => {
    const close = lookClosely(each, { glance, directories, faults });
    const { inside, insideFault, host, networkPolicies, things } = close;
    const rates = ratesOf(each, glance);
    return {
      ...headOf(each, glance),
      madeBy: makerOf(each, isFlannels),
      ...{ inside, insideFault, host, networkPolicies },
      things: things.map(({ kind, what, mark }) => ({ kind, what, mark })),
      kept: keptOf(each),
      differences: differencesOf({ attached: each, close, rates }),
    };
  });
  return { shown, faults: [...new Set(faults)] };
}

function headOf(attached: Attached, glance: Glance) {
  const { owner, kept, isAlive, why, plugins } = attached;
  return {
    ...owner,
    ...{ netns: kept?.netns ?? "", isAlive, why, plugins },
    addresses: addressesTold(attached),
    hostPorts: mappingsOf(attached),
    rates: ratesOf(attached, glance),
  };
}

function keptOf({ kept }: Attached): Shown["kept"] {
  if (!kept) return null;
  const { result = null, args = [], capabilities = {} } = kept;
  return { result, args: args.map(([key, value]) => [key, value]), capabilities };
}
