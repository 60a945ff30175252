/** What a namespace was before: read, written into a backup and out of it, and restored. */

import type { Attachment } from "../../lib/cni/call.ts";
import { asMuchAsPossible } from "../../lib/cni/undo.ts";
import { formatMac, parseMac } from "../../lib/ip/mac.ts";
import type { Netns } from "../../lib/net/netns.ts";
import type { NetnsIdentity } from "../../lib/net/netns-identity.ts";
import { readSysctlToChange, restoreSysctl } from "../../lib/net/sysctl.ts";
import { readTunables, restoreTunables, type Tunables } from "../../lib/net/tuning.ts";
import type { Backup } from "../../lib/state/backup.ts";

/** Former values: of the link, and of sysctls in the order they are written in. */
export interface Former {
  readonly link: Partial<Tunables>;
  readonly sysctls: readonly (readonly [path: string, value: string])[];
}

/** The present values of everything that is about to be changed; throws if something cannot be. */
export function formerOf(
  { host, container }: { readonly host: Netns; readonly container: Netns },
  ifName: string,
  wanted: Former,
): Former {
  const keys = Object.keys(wanted.link);
  const link = keys.length > 0 ? Object.entries(readTunables(container, ifName)) : [];
  return {
    link: Object.fromEntries(link.filter(([key]) => keys.includes(key))),
    sysctls: wanted.sysctls.map(([path]) => [path, readSysctlToChange(container, path, host)]),
  };
}

/** What an earlier ADD has kept is older, and so comes before what is there now. */
export function merged(before: Backup | undefined, now: Former): Former {
  const { mac, mtu, promisc, allmulti, txQLen, sysctl } = before ?? {};
  const kept = typeof mac === "string" ? parseMac(mac) : undefined;
  const link: Partial<Tunables> = {
    ...now.link,
    ...(kept === undefined ? {} : { mac: kept }),
    ...(typeof mtu === "number" ? { mtu } : {}),
    ...(typeof promisc === "boolean" ? { promisc } : {}),
    ...(typeof allmulti === "boolean" ? { allmulti } : {}),
    ...(typeof txQLen === "number" ? { txQLen } : {}),
  };
  const older = typeof sysctl === "object" && sysctl !== null ? Object.entries(sysctl) : [];
  const texts = older.flatMap(([path, value]) =>
    typeof value === "string" && isPath(path) ? [[path, value] as const] : [],
  );
  const known = new Set(texts.map(([path]) => path));
  return { link, sysctls: [...texts, ...now.sysctls.filter(([path]) => !known.has(path))] };
}

/** As much as can be made what it was: the link first, then sysctls in the reverse order. */
export function restoreFormer(container: Netns, ifName: string, { link, sysctls }: Former): void {
  const isTuned = Object.keys(link).length > 0;
  const backwards = [...sysctls].reverse();
  asMuchAsPossible(
    ["restore the link", () => isTuned && restoreTunables(container, ifName, link)],
    ...backwards.map(
      ([path, value]) => [`restore ${path}`, () => restoreSysctl(container, path, value)] as const,
    ),
  );
}

/** A file may have been written to by others: only sysctls of the network are restored. */
function isPath(path: string): boolean {
  return path.startsWith("net/") && path.split("/").every((part) => !/^\.*$/.test(part));
}

/** The backup's file: the reference plugin's keys, and ours: whose it is, and of which namespace. */
export function backupOf(
  { network, containerID, ifName }: Attachment,
  netns: NetnsIdentity,
  { link, sysctls }: Former,
): Backup {
  const { mac, ...rest } = link;
  return {
    ...(mac === undefined ? {} : { mac: formatMac(mac) }),
    ...rest,
    sysctl: Object.fromEntries(sysctls),
    network,
    containerID,
    ifName,
    netns,
  };
}
