/** What an attachment has made: the whole machine, but for what is random or only a number. */

import type { Json } from "../bed/observations.ts";
import type { Snapshot } from "../bed/snapshot.ts";
import { differences, type Found } from "./compare.ts";

/** Things by their names. */
export type State = Readonly<Record<string, Json>>;

/** Numbers that the kernel counts upwards, whoever asks. */
const counted = new Set(["ifindex", "link_index", "link_netnsid"]);

/** Every difference between two machines; what only one of them has counts once. */
export function stateDifferences(where: string, theirs: State, ours: State): readonly Found[] {
  const names = new Set([...Object.keys(theirs), ...Object.keys(ours)]);
  return [...names].flatMap((name) => {
    const [a, b] = [theirs[name], ours[name]];
    if (a === undefined) return [{ where, path: name, theirs: "nothing", ours: "there" }];
    if (b === undefined) return [{ where, path: name, theirs: "there", ours: "nothing" }];
    return differences(where, { [name]: a }, { [name]: b });
  });
}

/** The machine as it is to be compared: hardware addresses are named after who bears them. */
export function comparable(snapshot: Snapshot): State {
  const bearers = new Map(Object.entries(snapshot).flatMap(bearer));
  const kept = Object.entries(snapshot).filter(([key]) => !isByChance(key));
  const text = JSON.stringify(Object.fromEntries(kept), withoutCounted)
    .replace(/\b[0-9a-f]{4}\.([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}/g, "some bridge")
    .replace(
      /\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g,
      (mac) => bearers.get(mac) ?? (isRandom(mac) ? "a former MAC" : mac),
    )
    .replace(/veth[0-9a-f]{8}/g, "veth…");
  return JSON.parse(text);
}

/** The kernel's link-local addresses, which come from MACs, and the index that host-local keeps. */
function isByChance(key: string): boolean {
  return / address \S+ fe80:/.test(key) || key.startsWith("file /run/weft/host-local/");
}

/** True for the hardware addresses that cases ask for: long enough to be no chance. */
export function isAskedFor(mac: string): boolean {
  return mac.startsWith("0a:58:0a:01:02:");
}

/** The kernel, and we, choose locally administered addresses of single links. */
function isRandom(mac: string): boolean {
  return /^[0-9a-f][26ae]/.test(mac) && !isAskedFor(mac);
}

/** A port goes on to forward by itself, whether ADD waits for it or not. */
const isPortState = /^(disabled|listening|learning|forwarding)$/;

function withoutCounted(key: string, value: unknown): unknown {
  const isMoving = key === "state" && isPortState.test(String(value));
  return counted.has(key) || isMoving ? undefined : value;
}

/** Whose hardware address it is, unless it was asked for, or is nobody's. */
function bearer([key, value]: readonly [string, Json]): readonly (readonly [string, string])[] {
  const [, link] = /^(\S+ link \S+)$/.exec(key) ?? [];
  const { address } = value as { readonly address?: string };
  if (link === undefined || address === undefined) return [];
  return isRandom(address) ? [[address, `the MAC of ${link}`]] : [];
}
