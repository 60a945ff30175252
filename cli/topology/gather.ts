/**
 * Looks at this host for its picture: links, routes and packet filter as the kernel shows them, and
 * attachments by what is kept of them, by aliases, comments and leases. Nothing is changed; what
 * may not be looked at is told in a sentence, and the rest is shown.
 */

import type { Attachment } from "../../lib/cni/call.ts";
import { CniError } from "../../lib/cni/error.ts";
import { readTextIfPresent } from "../../lib/host/file.ts";
import { usualDirectories } from "../../lib/inventory/inventory.ts";
import { networksBelow, reservedIn } from "../../lib/inventory/pools.ts";
import {
  type SeenLink,
  seeDefaults,
  seeLink,
  seeLinks,
  seeOverlay,
} from "../../lib/inventory/seen-links.ts";
import { type SeenNat, seeNat } from "../../lib/inventory/seen-nat.ts";
import { closeNetns } from "../../lib/net/close-netns.ts";
import { isOwnNetns, type Netns, NetnsError, openNetns, ownNetns } from "../../lib/net/netns.ts";
import { ownerInAlias } from "../../lib/net/owner.ts";
import { type Kept, listKept } from "../cache.ts";
import { addressesOf, hostLinksOf } from "../results.ts";
import type { Facts, SeenAttachment } from "./facts.ts";

/** All there is to see; throws Failure if not even links can be asked for. */
export function gather(): Facts {
  const host = ownNetns();
  const unseen: string[] = [];
  const attempt = attempting(unseen);
  const links = seeLinks(host);
  const vxlans = links.filter(({ kind }) => kind === "vxlan");
  const kept = attempt<readonly Kept[]>("What is kept of attachments", () => listKept(), []);
  const leases = attempt<readonly SeenLease[]>("Leases", listLeases, []);
  const named = namedBy(links, leases);
  const owners = distinct([...kept, ...named]);
  const nothing: SeenNat = { masquerades: [], ports: [] };
  const nat = attempt("Masquerade and host ports", () => seeNat(host, owners), nothing);
  const attachments = distinct([...owners, ...ownersIn(nat)]);
  const known = knowledge(kept, leases, attempt);
  return {
    hostname: attempt("The name of this host", readHostname, ""),
    links,
    defaults: attempt("Default routes", () => seeDefaults(host), []),
    overlays: attempt(
      "Peers",
      () => vxlans.flatMap(({ name }) => seeOverlay(host, name) ?? []),
      [],
    ),
    attachments: attachments.map((owner) => seenOf(owner, known)),
    ...nat,
    unseen,
  };
}

type Attempt = <T>(what: string, body: () => T, otherwise: T) => T;

/** What fails is told once for all things of its kind. */
function attempting(unseen: string[]): Attempt {
  return (what, body, otherwise) => {
    try {
      return body();
    } catch (cause) {
      const sentence = `${what} cannot be shown: ${CniError.from(cause).message}`;
      if (!unseen.some((each) => each.startsWith(`${what} `))) unseen.push(sentence);
      return otherwise;
    }
  };
}

function readHostname(): string {
  return (readTextIfPresent("/proc/sys/kernel/hostname") ?? "").trim();
}

/** A lease; an old one does not tell the interface. */
interface SeenLease {
  readonly network: string;
  readonly containerID: string;
  readonly ifName: string | undefined;
  readonly address: string;
}

function listLeases(): readonly SeenLease[] {
  return usualDirectories.leases.flatMap((directory) =>
    networksBelow(directory).flatMap((network) =>
      reservedIn(`${directory}/${network}`)
        .filter(({ fault }) => fault === undefined)
        .map(({ containerID, ifName, address }) => ({ network, containerID, ifName, address })),
    ),
  );
}

/* ---- attachments ---- */

/** Whom links name by their aliases, and leases by what is in them. */
function namedBy(links: readonly SeenLink[], leases: readonly SeenLease[]): readonly Attachment[] {
  const byLease = leases.flatMap(({ network, containerID, ifName }) =>
    ifName === undefined ? [] : [{ network, containerID, ifName }],
  );
  return [...links.flatMap(({ alias }) => ownerInAlias(alias) ?? []), ...byLease];
}

function ownersIn({ masquerades, ports }: SeenNat): readonly Attachment[] {
  return [...masquerades, ...ports].flatMap(({ owner }) => owner ?? []);
}

function distinct(all: readonly Attachment[]): readonly Attachment[] {
  return [...new Map(all.map((each) => [nameOf(each), each])).values()];
}

function nameOf({ network, containerID, ifName }: Attachment): string {
  return `${network}/${containerID}/${ifName}`;
}

interface Known {
  readonly keptOf: (owner: Attachment) => Kept | undefined;
  readonly leasesOf: (owner: Attachment) => readonly SeenLease[];
  readonly look: Look;
}

function knowledge(kept: readonly Kept[], leases: readonly SeenLease[], attempt: Attempt): Known {
  const byName = new Map(kept.map((each) => [nameOf(each), each]));
  const byContainer = new Map<string, SeenLease[]>();
  for (const lease of leases) {
    const key = containerOf(lease);
    const others = byContainer.get(key) ?? [];
    others.push(lease);
    byContainer.set(key, others);
  }
  return {
    keptOf: (owner) => byName.get(nameOf(owner)),
    leasesOf: (owner) => {
      const all = byContainer.get(containerOf(owner)) ?? [];
      return all.filter(({ ifName = owner.ifName }) => ifName === owner.ifName);
    },
    look: lookingInto(attempt),
  };
}

function containerOf({ network, containerID }: Pick<Attachment, "network" | "containerID">) {
  return `${network}/${containerID}`;
}

function seenOf(owner: Attachment, { keptOf, leasesOf, look }: Known): SeenAttachment {
  const { network, containerID, ifName } = owner;
  const { netns = "", result } = keptOf(owner) ?? {};
  const told = addressesOf(result);
  return {
    ...{ network, containerID, ifName, netns },
    ...look(netns, ifName),
    addresses:
      told.length > 0
        ? told
        : leasesOf(owner)
            .map(({ address }) => address)
            .sort(),
    hostLinks: hostLinksOf(result),
  };
}

type Inside = Pick<SeenAttachment, "isThere" | "inside">;
type Look = (netns: string, ifName: string) => Inside;

const unknown: Inside = { isThere: undefined, inside: undefined };
const gone: Inside = { isThere: false, inside: undefined };

function lookingInto(attempt: Attempt): Look {
  const insides: Attempt = (_, body, otherwise) =>
    attempt("Interfaces of containers", body, otherwise);
  return (path, ifName) =>
    path === "" ? unknown : insides("", () => lookInto(path, ifName, insides), unknown);
}

/** Only what is certainly no namespace is gone. The host's own is no container's. */
function lookInto(path: string, ifName: string, attempt: Attempt): Inside {
  let ns: Netns;
  try {
    ns = openNetns(path);
  } catch (cause) {
    if (cause instanceof NetnsError) return gone;
    throw cause;
  }
  try {
    if (isOwnNetns(ns)) return gone;
    return { isThere: true, inside: attempt("", () => seeLink(ns, ifName), undefined) };
  } finally {
    closeNetns(ns);
  }
}
