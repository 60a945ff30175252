/**
 * tuning: sysctls of the container's network namespace, and attributes of its link.
 *
 *   container   /proc/sys/net/…  = value        eth0: MAC, MTU, promiscuous, all multicast, queue
 *   host        /run/cni/tuning/<container>_<interface>.json, what all of it was before, and where
 *
 * Afterwards the namespace is as asked for, and DEL makes it what it was: this one, and no other.
 */

import {
  type AddCall,
  type Chained,
  type DelCall,
  type GcCall,
  stdinText,
} from "../../lib/cni/call.ts";
import { collectEach } from "../../lib/cni/collect.ts";
import { configError } from "../../lib/cni/error.ts";
import type { Result } from "../../lib/cni/result.ts";
import { chainedPlugin } from "../../lib/cni/run.ts";
import { allOrNothing, tryTo } from "../../lib/cni/undo.ts";
import { holderOfLink } from "../../lib/cni/whose.ts";
import { formatMac } from "../../lib/ip/mac.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { writeSysctl } from "../../lib/net/sysctl.ts";
import { type Tunables, writeTunables } from "../../lib/net/tuning.ts";
import { type Backup, deleteBackup, writeBackup } from "../../lib/state/backup.ts";
import { backupShelf } from "../../lib/state/recorded.ts";
import { check } from "./check.ts";
import { parseTuningConfig, requireListed, type TuningConfig } from "./config.ts";
import { findDuplicate } from "./duplicate.ts";
import { type Former, formerOf, merged, restoreFormer } from "./former.ts";
import { findKept, isOfNamespace, type Keeper, type Kept, keeperFor } from "./kept.ts";
import * as schema from "./tuning.schema.json";
import { wantedOf } from "./wanted.ts";

type Add = Chained<AddCall<TuningConfig>>;

function add(call: Add, host: Netns, container: Netns): Result {
  requireUsable(call);
  const { attachment } = call;
  const wanted = wantedOf(call);
  if (wanted.sysctls.length === 0 && Object.keys(wanted.link).length === 0) return call.prevResult;
  const now = formerOf({ host, container }, attachment.ifName, wanted);
  const keeper = keeperFor(call.config.dataDir, call, { host, container });
  return allOrNothing((undo) => {
    keeper.keep(merged(keeper.before, now));
    let changed: Former = { link: {}, sysctls: [] };
    undo.before("sysctls and link", () => takeBack(call, container, { keeper, changed }));
    wanted.sysctls.forEach(([name, value], i) => {
      changed = { ...changed, sysctls: now.sysctls.slice(0, i + 1) };
      writeSysctl(container, name, value);
    });
    changed = now;
    if (Object.keys(wanted.link).length > 0) {
      writeTunables(container, attachment.ifName, wanted.link);
    }
    return tuned(call, wanted.link);
  });
}

/** Restores what was changed or may have been; if that fails, the backup holds that and no more. */
function takeBack(
  { attachment }: Add,
  container: Netns,
  { keeper, changed }: { readonly keeper: Keeper; readonly changed: Former },
): void {
  allOrNothing((undo) => {
    undo.before("note", () => keeper.keep(merged(keeper.before, changed)));
    restoreFormer(container, attachment.ifName, changed);
  });
  keeper.putBack();
}

/** Throws code 7 for what is wrong with the request as a whole, before anything has been done. */
function requireUsable(call: Add): void {
  const duplicate = findDuplicate(stdinText(call.request));
  if (duplicate !== undefined) {
    throw configError("sysctl", "without duplicated sysctl keys", duplicate);
  }
  requireListed(call.config);
}

/** The result with the link's new address and MTU, where it names CNI_IFNAME's. */
function tuned({ prevResult, attachment }: Add, { mac, mtu }: Partial<Tunables>): Result {
  if (!prevResult.interfaces) return prevResult;
  const interfaces = prevResult.interfaces.map((each) => {
    if (holderOfLink(each, prevResult, attachment.ifName) !== "own") return each;
    return {
      ...each,
      ...(mac === undefined ? {} : { mac: formatMac(mac) }),
      ...(mtu === undefined || each.mtu === undefined ? {} : { mtu }),
    };
  });
  return { ...prevResult, interfaces };
}

/**
 * What the backup says is restored where it was noted. In a namespace that is gone there is nothing
 * to restore, and where its path leads to another there is nothing of ours.
 */
function del(call: DelCall<TuningConfig>, host: Netns, container: Netns | undefined): void {
  const { attachment, config } = call;
  const { name, backup } = findKept(config.dataDir, attachment);
  const isHere = backup && container && isOfNamespace(backup, call, { host, container });
  if (isHere) restoreFrom(call, container, { name, backup });
  deleteBackup(`${config.dataDir}/${name}`);
}

/** What fails is tried once more by the next DEL, and then given up: no container waits for it. */
function restoreFrom(
  { attachment, config }: DelCall<TuningConfig>,
  container: Netns,
  { name, backup }: Kept & { readonly backup: Backup },
): void {
  const former = merged(backup, { link: {}, sysctls: [] });
  const body = () => restoreFormer(container, attachment.ifName, former);
  if (backup.failed === true) tryTo(`restore "${attachment.ifName}" once more`, body);
  else {
    allOrNothing((undo) => {
      const noted = { ...backup, failed: true };
      undo.before("note", () => writeBackup(config.dataDir, name, noted));
      body();
    });
  }
}

/** Backups name their attachment; those of the reference plugin do not, and stay. */
function gc(call: GcCall<TuningConfig>): void {
  collectEach(backupShelf(call.config.dataDir), call, () => "delete a backup");
}

export const { main, handle, configuration } = chainedPlugin<TuningConfig>({
  name: "tuning",
  reference: "1.9.1",
  schema,
  args: ["MAC"],
  parseConfig: parseTuningConfig,
  add,
  check,
  del,
  gc,
  status: () => {},
});
