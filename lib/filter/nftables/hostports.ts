/** Ports of this host that lead to containers, by nf_tables: see hostport-table.ts for the rules. */

import { hash32Hex } from "../../bytes/hash.ts";
import { family, formatAddress } from "../../ip/address.ts";
import { type Cidr, firstAddress, formatCidr, networkOf } from "../../ip/cidr.ts";
import { NetError } from "../../net/error.ts";
import type { Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import { nameOwner, type Owner, ownerIn } from "../../net/owner.ts";
import * as nft from "../../netlink/nft-expression.ts";
import { getElement, type NftSet } from "../../netlink/nft-request.ts";
import type { Rule } from "../nft-rules.ts";
import { goneFinder } from "../port-holder.ts";
import {
  type Condition,
  type FormerPort,
  type HostPort,
  type HostPorts,
  type PortMapping,
  protocolNumbers,
  type Snat,
  type Target,
} from "../port-mapping.ts";
import {
  addEntries,
  type ChainWithRules,
  checkEntries,
  type Dispatcher,
  deleteEntries,
  type Entry,
} from "./dispatch.ts";
import { elementIn, listOwnedElements, type OwnedElement } from "./elements.ts";
import { entryShelf, type MarkedElement } from "./entry-shelf.ts";
import { bitOf, dispatcherFor, sets } from "./hostport-table.ts";
import { inetTable, linkName } from "./sets.ts";

/**
 * Leads ports to a container; throws NetError (conflict) if another attachment has one of them and
 * may not be gone. Returns what was taken over from those that are, in words.
 */
export function addHostPorts(host: Netns, wanted: HostPorts): readonly string[] {
  const { owner } = wanted;
  const entries = entriesOf(wanted);
  const lost = addEntries(host, dispatcherOf(wanted), {
    owner,
    entries,
    holder: wanted.note,
    refusal: (taken) => {
      const isGone = goneFinder(host);
      const isKept = (element: OwnedElement) => {
        const { comment, holder: note } = element;
        return !isClient(element) && !isGone({ owner: ownerIn(comment), note });
      };
      const kept = taken.find(isKept);
      return kept && conflict(owner, kept);
    },
    rivals: () => findRivals(host, wanted),
  });
  return lost
    .filter((element) => !isClient(element))
    .map(
      (element) =>
        `${describe(placedAt(element.set, element.key))} of ${nameOwner(element.comment)}`,
    );
}

/** An element of clients belongs to an address, which has a new owner: it changes hands. */
function isClient({ set }: OwnedElement): boolean {
  return set === sets[4].near || set === sets[6].near;
}

function dispatcherOf({ snat, targets }: HostPorts): Dispatcher {
  return dispatcherFor(snat, snat ? targets.map((target) => clientsOf(target, snat)) : []);
}

/** The network whose clients a container could not answer: its own, or all. */
function clientsOf({ container }: Target, { isForAll }: Snat): Cidr {
  const network = networkOf(container);
  const first = firstAddress(network);
  if (!isForAll) return { address: first, prefixLength: network.prefixLength };
  return { address: new Uint8Array(first.length), prefixLength: 0 };
}

function conflict({ ifName }: Owner, taken: OwnedElement): NetError {
  const what = `${describe(placedAt(taken.set, taken.key))} to "${ifName}"`;
  return new NetError("conflict", `Cannot map ${what}: it is taken by ${nameOwner(taken.comment)}`);
}

/** Mappings of others that overlap: at any address with at one, and the other way round. */
function findRivals(host: Netns, { targets, snat }: HostPorts): readonly OwnedElement[] {
  return targets.flatMap((target) => {
    const { one, any } = mapsFor(target, snat);
    const { mappings } = target;
    const wide = mappings.filter(({ address }) => address === undefined).map(nameOf);
    const narrow = mappings.filter(({ address }) => address !== undefined);
    const questions = narrow.map((port) =>
      getElement(any, keyOf(any, { ...port, address: undefined })),
    );
    const answers = questions.length > 0 ? host.netfilter.attempt(...questions) : [];
    const found = wide.length > 0 ? listOwnedElements(host, one) : [];
    return [
      ...answers.flatMap((answer) => elementIn(answer, any) ?? []),
      ...found.filter(({ set, key }) => wide.includes(nameOf(placedAt(set, key)))),
    ];
  });
}

/** Conditions, and marks of its own, need a chain for a mapping. */
function mapsFor({ container, conditions }: Target, snat: Snat | undefined) {
  const { plain, own } = sets[family(container.address)];
  const isPlain = conditions.length === 0 && (!snat || bitOf(snat.markBit) === bitOf());
  return isPlain ? plain : own;
}

function nameOf({ protocol, port }: HostPort): string {
  return `${protocol} ${port}`;
}

function entriesOf({ targets, snat }: HostPorts): readonly Entry[] {
  return targets.flatMap((target) => {
    const { one, any } = mapsFor(target, snat);
    const ports = target.mappings.map((mapping) => {
      const map = mapping.address ? one : any;
      const port = { map, key: keyOf(map, mapping), what: describe(mapping) };
      return map.leadsTo === "verdicts"
        ? { ...port, ...chainOf(target, mapping, snat) }
        : { ...port, value: targetValue(target, mapping) };
    });
    return [...ports, ...(snat ? clientEntries(target, snat) : [])];
  });
}

/** The same port at two addresses of the host has the same clients. */
function clientEntries(target: Target, snat: Snat): readonly Entry[] {
  const distinct = new Map(target.mappings.map((mapping) => [nameOf(mapping), mapping]));
  return Array.from(distinct.values(), (mapping) => clientEntry(target, mapping, snat));
}

function targetValue({ container }: Target, { containerPort }: PortMapping): Uint8Array {
  return joined(container.address, ...words([containerPort >> 8, containerPort & 255]));
}

function clientEntry(target: Target, mapping: PortMapping, snat: Snat): Entry {
  const { container } = target;
  const { protocol, port } = mapping;
  const transport = words([protocolNumbers[protocol]], [port >> 8, port & 255]);
  const clients = clientsOf(target, snat).address;
  return {
    map: sets[family(container.address)].near,
    key: joined(container.address, clients, ...transport),
    what: `clients of ${describe(mapping)}`,
  };
}

/** Parts of a key: numbers filled up to 4 bytes. */
function words(...parts: readonly (readonly number[])[]): readonly Uint8Array[] {
  return parts.map((part) => Uint8Array.of(...part, ...new Uint8Array(4 - part.length)));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.of(...parts.flatMap((part) => Array.from(part)));
}

/** `nft` reads letters, digits, `-`, `_`, `.` and `/` in names, but no colons. */
function chainOf(
  { container, conditions }: Target,
  { protocol, containerPort }: PortMapping,
  snat: Snat | undefined,
): ChainWithRules {
  const terms = conditions.map((term) =>
    "cidr" in term ? { ...term, cidr: formatCidr(term.cidr) } : term,
  );
  const options = hash32Hex(JSON.stringify([snat?.markBit, terms]));
  const address = formatAddress(container.address).replaceAll(":", "_");
  const isIpv4 = family(container.address) === 4;
  const transport = Uint8Array.of(protocolNumbers[protocol]);
  const port = Uint8Array.of(containerPort >> 8, containerPort & 255);
  return {
    chain: { table: inetTable, name: `${protocol}-${address}-${containerPort}-${options}` },
    rules: [
      [
        ...nft.matchFamily(isIpv4 ? nft.NFPROTO_IPV4 : nft.NFPROTO_IPV6),
        ...conditions.flatMap(stepsOf),
        ...nft.matchMeta(nft.NFT_META_L4PROTO, transport),
        ...(snat ? nft.changeMark(bitOf(snat.markBit), true) : []),
        ...nft.destinationNat(container.address, port),
      ],
    ],
  };
}

function stepsOf(condition: Condition): Rule {
  if ("cidr" in condition) {
    const { cidr, end, isNot } = condition;
    const { prefixLength } = cidr;
    return nft.matchNetwork(firstAddress(cidr), { prefixLength, end, isOutside: isNot });
  }
  const match = condition.isNot ? nft.matchOtherMeta : nft.matchMeta;
  return match(nft.NFT_META_IIFNAME, linkName(condition.link));
}

function keyOf({ keyLength }: NftSet, { protocol, address, port }: HostPort): Uint8Array {
  const key = new Uint8Array(keyLength);
  key[0] = protocolNumbers[protocol];
  if (address) key.set(address, 4);
  key.set([port >> 8, port & 255], keyLength - 4);
  return key;
}

/** What the key of an element stands for. */
function placedAt({ keyLength }: NftSet, key: Uint8Array): HostPort {
  const found = (["tcp", "udp", "sctp"] as const).find((name) => protocolNumbers[name] === key[0]);
  return {
    protocol: found ?? "tcp",
    address: keyLength > 8 ? key.slice(4, keyLength - 4) : undefined,
    port: ((key[keyLength - 4] ?? 0) << 8) | (key[keyLength - 3] ?? 0),
  };
}

function describe({ protocol, address, port }: HostPort): string {
  const at = address === undefined ? "" : ` of ${formatAddress(address)}`;
  return `${protocol} port ${port}${at}`;
}

/** Takes an attachment's ports back, and returns them; none is fine. */
export function deleteHostPorts(host: Netns, wanted: HostPorts): readonly FormerPort[] {
  const { owner } = wanted;
  const deleted = deleteEntries(host, dispatcherFor(), { owner, known: entriesOf(wanted) });
  return deleted
    .filter((element) => !isClient(element))
    .map(({ set, key }) => ({
      ...placedAt(set, key),
      family: set.name.startsWith("hostports4") ? 4 : 6,
    }));
}

/** What an attachment's ports lack, in words; undefined if all lead to it. */
export function checkHostPorts(host: Netns, wanted: HostPorts): string | undefined {
  const { owner } = wanted;
  return checkEntries(host, dispatcherOf(wanted), { owner, entries: entriesOf(wanted) });
}

/** The ports that lead to containers, and the clients that are masqueraded for them. */
export function hostPortShelf(host: Netns): Shelf<MarkedElement> {
  return entryShelf(host, {
    dispatcher: dispatcherFor(),
    keyInWords: (element) => {
      const what = describe(placedAt(element.set, element.key));
      return isClient(element) ? `clients of ${what}` : what;
    },
  });
}
