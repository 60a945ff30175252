/**
 * Who is masqueraded, and which ports of this host are led to containers, as texts, by whichever
 * packet filter: this suite's elements of nf_tables, and rules of iptables and of the reference
 * plugins. Nothing is changed.
 */

import { optionOf, parseRule } from "../filter/iptables/rule.ts";
import { hasLegacyNat } from "../filter/legacy-tables.ts";
import { findGeneration } from "../filter/nft-transaction.ts";
import { listOwnedElements, type OwnedElement } from "../filter/nftables/elements.ts";
import { familyAt, isClientPlace, portAt, sets } from "../filter/nftables/hostport-sets.ts";
import { addressMap, inetTable } from "../filter/nftables/sets.ts";
import type { HostPort } from "../filter/port-mapping.ts";
import { leftoverShelves } from "../filter/reference/reference-masquerade.ts";
import { hasHostportTables, hasReferenceTables } from "../filter/reference/tables.ts";
import { lazily } from "../host/lazy.ts";
import { formatAddress } from "../ip/address.ts";
import type { Listing, Marked } from "../net/inventory.ts";
import type { Netns } from "../net/netns.ts";
import { type Owner, ownerIn, ownerTexts } from "../net/owner.ts";

/** Somebody whose packets leave under this host's address. */
export interface SeenMasquerade {
  /** Undefined where the rule is for all addresses of its owner. */
  readonly address: string | undefined;
  /** What is not masqueraded, since it does not leave the container's network. */
  readonly subnet: string | undefined;
  /** The rule or element, in words. */
  readonly by: string;
  readonly owner: Owner | undefined;
}

/** A port of this host that is led to a container. */
export interface SeenPort {
  readonly protocol: string;
  /** Undefined for any address of this host. */
  readonly address: string | undefined;
  readonly port: number;
  /** `10.1.2.3:80`; undefined if the rule does not tell. */
  readonly to: string | undefined;
  readonly by: string;
  readonly owner: Owner | undefined;
}

export interface SeenNat {
  readonly masquerades: readonly SeenMasquerade[];
  readonly ports: readonly SeenPort[];
}

/** All of both. The owners known so far explain marks that are hashes, and name networks to ask for. */
export function seeNat(host: Netns, known: readonly Owner[]): SeenNat {
  const elements = elementsOf(host);
  const all = [...elements.masquerades, ...elements.ports];
  const owners = [...known, ...all.flatMap(({ comment }) => ownerIn(comment) ?? [])];
  const ownerOf = finder(ownerTexts, owners);
  return {
    masquerades: [
      ...elements.masquerades.map((each) => masqueradeIn(each, ownerOf)),
      ...masqueradesOfRules(host, owners),
    ],
    ports: [...elements.ports.map((each) => portIn(each, ownerOf)), ...portsOfRules(host, owners)],
  };
}

/** The owner whom a mark stands for. */
type OwnerOf = (mark: string) => Owner | undefined;

function finder(marksOf: Listing["marksOf"], owners: readonly Owner[]): OwnerOf {
  const byMark = new Map(
    owners.flatMap((owner) => marksOf(owner).map((mark) => [mark, owner] as const)),
  );
  return (mark) => byMark.get(mark);
}

/* ---- elements of nf_tables ---- */

interface Elements {
  readonly masquerades: readonly OwnedElement[];
  readonly ports: readonly OwnedElement[];
}

function elementsOf(host: Netns): Elements {
  if (findGeneration(host) === undefined) return { masquerades: [], ports: [] };
  const maps = [addressMap(inetTable, "masquerade4", 4), addressMap(inetTable, "masquerade6", 16)];
  const portMaps = [sets[4], sets[6]].flatMap(({ plain, own }) => [
    ...[plain.one, plain.any],
    ...[own.one, own.any],
  ]);
  const listed = (all: typeof maps) => all.flatMap((set) => listOwnedElements(host, set));
  return { masquerades: listed(maps), ports: listed(portMaps) };
}

/** Its chain is named by the subnet, in which `nft` reads no colons. */
function masqueradeIn(element: OwnedElement, ownerOf: OwnerOf): SeenMasquerade {
  const { key, chain = "", comment } = element;
  const [, subnet] = /^masq-(.+)$/.exec(chain) ?? [];
  return {
    address: formatAddress(key),
    subnet: subnet?.replaceAll("_", ":"),
    by: `${element.set.name} of nf_tables`,
    owner: ownerOf(comment),
  };
}

function portIn(element: OwnedElement, ownerOf: OwnerOf): SeenPort {
  const by = `${element.set.name} of nf_tables`;
  return {
    ...inTexts(portAt(element)),
    to: targetOf(element),
    by,
    owner: ownerOf(element.comment),
  };
}

function inTexts({ protocol, address, port }: HostPort) {
  return { protocol, address: address && formatAddress(address), port };
}

/** An address with a port, filled up to 4 bytes; or the name of a chain, tcp-10.1.2.3-80-<hash>. */
function targetOf(element: OwnedElement): string | undefined {
  const { value, chain } = element;
  if (isClientPlace(element)) return undefined;
  if (value) {
    const length = familyAt(element) === 4 ? 4 : 16;
    const port = ((value[length] ?? 0) << 8) | (value[length + 1] ?? 0);
    return target(formatAddress(value.slice(0, length)), port);
  }
  const [, address, port] = /^\w+-([\da-f._]+)-(\d+)-/.exec(chain ?? "") ?? [];
  return address === undefined ? undefined : target(address.replaceAll("_", ":"), Number(port));
}

function target(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/* ---- rules of iptables, and of the reference plugins ---- */

type Masquerade = typeof import("../filter/iptables/masquerade-iptables.lazy.ts");
type HostPorts = typeof import("../filter/iptables/hostports-iptables.lazy.ts");

function networksOf(owners: readonly Owner[]): readonly string[] {
  return [...new Set(owners.map(({ network }) => network))];
}

function masqueradesOfRules(host: Netns, owners: readonly Owner[]): readonly SeenMasquerade[] {
  if (!hasReferenceTables(host)) return [];
  const legacy = hasLegacyNat(host)
    ? lazily<Masquerade>("masquerade-iptables").masqueradeShelves(host, "legacy")
    : [];
  const listings: readonly Listing[] = [...leftoverShelves(host), ...legacy];
  return listings.flatMap((listing) => {
    const ownerOf = finder(listing.marksOf, owners);
    const found = networksOf(owners).flatMap((network) => listing.list(network));
    return distinct(found).map((thing) => ({
      address: undefined,
      subnet: undefined,
      by: listing.inWords(thing),
      owner: ownerOf(thing.mark),
    }));
  });
}

function distinct(things: readonly Marked[]): readonly Marked[] {
  return [...new Map(things.map((thing) => [thing.mark, thing])).values()];
}

/** The rule that leads a port names the container's address, but its owner by the chain that it is in. */
function portsOfRules(host: Netns, owners: readonly Owner[]): readonly SeenPort[] {
  if (!hasHostportTables(host)) return [];
  return lazily<HostPorts>("hostports-iptables")
    .hostPortShelves(host)
    .flatMap((shelf) => {
      const ownerOf = finder(shelf.marksOf, owners);
      const found = networksOf(owners).flatMap((network) => shelf.list(network));
      return found.flatMap(({ mark, rule: { port, line, chain } }) => {
        if (!port) return [];
        const to = optionOf(parseRule(line), "--to-destination");
        return [{ ...inTexts(port), to, by: `chain ${chain} of iptables`, owner: ownerOf(mark) }];
      });
    });
}
