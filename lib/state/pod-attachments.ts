/**
 * Attachments of pods, as the plugin `policy` tells the agent of a network of them: the API of
 * Kubernetes knows a pod's address only once ADD is over, and may know the pod no longer while it runs. A
 * record stays until DEL, so that an agent that starts anew knows as much.
 *
 *   /run/weft/<agent's network>/pods/<hash of the attachment>.json
 */

import { hash32Hex } from "../bytes/hash.ts";
import { ensureOwnDirectory } from "../host/own-directory.ts";
import { formatAddress, parseAddress } from "../ip/address.ts";
import type { Shelf } from "../net/inventory.ts";
import type { Owner } from "../net/owner.ts";
import { deleteBackup, listBackups, listNames, readBackup, writeBackup } from "./backup.ts";
import { backupShelf, type Recorded } from "./recorded.ts";

/** What becomes of a pod that nobody knows: undefined is isolated where its namespace has a policy. */
export type WhenUnknown = "isolate" | "allow" | undefined;

/** An attachment of a pod. */
export interface PodAttachment extends Owner {
  /** Of the pod, as the runtime says; uid is "" if it says none. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** All addresses that it has by this attachment, canonical. */
  readonly addresses: readonly string[];
  readonly whenUnknown: WhenUnknown;
  /** True while its addresses are kept from everybody but the host, since nobody knows the pod. */
  readonly isIsolated: boolean;
}

/** Where the attachments are that the agent of a network is told of. */
export function podsDirectory(agent: string): string {
  return `/run/weft/${agent}/pods`;
}

/** Writes an attachment down. */
export function writePodAttachment(agent: string, attachment: PodAttachment): void {
  ensureOwnDirectory(`/run/weft/${agent}`, 0o755);
  writeBackup(podsDirectory(agent), fileName(attachment), { ...attachment });
}

/** What is written of an attachment; undefined if nothing is, or it cannot be understood. */
export function readPodAttachment(agent: string, owner: Owner): PodAttachment | undefined {
  return podAttachmentIn(readBackup(pathOf(agent, owner)));
}

/** All attachments that are written down. */
export function listPodAttachments(agent: string): readonly PodAttachment[] {
  const directory = podsDirectory(agent);
  return listBackups(directory).flatMap(
    (name) => podAttachmentIn(readBackup(`${directory}/${name}`)) ?? [],
  );
}

/** Deletes what is written of an attachment; nothing is fine. */
export function deletePodAttachment(agent: string, owner: Owner): void {
  deleteBackup(pathOf(agent, owner));
}

/** What is written, as what is a network's. */
export function podShelf(agent: string): Shelf<Recorded> {
  return backupShelf(podsDirectory(agent));
}

/** What is written of pods for any agent, as what is a network's. */
export function podShelves(): readonly Shelf<Recorded>[] {
  return listNames("/run/weft").map(podShelf);
}

/** An attachment from JSON; undefined if it is none. */
export function podAttachmentIn(
  json: { readonly [key: string]: unknown } | undefined,
): PodAttachment | undefined {
  const { network, containerID, ifName, namespace, name, uid, addresses } = json ?? {};
  const texts = [network, containerID, ifName, namespace, name, uid];
  const list: readonly unknown[] = Array.isArray(addresses) ? addresses : [];
  const known = list.flatMap((each) => parseAddress(typeof each === "string" ? each : "") ?? []);
  const isWhole = texts.every((each) => typeof each === "string" && each.length <= LONGEST_NAME);
  if (!isWhole || known.length === 0 || known.length !== list.length || known.length > MOST) {
    return undefined;
  }
  return {
    ...(json as unknown as PodAttachment),
    addresses: known.map(formatAddress),
    whenUnknown: whenUnknownIn(json?.whenUnknown),
    isIsolated: json?.isIsolated === true,
  };
}

/** Names in Kubernetes have 253 characters at most, and those of containers no more. */
const LONGEST_NAME = 255;
const MOST = 64;

function whenUnknownIn(json: unknown): WhenUnknown {
  return json === "isolate" || json === "allow" ? json : undefined;
}

function pathOf(agent: string, owner: Owner): string {
  return `${podsDirectory(agent)}/${fileName(owner)}`;
}

function fileName({ network, containerID, ifName }: Owner): string {
  const key = `${network}/${containerID}/${ifName}`;
  return `${hash32Hex(key)}${hash32Hex(key, 1)}.json`;
}
