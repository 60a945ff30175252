/** Everything that is one attachment's, as the kernel and files have it. */

import { type Glance, orFault } from "../../lib/inventory/glance.ts";
import {
  type Directories,
  inventoryOfOwner,
  type Possession,
} from "../../lib/inventory/inventory.ts";
import { type Judgement, judgementsOf } from "../../lib/inventory/network-policies.ts";
import { parseAddress } from "../../lib/ip/address.ts";
import { closeNetns } from "../../lib/net/close-netns.ts";
import { findLink, type Link } from "../../lib/net/link.ts";
import { isOwnNetns, type Netns, openNetns, ownNetns } from "../../lib/net/netns.ts";
import type { Qdisc } from "../../lib/net/rates.ts";
import {
  type SeenLink,
  type SeenNeighbour,
  type SeenRoute,
  seenAddresses,
  seenLink,
  seenNeighbours,
  seenRoutes,
} from "../../lib/net/seen.ts";
import type { Attached } from "./attached.ts";

/** A link on the host. */
export interface HostLink extends SeenLink {
  /** The bridge that it is a port of; undefined if it is none. */
  readonly master: string | undefined;
  readonly addresses: readonly string[];
  readonly qdiscs: readonly Omit<Qdisc, "link">[];
  /** By itself, and by its bridge where they are for the container's addresses. */
  readonly neighbours: readonly (SeenNeighbour & { readonly dev: string })[];
}

/** The interface inside of the container. */
export interface InsideLink extends SeenLink {
  readonly addresses: readonly string[];
  readonly routes: readonly SeenRoute[];
}

export interface Close {
  readonly host: readonly HostLink[];
  /** Undefined if it cannot be looked at, for the reason in `insideFault`. */
  readonly inside: InsideLink | undefined;
  readonly insideFault: string | undefined;
  /** What network policies of a cluster isolate it by. */
  readonly networkPolicies: readonly Judgement[];
  /** What else is the attachment's, in words. */
  readonly things: readonly Possession[];
}

/** What is looked at besides the attachment. */
export interface Surroundings {
  readonly glance: Glance;
  readonly directories: Directories;
  /** Here goes what could not be looked at. */
  readonly faults: string[];
}

/** Looks at an attachment closely. */
export function lookClosely(attached: Attached, surroundings: Surroundings): Close {
  const { glance, directories, faults } = surroundings;
  const host = ownNetns();
  const { owner, links } = attached;
  const look = <T>(body: () => readonly T[]) =>
    orFault(`what ${owner.ifName} of ${owner.containerID} has`, body, faults) ?? [];
  const inside = insideOf(attached);
  const addresses = attached.addresses.concat(inside.inside?.addresses.map(withoutLength) ?? []);
  return {
    ...inside,
    host: look(() => links.map((link) => hostLink(host, link, { glance, addresses }))),
    networkPolicies: look(() =>
      judgementsOf(
        host,
        attached.addresses.flatMap((text) => parseAddress(text) ?? []),
      ),
    ),
    things: look(() => inventoryOfOwner(host, owner, directories)),
  };
}

/* ---- on the host ---- */

interface OnHost {
  readonly glance: Glance;
  /** The container's, without lengths. */
  readonly addresses: readonly string[];
}

function hostLink(host: Netns, link: Link, { glance, addresses }: OnHost): HostLink {
  const master = glance.links.find(({ index }) => index === link.master);
  const ofLink = (each: Link) =>
    seenNeighbours(host, each).map((neighbour) => ({ ...neighbour, dev: each.name }));
  const ofMaster = (master ? ofLink(master) : []).filter(
    ({ address }) => address !== undefined && addresses.includes(address),
  );
  const qdiscs = glance.qdiscs.get(link.index) ?? [];
  return {
    ...seenLink(link),
    master: master?.name,
    addresses: seenAddresses(host, link),
    qdiscs: qdiscs.map(({ kind, handle, rate }) => ({ kind, handle, rate })),
    neighbours: [...ofLink(link), ...ofMaster],
  };
}

/* ---- inside ---- */

function insideOf({ owner, kept }: Attached): Pick<Close, "inside" | "insideFault"> {
  const netns = kept?.netns ?? "";
  if (netns === "") return outside("the path of its namespace is not known");
  try {
    return inNetns(netns, (ns) => {
      if (isOwnNetns(ns)) return outside(`${netns} is the namespace of this host`);
      const link = findLink(ns, owner.ifName);
      if (!link) return outside(`there is no ${owner.ifName} in ${netns}`);
      const addresses = seenAddresses(ns, link);
      const inside = { ...seenLink(link), addresses, routes: seenRoutes(ns, link) };
      return { inside, insideFault: undefined };
    });
  } catch (cause) {
    return outside(cause instanceof Error ? cause.message : String(cause));
  }
}

function outside(insideFault: string): Pick<Close, "inside" | "insideFault"> {
  return { inside: undefined, insideFault };
}

/** What `body` finds in a namespace; it is open no longer than that. */
function inNetns<T>(path: string, body: (ns: Netns) => T): T {
  const ns = openNetns(path);
  try {
    return body(ns);
  } finally {
    closeNetns(ns);
  }
}

function withoutLength(cidr: string): string {
  return cidr.slice(0, cidr.lastIndexOf("/"));
}
