/**
 * What on this host names a network or an owner, whoever that is: for who looks for what nobody
 * knows any more. Nothing is changed.
 */

import { type ContainerChain, listContainerChains } from "../filter/iptables/found-chains.ts";
import { type Commented, listCommented } from "../filter/nftables/commented.ts";
import { type AttachmentRule, listAttachmentRules } from "../filter/reference/attachment-rules.ts";
import { fileStatus } from "../host/file-status.ts";
import { listLinks } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { ownerIn, ownerInAlias } from "../net/owner.ts";
import { listBackups, listNames, readBackup } from "../state/backup.ts";
import { recordNames } from "../state/leases.ts";
import { type Directories, usualDirectories } from "./inventory.ts";

export type { ContainerChain } from "../filter/iptables/found-chains.ts";
export type { Commented } from "../filter/nftables/commented.ts";
export type { AttachmentRule } from "../filter/reference/attachment-rules.ts";

/** What is found. */
export interface Traces {
  /** The networks that links, elements, chains, leases and records name, each once. */
  readonly networks: readonly string[];
  readonly elements: readonly Commented[];
  readonly chains: readonly ContainerChain[];
  /** Rules of the reference plugins that name no network. */
  readonly rules: readonly AttachmentRule[];
}

/** All of it. Names are as somebody wrote them: they may be none of a network. */
export function findTraces(host: Netns, directories: Directories = usualDirectories): Traces {
  const elements = listCommented(host);
  const chains = listContainerChains(host);
  const named = [
    ...listLinks(host).map(({ alias }) => ownerInAlias(alias)?.network),
    ...elements.map(({ comment }) => ownerIn(comment)?.network),
    ...chains.map(({ network }) => network),
    ...directories.leases.flatMap(networksOfLeases),
    ...[directories.backups, directories.dhcp].flatMap(networksOfRecords),
  ];
  const networks = named.flatMap((name) =>
    name === undefined || name.startsWith("#") ? [] : name,
  );
  return {
    networks: [...new Set(networks)].sort(),
    elements,
    chains,
    rules: listAttachmentRules(host),
  };
}

/** Directories with at least one address in them. */
function networksOfLeases(directory: string): readonly string[] {
  return listNames(directory).filter((name) => {
    const path = `${directory}/${name}`;
    return fileStatus(path)?.isDirectory === true && recordNames(path).length > 0;
  });
}

function networksOfRecords(directory: string): readonly string[] {
  return listBackups(directory).flatMap((name) => {
    const { network } = readBackup(`${directory}/${name}`) ?? {};
    return typeof network === "string" ? network : [];
  });
}
