/**
 * Masquerade by either packet filter: nf_tables unless iptables is asked for, or all there is.
 * Taking it away covers both, and what the reference plugins left for the attachment.
 */

import { EOPNOTSUPP } from "../host/errno.ts";
import { lazily } from "../host/lazy.ts";
import type { IpAddress } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";
import { collect } from "../net/inventory.ts";
import type { Netns } from "../net/netns.ts";
import type { Owner } from "../net/owner.ts";
import { isRefusal } from "../netlink/error.ts";
import { hasLegacyNat } from "./legacy-tables.ts";
import { findGeneration } from "./nft-transaction.ts";
import * as nftables from "./nftables/masquerade.ts";
import * as leftovers from "./reference/reference-masquerade.ts";
import { hasReferenceTables } from "./reference/tables.ts";

type Iptables = typeof import("./iptables/masquerade-iptables.lazy.ts");

/** Whom to masquerade, and by what: undefined leaves the choice to the kernel's abilities. */
export interface Masquerade {
  readonly owner: Owner;
  readonly addresses: readonly Cidr[];
  readonly backend: "nftables" | "iptables" | undefined;
}

const iptables = () => lazily<Iptables>("masquerade-iptables");

/** Masquerades what comes from the addresses and leaves their subnets. */
export function addMasquerade(host: Netns, { owner, addresses, backend }: Masquerade): void {
  if (backend !== "iptables" && addByNftables(host, { owner, addresses, backend })) return;
  iptables().addMasquerade(host, owner, addresses);
}

function checkerOf(host: Netns, wanted: Masquerade["backend"]): Iptables | typeof nftables {
  const usesNftables = wanted === "nftables" || (!wanted && findGeneration(host) !== undefined);
  return usesNftables ? nftables : iptables();
}

/** False if the kernel has no nf_tables, and they are not insisted on. */
function addByNftables(host: Netns, { owner, addresses, backend }: Masquerade): boolean {
  try {
    nftables.addMasquerade(host, owner, addresses);
    return true;
  } catch (cause) {
    if (backend || !isRefusal(cause, EOPNOTSUPP)) throw cause;
    return false;
  }
}

/**
 * What is missing of a masquerade, in words, or undefined. That of a container which was there
 * before this suite came is complete as well, by whichever backend of the reference plugins.
 */
export function findMasqueradeFault(host: Netns, wanted: Masquerade): string | undefined {
  const { owner, addresses, backend } = wanted;
  const fault = checkerOf(host, backend).findMasqueradeFault(host, owner, addresses);
  return fault !== undefined && isDoneByReference(host, wanted) ? undefined : fault;
}

function isDoneByReference(host: Netns, { owner, addresses }: Masquerade): boolean {
  if (!hasReferenceTables(host)) return false;
  const known = addresses.map(({ address }) => address);
  return (
    leftovers.hasMasquerade(host, owner, known) ||
    (iptables().hasIptables(host) &&
      iptables().findMasqueradeFault(host, owner, addresses) === undefined)
  );
}

/** Whose masquerade is to go. */
export interface Masqueraded {
  readonly owner: Owner;
  /** The addresses that are known save a search. */
  readonly known: readonly IpAddress[];
  /** The addresses to go by where none is known: rules of the reference plugins name no owner. */
  readonly found?: () => readonly IpAddress[];
}

/** Removes an attachment's masquerade. */
export function deleteMasquerade(host: Netns, { owner, known, found }: Masqueraded): void {
  nftables.deleteMasquerade(host, owner, known);
  if (!hasReferenceTables(host)) return;
  const addresses = known.length === 0 && found ? found() : known;
  leftovers.deleteLeftovers(host, owner, addresses);
  if (hasLegacy(host)) iptables().deleteRules(host, { owner, known: addresses, flavour: "legacy" });
}

/** Removes the masquerade of all attachments of a network that are no longer valid. */
export function collectMasquerade(host: Netns, network: string, valid: readonly Owner[]): void {
  collect(nftables.masqueradeShelf(host), network, valid);
  if (!hasReferenceTables(host)) return;
  leftovers.collectLeftovers(host, network, valid);
  if (hasLegacy(host)) iptables().collectRules(host, { network, valid, flavour: "legacy" });
}

/** What is in the packet filter older than nf_tables goes by its own programs. */
function hasLegacy(host: Netns): boolean {
  return hasLegacyNat(host);
}
