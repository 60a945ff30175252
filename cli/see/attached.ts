/**
 * All attachments of this host, each judged: what is kept of them, and what only the host tells of.
 * Every list is asked for once, however many there are.
 */

import { isObject, type Json, type JsonObject } from "../../lib/cni/json.ts";
import { watcher } from "../../lib/inventory/alive.ts";
import {
  containerOf,
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
  /** The types of the plugins of the list that it had, and of their address managers. */
  readonly plugins: readonly string[];
  readonly ipamTypes: readonly string[];
  /** Links on the host that the result names, and that are there, whosever they are. */
  readonly hostLinks: readonly string[];
}

export interface Attachments {
  readonly attached: readonly Attached[];
  readonly glance: Glance;
  readonly directories: Directories;
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
  for (const owner of ownersIn(glance, kept)) owners.set(nameOf(owner), owner);
  for (const each of kept) owners.set(nameOf(each), { ...idOf(each), kept: each });
  const attached = Array.from(owners.values(), ({ kept, ...owner }) => {
    const details = detailsOf(owner, kept);
    const leases = details.leases.map(({ path }) => path);
    const judged = judge({ owner, kept, addresses: details.addresses, leases }, signOf);
    const { plugins, ipamTypes } = kept ? typesOf(kept) : nothing;
    return { ...judged, ...details, plugins, ipamTypes };
  });
  const all = [...faults, ...glance.faults];
  return { attached: inOrder(attached), glance, directories, faults: all };
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
  readonly ipamTypes: readonly string[];
  readonly dataDirs: readonly string[];
}

const nothing: ListParts = { plugins: [], ipamTypes: [], dataDirs: [] };

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
  const managers = plugins.map(({ ipam }) => ipam ?? null).filter(isObject);
  const textsAt = (objects: readonly JsonObject[], key: string) =>
    objects.flatMap(({ [key]: value }) => (typeof value === "string" ? value : []));
  return {
    plugins: textsAt(plugins, "type"),
    ipamTypes: textsAt(managers, "type"),
    dataDirs: textsAt(managers, "dataDir").filter((path) => path.startsWith("/")),
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

type Details = Omit<Attached, keyof Judged | "plugins" | "ipamTypes">;

/** Finds what is an owner's in a glance. */
function detailer({ links, ports, masqueraded, leases, jumps }: Glance) {
  const byAlias = grouped(links, ({ alias }) => alias);
  const byName = new Map(links.map((link) => [link.name, link]));
  const byContainer = grouped(leases, containerOf);
  const jumpsByContainer = grouped(jumps, containerOf);
  return (owner: Owner, kept: Kept | undefined): Details => {
    const texts = ownerTexts(owner);
    const marked = ownerAliases(owner).flatMap((alias) => byAlias.get(alias) ?? []);
    const named = hostLinksOf(kept?.result).flatMap((name) => byName.get(name) ?? []);
    const own = byContainer.get(containerOf(owner)) ?? [];
    const held = own.filter(({ ifName = owner.ifName }) => ifName === owner.ifName);
    const sources = [
      ...texts.flatMap((text) => masqueraded.get(text) ?? []),
      ...(jumpsByContainer.get(containerOf(owner)) ?? []).flatMap(({ address }) => address ?? []),
    ];
    return {
      links: [...new Set([...marked, ...named.filter(isUnmarked)])],
      hostLinks: named.map(({ name }) => name),
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
