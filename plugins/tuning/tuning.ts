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
  type Attachment,
  type Chained,
  type CheckCall,
  type DelCall,
  type GcCall,
  stdinText,
} from "../../lib/cni/call.ts";
import { type CniError, configError } from "../../lib/cni/error.ts";
import type { Result } from "../../lib/cni/result.ts";
import { chainedPlugin } from "../../lib/cni/run.ts";
import { allOrNothing, asMuchAsPossible, tryTo } from "../../lib/cni/undo.ts";
import { checkFailed } from "../../lib/cni/verdict.ts";
import { holderOfLink } from "../../lib/cni/whose.ts";
import { formatMac } from "../../lib/ip/mac.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { identifyNetns } from "../../lib/net/netns-identity.ts";
import { readSysctl, restoreSysctl, writeSysctl } from "../../lib/net/sysctl.ts";
import {
  readTunables,
  restoreTunables,
  type Tunables,
  writeTunables,
} from "../../lib/net/tuning.ts";
import {
  type Backup,
  deleteBackup,
  listBackups,
  readBackup,
  writeBackup,
} from "../../lib/state/backup.ts";
import {
  findDuplicate,
  macOf,
  parseTuningConfig,
  requireListed,
  sysctlPath,
  type TuningConfig,
} from "./config.ts";
import { backupOf, type Former, formerOf, merged } from "./former.ts";
import { findKept, isOfNamespace, type Kept } from "./kept.ts";
import * as schema from "./tuning.schema.json";

type Add = Chained<AddCall<TuningConfig>>;
type Check = Chained<CheckCall<TuningConfig>>;

function add(call: Add, host: Netns, container: Netns): Result {
  refuse(call);
  const { attachment } = call;
  const wanted = wantedOf(call);
  if (wanted.sysctls.length === 0 && Object.keys(wanted.link).length === 0) return call.prevResult;
  const now = formerOf({ host, container }, attachment.ifName, wanted);
  const keeper = keeperFor(call, host, container);
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

/** The attachment's file: what it has of this namespace, and a way to put that back, or more. */
interface Keeper {
  readonly before: Backup | undefined;
  readonly keep: (former: Former) => void;
  readonly putBack: () => void;
}

/** What is kept of another namespace, which is gone or will be, is no former value of this one. */
function keeperFor(call: Add, host: Netns, container: Netns): Keeper {
  const { config, attachment } = call;
  const { name, backup } = findKept(config.dataDir, attachment);
  const before = backup && isOfNamespace(backup, call, { host, container }) ? backup : undefined;
  const netns = identifyNetns(container);
  const write = (content: Backup) => writeBackup(config.dataDir, name, content);
  return {
    before,
    keep: (former) => write(backupOf(attachment, netns, former)),
    putBack: () => (before ? write(before) : deleteBackup(`${config.dataDir}/${name}`)),
  };
}

/** Restores what was changed or may have been; if that fails, the backup holds that and no more. */
function takeBack(
  { attachment }: Add,
  container: Netns,
  { keeper, changed }: { readonly keeper: Keeper; readonly changed: Former },
): void {
  allOrNothing((undo) => {
    undo.before("note", () => keeper.keep(merged(keeper.before, changed)));
    restore(container, attachment.ifName, changed);
  });
  keeper.putBack();
}

/** What is wrong with the request as a whole, before anything has been done. */
function refuse(call: Add): void {
  const duplicate = findDuplicate(stdinText(call.request));
  if (duplicate !== undefined) {
    throw configError("sysctl", "without duplicated sysctl keys", duplicate);
  }
  requireListed(call.config);
}

/** What is asked for, by paths and attributes. */
interface Wanted {
  readonly sysctls: readonly (readonly [path: string, value: string])[];
  readonly link: Partial<Tunables>;
}

function wantedOf({ config, args, attachment }: Add | Check): Wanted {
  const { mtu, promisc, allmulti, txQLen } = config;
  const mac = macOf(config, args.MAC);
  return {
    sysctls: config.sysctls.map(([name, value]) => [sysctlPath(name, attachment.ifName), value]),
    link: {
      ...(mac === undefined ? {} : { mac }),
      ...(mtu === undefined ? {} : { mtu }),
      ...(promisc === undefined ? {} : { promisc }),
      ...(allmulti === undefined ? {} : { allmulti }),
      ...(txQLen === undefined ? {} : { txQLen }),
    },
  };
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

/** As much as can be made what it was: the link first, then sysctls in the reverse order. */
function restore(container: Netns, ifName: string, { link, sysctls }: Former): void {
  const isTuned = Object.keys(link).length > 0;
  asMuchAsPossible(
    ["restore the link", () => isTuned && restoreTunables(container, ifName, link)],
    ...[...sysctls]
      .reverse()
      .map(
        ([path, value]) =>
          [`restore ${path}`, () => restoreSysctl(container, path, value)] as const,
      ),
  );
}

function check(call: Check, _host: Netns, container: Netns): void {
  const { sysctls, link } = wantedOf(call);
  for (const [path, value] of sysctls) {
    const found = readSysctl(container, path);
    if (words(found) !== words(value)) throw mismatch(call, path, { expected: value, found });
  }
  if (Object.keys(link).length === 0) return;
  const found = readTunables(container, call.attachment.ifName);
  for (const [key, expected] of Object.entries(shown(link))) {
    const state = shown(found)[key];
    if (state !== expected) throw mismatch(call, key, { expected, found: state });
  }
}

/** The kernel separates numbers by tabs, people by blanks. */
function words(text: string): string {
  return text.trim().split(/\s+/).join(" ");
}

function shown({ mac, ...rest }: Partial<Tunables>): { readonly [key: string]: unknown } {
  return { ...rest, ...(mac === undefined ? {} : { mac: formatMac(mac) }) };
}

function mismatch(
  call: Check,
  what: string,
  { expected, found }: { readonly expected: unknown; readonly found: unknown },
): CniError {
  const state = `${what} is ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`;
  return checkFailed(call, state, "the tuning of");
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
  const body = () => restore(container, attachment.ifName, former);
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
function gc({ network, isValid, config }: GcCall<TuningConfig>): void {
  const stale = listBackups(config.dataDir).filter((name) => {
    const backup = readBackup(`${config.dataDir}/${name}`);
    const { containerID, ifName } = (backup ?? {}) as Partial<Attachment>;
    if (backup?.network !== network || containerID === undefined || ifName === undefined)
      return false;
    return !isValid({ network, containerID, ifName });
  });
  asMuchAsPossible(
    ...stale.map(
      (name) => ["delete a backup", () => deleteBackup(`${config.dataDir}/${name}`)] as const,
    ),
  );
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
