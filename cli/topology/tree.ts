/**
 * The graph as a tree, which both pictures are drawn of: a device with what hangs on it, which may be
 * devices again; then what hangs on no device, and what the packet filter does. A pure value.
 */

import {
  type Device,
  type Edge,
  HOST,
  type Joined,
  type LedPort,
  type Masquerade,
  type Peer,
  type Topology,
} from "./model.ts";

/** One line of the picture, in columns, with what hangs on it. */
export interface Branch {
  /** What it is among its like: those of one kind are aligned, and counted where they are many. */
  readonly kind: string;
  readonly cells: readonly string[];
  readonly branches: readonly Branch[];
  /** Of a device: its id. */
  readonly id?: string;
  /** True for a container whose namespace is gone. */
  readonly isGone?: boolean;
}

/** How much is told of things. */
export interface Wordiness {
  /** Whole identifiers, and every address of a list. */
  readonly isWhole: boolean;
}

/** The trees of a host. */
export function forestOf(topology: Topology, { isWhole }: Wordiness): readonly Branch[] {
  const view = viewOf(topology, isWhole);
  const tops = topology.devices.filter(({ id }) => !view.carriers.has(id));
  const sorted = tops.toSorted((a, b) => rankOf(a) - rankOf(b));
  return [
    ...sorted.map((device) => deviceBranch(view, device)),
    ...looseBranches(view),
    ...section("masqueraded", masqueradeBranches(view)),
    ...section(
      "led to containers",
      topology.ports.map((port) => portBranch(view, port)),
    ),
  ];
}

/** The graph with what is asked of it often. */
interface View {
  readonly topology: Topology;
  readonly isWhole: boolean;
  /** What each thing hangs on, and what hangs on each. */
  readonly carriers: ReadonlyMap<string, Edge>;
  readonly carried: ReadonlyMap<string, readonly Edge[]>;
  /** The uplinks of overlays, by the ids of both. */
  readonly uplinks: ReadonlyMap<string, string>;
  readonly devices: ReadonlyMap<string, Device>;
  readonly attachments: ReadonlyMap<string, Joined>;
  readonly peers: ReadonlyMap<string, Peer>;
}

/** A VLAN that is a port of a bridge is shown there; wrapped packets hang on nothing. */
function viewOf(topology: Topology, isWhole: boolean): View {
  const carriers = new Map<string, Edge>();
  const uplinks = new Map<string, string>();
  for (const edge of topology.edges) {
    if (edge.how === "carries") uplinks.set(edge.to, edge.from);
    else if (!carriers.has(edge.to)) carriers.set(edge.to, edge);
  }
  const carried = grouped([...carriers.values()], ({ from }) => from);
  const byId = <T extends { readonly id: string }>(all: readonly T[]) =>
    new Map(all.map((each) => [each.id, each]));
  const { devices, attachments, peers } = topology;
  const maps = { devices: byId(devices), attachments: byId(attachments), peers: byId(peers) };
  return { topology, isWhole, carriers, carried, uplinks, ...maps };
}

function grouped<T>(all: readonly T[], keyOf: (each: T) => string): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const each of all) {
    const key = keyOf(each);
    const group = groups.get(key);
    if (group) group.push(each);
    else groups.set(key, [each]);
  }
  return groups;
}

const RANKS = ["bridge", "vxlan", "vrf"];

/** Uplinks first, then what containers hang on, then the rest. */
function rankOf({ isUplink, kind }: Device): number {
  if (isUplink) return -1;
  return RANKS.includes(kind) ? RANKS.indexOf(kind) : RANKS.length;
}

function section(name: string, branches: readonly Branch[]): readonly Branch[] {
  return branches.length > 0 ? [{ kind: "section", cells: [name], branches }] : [];
}

/** Of more addresses the first is named, and the others are counted: a container may have thousands. */
const NAMED = 4;

function listOf({ isWhole }: View, addresses: readonly string[]): string {
  if (isWhole || addresses.length <= NAMED) return addresses.join(" ");
  return `${addresses[0]} and ${addresses.length - 1} more`;
}

/* ---- devices ---- */

/** Each hangs on one at most, so that nothing below it leads back. */
function deviceBranch(view: View, device: Device): Branch {
  const edges = view.carried.get(device.id) ?? [];
  const below = edges.flatMap(({ to }) => view.devices.get(to) ?? []);
  return {
    id: device.id,
    kind: isLesser(device) ? "devices" : "device",
    cells: [`${roleOf(device)} ${device.name}`, detailsOf(view, device)],
    branches: [
      ...below.map((each) => deviceBranch(view, each)),
      ...attachmentBranches(view, edges),
      ...edges.flatMap((edge) => peerBranch(view, edge)),
    ],
  };
}

/** Of such there may be hundreds. */
function isLesser({ kind, isUplink }: Device): boolean {
  return !isUplink && !RANKS.includes(kind);
}

function roleOf({ isUplink, kind, vlanId }: Device): string {
  const names: Record<string, string> = { "": "device", vxlan: "overlay", vrf: "VRF" };
  const name = names[kind] ?? (vlanId === undefined ? kind : `${kind} ${vlanId}`);
  return isUplink ? `uplink${kind === "" ? "" : ` ${name}`}` : name;
}

function detailsOf(view: View, device: Device): string {
  const { uplinks, devices } = view;
  const { id, addresses, gateways, isUplink, isUp, table, overlay } = device;
  const way = gateways.length > 0 ? `default by ${gateways.join(", ")}` : "default route";
  const uplink = devices.get(uplinks.get(id) ?? "")?.name;
  const parts = [
    listOf(view, addresses),
    isUplink ? way : "",
    table === undefined ? "" : `table ${table}`,
    ...(overlay ? [wrappingOf(overlay, uplink)] : []),
    overlay?.network ? `network ${overlay.network}` : "",
    isUp ? "" : "down",
  ];
  return parts.filter((part) => part !== "").join(", ");
}

function wrappingOf({ vni, port, local }: NonNullable<Device["overlay"]>, uplink = ""): string {
  const way = `${local === "" ? "" : ` from ${local}`}${uplink === "" ? "" : ` by ${uplink}`}`;
  return `VNI ${vni}${way} port ${port}`;
}

function peerBranch(view: View, { to, how }: Edge): readonly Branch[] {
  const peer = view.peers.get(to);
  if (!peer) return [];
  const { publicIP, subnets } = peer;
  const way = how === "direct" ? "not wrapped" : "";
  return [{ kind: "peers", cells: [`peer ${publicIP}`, listOf(view, subnets), way], branches: [] }];
}

/* ---- attachments ---- */

/** What hangs on no device. */
function looseBranches(view: View): readonly Branch[] {
  const edges = view.carried.get(HOST) ?? [];
  const of = (wanted: (how: string) => boolean) =>
    attachmentBranches(
      view,
      edges.filter(({ how }) => wanted(how)),
    );
  return [
    ...section(
      "point to point",
      of((how) => how === "veth"),
    ),
    ...section(
      "devices in containers",
      of((how) => how === "moved"),
    ),
    ...section(
      "not seen from here",
      of((how) => how === "unseen"),
    ),
  ];
}

function attachmentBranches(view: View, edges: readonly Edge[]): readonly Branch[] {
  const found = edges.flatMap((edge) => {
    const attachment = view.attachments.get(edge.to);
    return attachment ? [{ edge, attachment }] : [];
  });
  const sorted = found.toSorted((a, b) => (a.attachment.id < b.attachment.id ? -1 : 1));
  return sorted.map(({ edge, attachment }) => ({
    kind: "containers",
    cells: attachmentCells(view, edge, attachment),
    branches: [],
    isGone: attachment.isAlive === false,
  }));
}

function attachmentCells(view: View, { how, by = how }: Edge, attachment: Joined) {
  const { network, isAlive, kind, addresses, vrf, netns } = attachment;
  const state = isAlive === false ? "gone" : "";
  const means = { moved: kind ?? "", unseen: "" }[how] ?? by;
  const own = vrf === null ? "" : `VRF ${vrf}`;
  const path = view.isWhole ? netns : "";
  const name = nameOf(view, attachment);
  return [means, name, listOf(view, addresses), `in ${network}`, own, path, state];
}

/** Identifiers of runtimes have 64 digits, of which other tools show the first twelve. */
const LONGEST = 32;
const SHORT = 12;

function nameOf({ isWhole }: View, { containerID, ifName }: Joined): string {
  const isLong = !isWhole && containerID.length > LONGEST;
  return `${isLong ? `${containerID.slice(0, SHORT)}…` : containerID} ${ifName}`;
}

/* ---- the packet filter ---- */

/** Those of one network that one rule serves are one line. */
function masqueradeBranches(view: View): readonly Branch[] {
  const networkOf = ({ of }: Masquerade) => view.attachments.get(of ?? "")?.network;
  const groups = grouped(view.topology.masquerades, (each) =>
    [each.subnet, each.by, networkOf(each)].join("\n"),
  );
  return [...groups.values()].map((group) => masqueradeBranch(view, group));
}

function masqueradeBranch(view: View, group: readonly Masquerade[]): Branch {
  const [{ subnet = null, by = "", of = null } = {}] = group;
  const ownerOf = (each: Masquerade) => view.attachments.get(each.of ?? "");
  const addresses = group.flatMap(
    (each) => each.address ?? ownerOf(each)?.addresses ?? ["somebody unknown"],
  );
  const network = view.attachments.get(of ?? "")?.network;
  return {
    kind: "rules",
    cells: [
      listOf(view, addresses),
      subnet === null ? "" : `leaving ${subnet}`,
      network === undefined ? "" : `in ${network}`,
      `by ${by}`,
    ],
    branches: [],
  };
}

function portBranch(view: View, { protocol, address, port, to, by, of }: LedPort): Branch {
  const owner = view.attachments.get(of ?? "");
  const at = address?.includes(":") ? `[${address}]` : address;
  return {
    kind: "ports",
    cells: [
      `${protocol} ${address === null ? "" : `${at}:`}${port}`,
      `→ ${to ?? "a container"}`,
      owner ? nameOf(view, owner) : "",
      `by ${by}`,
    ],
    branches: [],
  };
}
