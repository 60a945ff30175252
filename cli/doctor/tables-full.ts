/** Tables of the kernel that are nearly full, or too small for the containers of this host. */

import { readTextIfPresent } from "../../lib/host/file.ts";
import { setting } from "./command.ts";
import type { Check, Examined, Finding } from "./finding.ts";

/** Parts of a table: from the first one on it may be full soon, from the second one on it is. */
const NEARLY = 0.8;
const FULL = 0.98;

const CONNTRACK = {
  count: "net/netfilter/nf_conntrack_count",
  most: "net/netfilter/nf_conntrack_max",
};
const NEIGHBOURS = "net/ipv4/neigh/default/gc_thresh3";
const INSTANCES = "fs/inotify/max_user_instances";

export const tablesFull: Check = (examined) => [
  ...conntrack(examined),
  ...neighbours(examined),
  ...inotify(examined),
];

/** New connections are dropped when it is full, without a word to either end. */
function conntrack(examined: Examined): readonly Finding[] {
  const count = numberOf(examined, CONNTRACK.count);
  const most = numberOf(examined, CONNTRACK.most);
  if (count === undefined || !most || count < NEARLY * most) return [];
  return [
    {
      ...{ id: "conntrack-full", level: count < FULL * most ? "warning" : "error" },
      finding: `The table of connections has ${count} of at most ${most}: when it is full, new ones are dropped`,
      advice: `Run: ${setting(CONNTRACK.most, `${most * 2}`)}, or see who makes them: conntrack -L`,
    },
  ];
}

/** Each container is a neighbour, and each other host of an overlay. */
function neighbours(examined: Examined): readonly Finding[] {
  const most = numberOf(examined, NEIGHBOURS);
  const count = Math.max(examined.kept.length, arpEntries());
  if (!most || count < NEARLY * most) return [];
  return [
    {
      ...{ id: "neighbours-full", level: count < FULL * most ? "warning" : "error" },
      finding: `There are ${count} containers or neighbours, of which the kernel keeps ${most}: those beyond are not reached`,
      advice: `Run: ${setting(NEIGHBOURS, `${most * 4}`)}, and the same for ipv6`,
    },
  ];
}

/** Less a line that says what the columns are. */
function arpEntries(): number {
  const lines = readTextIfPresent("/proc/self/net/arp")?.split("\n") ?? [];
  return Math.max(0, lines.length - 2);
}

/** Runtimes, agents and programs in containers take some each; most have the same user, root. */
function inotify(examined: Examined): readonly Finding[] {
  const most = numberOf(examined, INSTANCES);
  const count = examined.kept.length;
  if (most === undefined || count === 0 || count < NEARLY * most) return [];
  return [
    {
      ...{ id: "inotify-few", level: "warning" },
      finding: `There are ${count} attachments, but a user may have ${most} inotify instances: programs in containers may say "too many open files"`,
      advice: `Run: ${setting(INSTANCES, `${Math.max(1024, count * 8)}`)}`,
    },
  ];
}

function numberOf(examined: Examined, path: string): number | undefined {
  const text = examined.sysctl(path);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
