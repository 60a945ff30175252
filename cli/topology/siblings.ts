/** What hangs side by side: which belong together, and how many of them are shown. */

import type { Branch } from "./tree.ts";

/** Neighbours of one kind. */
export function groupsOf(branches: readonly Branch[]): readonly (readonly Branch[])[] {
  const groups: Branch[][] = [];
  for (const branch of branches) {
    const last = groups.at(-1);
    if (last?.[0]?.kind === branch.kind) last.push(branch);
    else groups.push([branch]);
  }
  return groups;
}

/** Kinds of which there are many. */
const MANY = ["devices", "containers", "peers", "rules", "ports"];

/** As many as are shown, and how many there are besides; a single one more is shown as well. */
export function fewer(group: readonly Branch[], most: number | undefined): readonly Branch[] {
  const [{ kind = "" } = {}] = group;
  if (most === undefined || group.length <= most + 1 || !MANY.includes(kind)) return group;
  const rest = `… and ${group.length - most} more ${kind} (--all shows them)`;
  return [...group.slice(0, most), { kind: "rest", cells: [rest], branches: [] }];
}
