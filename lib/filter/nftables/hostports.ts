/**
 * Ports of this host that lead to containers, by nf_tables: an attachment has an element for each
 * port, and one for the clients of a port that are masqueraded. hostport-sets.ts and
 * hostport-rules.ts tell what the elements mean.
 */

import { type Cidr, firstAddress, networkOf } from "../../ip/cidr.ts";
import { NetError } from "../../net/error.ts";
import type { Shelf } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import { isSibling, nameOwner, type Owner, ownerIn } from "../../net/owner.ts";
import { ask } from "../nft-transaction.ts";
import { goneFinder } from "../port-holder.ts";
import {
  type FormerPort,
  familyOf,
  type HostPort,
  type HostPorts,
  type PortMapping,
  type Snat,
  type Target,
} from "../port-mapping.ts";
import { replaceEntries } from "./add-entries.ts";
import { findEntryFault } from "./check-entries.ts";
import { deleteEntries } from "./delete-entries.ts";
import type { Dispatcher, Entry } from "./dispatcher.ts";
import { elementAt, listOwnedElements, type OwnedElement } from "./elements.ts";
import { entryShelf, type MarkedElement } from "./entry-shelf.ts";
import { dispatcherFor, isPlain, mappingChain } from "./hostport-rules.ts";
import {
  clientPlace,
  familyAt,
  isClientPlace,
  type PortMaps,
  portAt,
  portInWords,
  portPlace,
  sets,
  targetValue,
} from "./hostport-sets.ts";

/**
 * Leads ports to a container; throws NetError (conflict) if another attachment has one of them and
 * may not be gone. One that another interface of the same container has stays there: runtimes ask for
 * the same ports in each network of a container. Returns what was taken over, in words.
 */
export function addHostPorts(host: Netns, wanted: HostPorts): readonly string[] {
  try {
    return takePorts(host, wanted);
  } catch (cause) {
    const rest = withoutPortsOfSiblings(host, wanted);
    if (rest === wanted) throw cause;
    return takePorts(host, rest);
  }
}

function takePorts(host: Netns, wanted: HostPorts): readonly string[] {
  const { owner, note: holder } = wanted;
  const lost = replaceEntries(host, dispatcherOf(wanted), {
    owner,
    entries: entriesOf(wanted),
    holder,
    rivals: () => findRivals(host, wanted),
    refusal: (taken) => refuseUnlessGone(host, owner, taken),
  });
  return lost
    .filter((element) => !isClientPlace(element))
    .map((element) => `${portInWords(portAt(element))} of ${nameOwner(element.comment)}`);
}

/** What is wanted without the ports that other interfaces of the container have; itself if they have none. */
function withoutPortsOfSiblings(host: Netns, wanted: HostPorts): HostPorts {
  const { there } = ask(host, { there: entriesOf(wanted).map(elementAt) });
  const found = [...there.flatMap((element) => element ?? []), ...findRivals(host, wanted)];
  const names = found
    .filter((element) => !isClientPlace(element))
    .filter(({ comment }) => isSibling(ownerIn(comment), wanted.owner))
    .map((element) => `${familyAt(element)} ${nameOf(portAt(element))}`);
  if (names.length === 0) return wanted;
  const targets = wanted.targets.map((target) => ({
    ...target,
    mappings: target.mappings.filter(
      (mapping) => !names.includes(`${familyOf(target)} ${nameOf(mapping)}`),
    ),
  }));
  return { ...wanted, targets };
}

/** An element of clients belongs to an address, which has a new owner: it changes hands. */
function refuseUnlessGone(
  host: Netns,
  { ifName }: Owner,
  taken: readonly OwnedElement[],
): NetError | undefined {
  const isGone = goneFinder(host);
  const kept = taken.find((element) => {
    const { comment, holder: note } = element;
    return !isClientPlace(element) && !isGone({ owner: ownerIn(comment), note });
  });
  if (!kept) return undefined;
  const what = `${portInWords(portAt(kept))} to "${ifName}"`;
  return new NetError("conflict", `Cannot map ${what}: it is taken by ${nameOwner(kept.comment)}`);
}

/** Mappings of others that overlap: at any address with at one, and the other way round. */
function findRivals(host: Netns, { targets, snat }: HostPorts): readonly OwnedElement[] {
  return targets.flatMap((target) => {
    const { one, any } = mapsFor(target, snat);
    const { mappings } = target;
    const narrow = mappings.filter(({ address }) => address !== undefined);
    const wide = mappings.filter(({ address }) => address === undefined).map(nameOf);
    const places = narrow.map((port) => portPlace(any, { ...port, address: undefined }));
    const { atAny } = ask(host, { atAny: places.map(elementAt) });
    const atOne = wide.length > 0 ? listOwnedElements(host, one) : [];
    return [
      ...atAny.flatMap((element) => element ?? []),
      ...atOne.filter((element) => wide.includes(nameOf(portAt(element)))),
    ];
  });
}

function nameOf({ protocol, port }: HostPort): string {
  return `${protocol} ${port}`;
}

function mapsFor(target: Target, snat: Snat | undefined): PortMaps {
  const { plain, own } = sets[familyOf(target)];
  return isPlain(target, snat) ? plain : own;
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

function entriesOf({ targets, snat }: HostPorts): readonly Entry[] {
  return targets.flatMap((target) => [
    ...target.mappings.map((mapping) => portEntry(target, mapping, snat)),
    ...(snat ? clientEntries(target, snat) : []),
  ]);
}

function portEntry(target: Target, mapping: PortMapping, snat: Snat | undefined): Entry {
  const { one, any } = mapsFor(target, snat);
  const place = portPlace(mapping.address ? one : any, mapping);
  const entry = { ...place, what: portInWords(mapping) };
  return isPlain(target, snat)
    ? { ...entry, value: targetValue(target.container, mapping) }
    : { ...entry, chain: mappingChain(target, mapping, snat) };
}

/** The same port at two addresses of the host has the same clients. */
function clientEntries(target: Target, snat: Snat): readonly Entry[] {
  const clients = clientsOf(target, snat).address;
  const distinct = new Map(target.mappings.map((mapping) => [nameOf(mapping), mapping]));
  return Array.from(distinct.values(), (mapping) => ({
    ...clientPlace(target.container, clients, mapping),
    what: `clients of ${portInWords(mapping)}`,
  }));
}

/** Takes an attachment's ports back, and returns them; none is fine. */
export function deleteHostPorts(host: Netns, wanted: HostPorts): readonly FormerPort[] {
  const { owner } = wanted;
  const deleted = deleteEntries(host, dispatcherFor(), { owner, known: entriesOf(wanted) });
  return deleted
    .filter((element) => !isClientPlace(element))
    .map((element) => ({ ...portAt(element), family: familyAt(element) }));
}

/** What an attachment's ports lack, in words; undefined if all lead to it, or to its container's other interfaces. */
export function findHostPortFault(host: Netns, wanted: HostPorts): string | undefined {
  const fault = findFault(host, wanted);
  if (fault === undefined) return undefined;
  const rest = withoutPortsOfSiblings(host, wanted);
  return rest === wanted ? fault : findFault(host, rest);
}

function findFault(host: Netns, wanted: HostPorts): string | undefined {
  const { owner } = wanted;
  return findEntryFault(host, dispatcherOf(wanted), { owner, entries: entriesOf(wanted) });
}

/** The ports that lead to containers, and the clients that are masqueraded for them. */
export function hostPortShelf(host: Netns): Shelf<MarkedElement> {
  return entryShelf(host, {
    dispatcher: dispatcherFor(),
    keyInWords: (element) => {
      if (!isClientPlace(element)) return portInWords(portAt(element));
      const { any } = sets[4].plain; // behind two addresses, clients have the key of a port at any
      const port = portAt({ set: any, key: element.key.slice(-any.keyLength) });
      return `clients of ${portInWords(port)}`;
    },
  });
}
