/**
 * The topology of a host as a graph: devices, attachments of containers and peers are its nodes, and
 * an edge leads from what carries to what is carried. A pure value, made of what was seen;
 * `weft topology --json` prints it as it is.
 */

import type { Attachment } from "../../lib/cni/call.ts";
import type { SeenLink, SeenOverlay } from "../../lib/inventory/seen-links.ts";
import type { SeenMasquerade, SeenPort } from "../../lib/inventory/seen-nat.ts";
import type { Facts } from "./facts.ts";
import { type Hanging, hangingsOf } from "./hanging.ts";

/** A link of the host that something hangs on, or by which the host reaches others. */
export interface Device {
  readonly id: string;
  readonly name: string;
  /** As the kernel says: `bridge`, `vxlan`, …; "" for a device without a kind. */
  readonly kind: string;
  readonly addresses: readonly string[];
  readonly mtu: number;
  readonly isUp: boolean;
  /** True if a default route leads by it; its gateways, if it has any. */
  readonly isUplink: boolean;
  readonly gateways: readonly string[];
  readonly vlanId?: number;
  /** The routing table of a VRF. */
  readonly table?: number;
  /** How a vxlan device wraps packets, and the network that it says it is for. */
  readonly overlay?: Pick<SeenOverlay, "vni" | "port" | "local"> & { readonly network: string };
}

/** An interface of a container. */
export interface Joined {
  readonly id: string;
  readonly network: string;
  readonly containerID: string;
  readonly ifName: string;
  /** The path of its namespace; "" if it is not known. */
  readonly netns: string;
  /** Null if nobody can tell. */
  readonly isAlive: boolean | null;
  /** Of the interface, as the kernel says; null if it could not be looked at. */
  readonly kind: string | null;
  readonly addresses: readonly string[];
  /** The VRF that it is in there; null if it is in none, or could not be looked at. */
  readonly vrf: string | null;
}

/** Another host. */
export interface Peer {
  readonly id: string;
  readonly publicIP: string;
  readonly subnets: readonly string[];
}

/**
 * How one hangs on the other: `port` of a bridge or bond, `vrf`, `veth`, `macvlan`, `ipvlan`, `vlan`;
 * `moved` for a device that is in the container itself, and `unseen` where nobody can tell, both
 * from the host; `carries` for wrapped packets; `wrapped` and `direct` for the ways to peers.
 */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly how: string;
  /** The host's end of a veth pair. */
  readonly by?: string;
}

/** Somebody whose packets leave under this host's address: `of` is the id of an attachment. */
export interface Masquerade extends Named<Omit<SeenMasquerade, "owner">> {
  readonly of: string | null;
}

/** A port of this host that is led to a container. */
export interface LedPort extends Named<Omit<SeenPort, "owner">> {
  readonly of: string | null;
}

/** What was undefined is null. */
type Named<T> = { readonly [K in keyof T]: undefined extends T[K] ? string | null : T[K] };

/** All of it. The host itself is `host` in edges. */
export interface Topology {
  readonly hostname: string;
  readonly devices: readonly Device[];
  readonly attachments: readonly Joined[];
  readonly peers: readonly Peer[];
  readonly edges: readonly Edge[];
  readonly masquerades: readonly Masquerade[];
  readonly ports: readonly LedPort[];
  /** What could not be looked at, in sentences. */
  readonly unseen: readonly string[];
}

/** The host in edges. */
export const HOST = "host";

/** The graph of what was seen. */
export function topologyOf(facts: Facts): Topology {
  const hangings = hangingsOf(facts);
  const devices = drawn(facts, hangings);
  const attachments = hangings.map((hanging) => joined(facts, hanging));
  const known = new Set(attachments.map(({ id }) => id));
  return {
    hostname: facts.hostname,
    devices: devices.map((link) => deviceOf(facts, link)),
    attachments,
    peers: peersOf(facts),
    edges: [
      ...devices.flatMap((link) => carriersOf(facts, link)),
      ...facts.overlays.flatMap((overlay) => overlayEdges(facts, overlay)),
      ...hangings.map(edgeOf),
    ],
    masquerades: masqueradesOf(facts, known),
    ports: portsOf(facts, known),
    unseen: facts.unseen,
  };
}

function deviceId(name: string): string {
  return `device ${name}`;
}

function attachmentId({ network, containerID, ifName }: Attachment): string {
  return `attachment ${network}/${containerID}/${ifName}`;
}

/** The id of an owner whose attachment is shown. */
function idIn(known: ReadonlySet<string>, owner: Attachment | undefined): string | null {
  const id = owner ? attachmentId(owner) : "";
  return known.has(id) ? id : null;
}

function masqueradesOf({ masquerades }: Facts, known: ReadonlySet<string>): readonly Masquerade[] {
  const all = masquerades.map(({ address = null, subnet = null, by, owner }) => {
    return { address, subnet, by, of: idIn(known, owner) };
  });
  return sortedBy(all, ({ subnet, address }) => `${subnet} ${address}`);
}

function portsOf({ ports }: Facts, known: ReadonlySet<string>): readonly LedPort[] {
  const all = ports.map(({ protocol, address = null, port, to = null, by, owner }) => {
    return { protocol, address, port, to, by, of: idIn(known, owner) };
  });
  return sortedBy(all, ({ port, protocol, to }) => `${port} ${protocol} ${to}`);
}

/** By a text, in which numbers count as numbers. */
function sortedBy<T>(all: readonly T[], textOf: (each: T) => string): readonly T[] {
  const keyed = all.map((each) => {
    const key = textOf(each).replace(/\d+/g, (digits) => digits.padStart(5, "0"));
    return { key, each };
  });
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ each }) => each);
}

/* ---- devices ---- */

/** Kinds that are shown whatever hangs on them. */
const SHOWN = ["bridge", "vxlan", "vrf"];
/** Kinds of links above another, and kinds that are there for a link only. */
const ABOVE = ["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"];
const HELPERS = ["ifb"];

/** Links of the host that are in the picture: not the ends of pairs, which are edges. */
function drawn(
  { links, defaults, overlays }: Facts,
  hangings: readonly Hanging[],
): readonly SeenLink[] {
  const ends = new Set(hangings.flatMap(({ end }) => end?.index ?? []));
  const carriers = new Set([
    ...hangings.flatMap(({ carrier }) => carrier?.index ?? []),
    ...defaults.flatMap(({ outputs }) => outputs),
    ...overlays.map(({ uplink }) => uplink),
    ...links.map(({ master }) => master),
    ...links.filter(isAboveHere).map(({ peer }) => peer),
  ]);
  const isShown = (link: SeenLink) =>
    SHOWN.includes(link.kind) ||
    carriers.has(link.index) ||
    link.master > 0 ||
    isAboveHere(link) ||
    (link.isUp && (link.addresses.length > 0 || (link.kind === "veth" && !link.isPeerHere)));
  return links.filter(
    (link) =>
      !ends.has(link.index) && !HELPERS.includes(link.kind) && link.name !== "lo" && isShown(link),
  );
}

function isAboveHere({ kind, peer, isPeerHere }: SeenLink): boolean {
  return ABOVE.includes(kind) && isPeerHere && peer > 0;
}

function deviceOf({ defaults, overlays }: Facts, link: SeenLink): Device {
  const { index, name, kind, addresses, mtu, isUp, vlanId, vrfTable } = link;
  const ways = defaults.filter(({ outputs }) => outputs.includes(index));
  const overlay = overlays.find(({ device }) => device === name);
  return {
    ...{ id: deviceId(name), name, kind, addresses, mtu, isUp },
    isUplink: ways.length > 0,
    gateways: [...new Set(ways.flatMap(({ gateways }) => gateways))],
    ...(vlanId === undefined ? {} : { vlanId }),
    ...(vrfTable === undefined ? {} : { table: vrfTable }),
    ...(overlay ? { overlay: wrappingOf(overlay, link) } : {}),
  };
}

/** A network too long for the alias is a hash there. */
function wrappingOf({ vni, port, local }: SeenOverlay, { alias }: SeenLink) {
  const [, network = ""] = /^weft-overlay ([^# ]\S*) /.exec(alias) ?? [];
  return { vni, port, local, network };
}

function carriersOf({ links }: Facts, link: SeenLink): readonly Edge[] {
  const to = deviceId(link.name);
  const master = links.find(({ index }) => index === link.master);
  const parent = isAboveHere(link) ? links.find(({ index }) => index === link.peer) : undefined;
  return [
    ...(master ? [{ from: deviceId(master.name), to, how: howBy(master) }] : []),
    ...(parent ? [{ from: deviceId(parent.name), to, how: link.kind }] : []),
  ];
}

function howBy({ kind }: SeenLink): string {
  return kind === "vrf" ? "vrf" : "port";
}

/* ---- peers ---- */

function peerId(device: string, publicIP: string): string {
  return `peer ${device} ${publicIP}`;
}

/** Peers by the device that leads to them: an uplink serves all overlays. */
function peersOf(facts: Facts): readonly Peer[] {
  const all = facts.overlays.flatMap((overlay) =>
    overlay.peers.map(({ publicIP, subnets, isDirect }) => {
      const device = isDirect ? uplinkOf(facts, overlay) : overlay.device;
      return { id: peerId(device, publicIP), publicIP, subnets };
    }),
  );
  return [...new Map(all.map((peer) => [peer.id, peer])).values()];
}

function uplinkOf({ links }: Facts, { uplink }: SeenOverlay): string {
  return links.find(({ index }) => index === uplink)?.name ?? "";
}

function overlayEdges(facts: Facts, overlay: SeenOverlay): readonly Edge[] {
  const uplink = uplinkOf(facts, overlay);
  const to = deviceId(overlay.device);
  const carries = uplink === "" ? [] : [{ from: deviceId(uplink), to, how: "carries" }];
  const ways = overlay.peers.map(({ publicIP, isDirect }) => {
    const device = isDirect ? uplink : overlay.device;
    const how = isDirect ? "direct" : "wrapped";
    return { from: deviceId(device), to: peerId(device, publicIP), how };
  });
  return [...carries, ...ways];
}

/* ---- attachments ---- */

function joined({ masquerades }: Facts, { seen, inside, end }: Hanging): Joined {
  const { network, containerID, ifName, netns, isThere } = seen;
  const isOwn = ({ owner }: SeenMasquerade) =>
    owner?.network === network && owner.containerID === containerID && owner.ifName === ifName;
  const known = inside ? inside.addresses : seen.addresses;
  const more = () => masquerades.filter(isOwn).flatMap(({ address }) => address ?? []);
  const named = { network, containerID, ifName, netns };
  return {
    id: attachmentId(named),
    ...named,
    isAlive: inside || end ? true : (isThere ?? null),
    kind: inside?.kind ?? (end ? "veth" : null),
    addresses: known.length > 0 ? known : more(),
    vrf: inside?.vrf || null,
  };
}

function edgeOf({ seen, carrier, end, how }: Hanging): Edge {
  const to = attachmentId(seen);
  const by = end ? { by: end.name } : {};
  return { from: carrier ? deviceId(carrier.name) : HOST, to, how, ...by };
}
