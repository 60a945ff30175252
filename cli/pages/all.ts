/** All pages, by what people want of a command. A new one has its line in each of the two lists. */

import { add } from "./add.ts";
import { agent, agentInit, agentRemove, agentStatus } from "./agent.ts";
import { check } from "./check.ts";
import { cnitool } from "./cnitool.ts";
import { completion } from "./completion.ts";
import { del } from "./del.ts";
import { doctor } from "./doctor.ts";
import { gc } from "./gc.ts";
import { help } from "./help.ts";
import { install } from "./install.ts";
import { inventory } from "./inventory.ts";
import { ipamFree, ipamLs, ipamShow } from "./ipam.ts";
import { list } from "./list.ts";
import { log } from "./log.ts";
import type { Page } from "./page.ts";
import { plan } from "./plan.ts";
import { policyExplain } from "./policy.ts";
import { ps } from "./ps.ts";
import { reapply } from "./reapply.ts";
import { show } from "./show.ts";
import { status } from "./status.ts";
import { topology } from "./topology.ts";
import { validate } from "./validate.ts";
import { version } from "./version.ts";

export interface Group {
  readonly title: string;
  readonly pages: readonly Page[];
}

/** All commands. Those of two words, as `ipam ls`, follow each other. */
export const groups: readonly Group[] = [
  {
    title: "run lists",
    pages: [add, del, check, status],
  },
  {
    title: "see",
    pages: [ps, show, ipamLs, ipamShow, ipamFree, topology, inventory, log],
  },
  {
    title: "find",
    pages: [doctor, validate, plan, policyExplain],
  },
  {
    title: "mend",
    pages: [gc, reapply],
  },
  {
    title: "set up",
    pages: [agent, agentStatus, agentInit, agentRemove, install],
  },
  {
    title: "know weft",
    pages: [list, version, completion, help],
  },
];

export const pages: readonly Page[] = groups.flatMap((group) => group.pages);

/** What is told by `weft help NAME`, and in the manual, without being a command. */
export const topics: readonly Page[] = [cnitool];

/** The page of the first words of a call; undefined if there is none. */
export function pageOf([first = "", second = ""]: readonly string[]): Page | undefined {
  const named = (name: string) => [...pages, ...topics].find((page) => page.name === name);
  return named(`${first} ${second}`) ?? named(first);
}

/** The page of a call, or, where a command has pages for its second words only, all of these. */
export function pagesOf(words: readonly string[]): readonly Page[] {
  const page = pageOf(words);
  if (page) return [page];
  return pages.filter(({ name }) => name.startsWith(`${words[0] ?? ""} `));
}

/** The commands by their first words. */
export const commandNames: readonly string[] = [
  ...new Set(pages.map(({ name }) => name.replace(/ .*/, ""))),
];
