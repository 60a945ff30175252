/**
 * All attachments of this host, each judged: what is kept of them, and what only the host tells of.
 * Every list is asked for once, however many there are.
 */

import { isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";
import { watcher } from "../../lib/inventory/alive.ts";
import {
  type Glance,
  type GlancedLease,
  type GlancedPort,
  glanceAt,
  orFault,
  ownersIn,
} from "../../lib/inventory/glance.ts";
import { type Directories, usualDirectories } from "../../lib/inventory/inventory.ts";
import { grouped } from "../../lib/net/grouped.ts";
import type { Link } from "../../lib/net/link.ts";
import { ownNetns } from "../../lib/net/netns.ts";
import { type Owner, ownerAliases, ownerTexts } from "../../lib/net/owner.ts";
import { type Judged, judge } from "../attachments.ts";
import { type Kept, listKept } from "../cache.ts";
import { hostLinksOf } from "../results.ts";

/** An attachment with what the host has of it. */
export interface Attached extends Judged {
  /** Its links on the host: by their alias, or else by their name in the result. */
  readonly links: readonly Link[];
  /** The comments of its elements in nf_tables that are there. */
  readonly comments: readonly string[];
  readonly ports: readonly GlancedPort[];
  /** Addresses of its leases, and those that are masqueraded. */
  readonly addresses: readonly string[];
  readonly leases: readonly GlancedLease[];
  /** The types of the plugins of the list that it had. */
  readonly plugins: readonly string[];
}

export interface Attachments {
  readonly attached: readonly Attached[];
  readonly glance: Glance;
  /** What could not be looked at, and why. */
  readonly faults: readonly string[];
}

/** Finds all attachments of this host, by network, container and interface. Changes nothing. */
export function allAttachments(dataDirs: readonly string[]): Attachments {
  const host = ownNetns();
  const faults: string[] = [];
  const kept = orFault("what runtimes keep of results", () => listKept(), faults) ?? [];
  const typesOf = listReader();
  const directories = directoriesFor(dataDirs, kept.map(typesOf));
  const glance = glanceAt(host, directories);
  const signOf = watcher(host, glance.links);
  const detailsOf = detailer(glance);
  const owners = new Map<string, Owner & { readonly kept?: Kept }>();
  for (const owner of ownersIn(glance)) owners.set(nameOf(owner), owner);
  for (const each of kept) owners.set(nameOf(each), { ...idOf(each), kept: each });
  const attached = Array.from(owners.values(), ({ kept, ...owner }) => {
    const details = detailsOf(owner, kept);
    const leases = details.leases.map(({ path }) => path);
    const judged = judge({ owner, kept, addresses: details.addresses, leases }, signOf);
    return { ...judged, ...details, plugins: kept ? typesOf(kept).plugins : [] };
  });
  return { attached: inOrder(attached), glance, faults: [...faults, ...glance.faults] };
}

function idOf({ network, containerID, ifName }: Owner): Owner {
  return { network, containerID, ifName };
}

function nameOf({ network, containerID, ifName }: Owner): string {
  return `${network} ${containerID} ${ifName}`;
}

/** What a kept list says: the types of its plugins, and where they keep leases. */
interface ListParts {
  readonly plugins: readonly string[];
  readonly dataDirs: readonly string[];
}

/** Reads kept lists, of which most attachments of a network have the same. */
function listReader(): (kept: Kept) => ListParts {
  const known = new Map<string, ListParts>();
  return ({ text }) => {
    const before = known.get(text);
    if (before) return before;
    const parts = partsIn(text);
    known.set(text, parts);
    return parts;
  };
}

function partsIn(text: string): ListParts {
  const plugins = pluginsIn(text);
  return {
    plugins: plugins.flatMap(({ type }) => (typeof type === "string" ? type : [])),
    dataDirs: plugins.flatMap(({ ipam }) => {
      const dataDir = isObject(ipam) ? ipam.dataDir : undefined;
      return typeof dataDir === "string" && dataDir.startsWith("/") ? dataDir : [];
    }),
  };
}

function pluginsIn(text: string): readonly JsonObject[] {
  try {
    const json = JSON.parse(text) as Json;
    if (!isObject(json)) return [];
    return Array.isArray(json.plugins) ? json.plugins.filter(isObject) : [json];
  } catch {
    return [];
  }
}

function directoriesFor(dataDirs: readonly string[], lists: readonly ListParts[]): Directories {
  const named = lists.flatMap((list) => list.dataDirs);
  const leases = new Set([...usualDirectories.leases, ...dataDirs, ...named]);
  return { ...usualDirectories, leases: [...leases] };
}

type Details = Pick<Attached, "links" | "comments" | "ports" | "addresses" | "leases">;

/** Finds what is an owner's in a glance. */
function detailer({ links, ports, masqueraded, leases }: Glance) {
  const byAlias = grouped(links, ({ alias }) => alias);
  const byName = new Map(links.map((link) => [link.name, link]));
  const byContainer = grouped(leases, ({ network, containerID }) => `${network} ${containerID}`);
  return (owner: Owner, kept: Kept | undefined): Details => {
    const texts = ownerTexts(owner);
    const marked = ownerAliases(owner).flatMap((alias) => byAlias.get(alias) ?? []);
    const named = hostLinksOf(kept?.result).flatMap((name) => byName.get(name) ?? []);
    const own = byContainer.get(`${owner.network} ${owner.containerID}`) ?? [];
    const held = own.filter(({ ifName = owner.ifName }) => ifName === owner.ifName);
    const sources = texts.flatMap((text) => masqueraded.get(text) ?? []);
    return {
      links: [...new Set([...marked, ...named.filter(isUnmarked)])],
      comments: texts.filter((text) => ports.has(text) || masqueraded.has(text)),
      ports: texts.flatMap((text) => ports.get(text) ?? []),
      addresses: [...new Set([...held.map(({ address }) => address), ...sources])],
      leases: held,
    };
  };
}

/** A bridge serves many attachments, and a link that names an owner is that owner's alone. */
function isUnmarked({ alias, kind }: Link): boolean {
  return alias === "" && kind !== "bridge";
}

function inOrder(attached: readonly Attached[]): readonly Attached[] {
  const keyed = attached.map((each) => [nameOf(each.owner), each] as const);
  keyed.sort(([a], [b]) => (a < b ? -1 : 1));
  return keyed.map(([, each]) => each);
}
