import { isIP } from "node:net";
import type { Json } from "./observations.ts";
import type { Snapshot } from "./snapshot.ts";

/** Things a successful ADD may leave on the host because all attachments share them. */
export interface Shared {
  /** The name of the bridge. */
  readonly bridge?: string;
  /** The name of the device that leads to other hosts. */
  readonly device?: string;
  /** Whether forwarding may have been switched on. */
  readonly forwarding?: boolean;
  /** The name of the network whose host-local store may exist, without reservations. */
  readonly network?: string;
  /** The folder of the stores of all networks. */
  readonly dataDir?: string;
  /** The administrator's chain of iptables, which stays with the way there. */
  readonly adminChain?: string;
}

/** What an attachment with this configuration may leave behind after DEL. */
export function sharedBy(config: Readonly<Record<string, unknown>>): Shared {
  const { name, ipam, vni = 1, delegate } = config as SharedKeys;
  const { bridge = "cni0" } = (delegate ?? config) as SharedKeys;
  const dataDir = ipam?.dataDir ?? "/var/lib/cni/networks";
  const device = `weft.${vni}`;
  const adminChain = config.iptablesAdminChainName as string | undefined;
  const admin = adminChain === undefined ? {} : { adminChain };
  return { bridge, device, network: name ?? "", dataDir, forwarding: true, ...admin };
}

interface SharedKeys {
  readonly vni?: number;
  readonly bridge?: string;
  readonly name?: string;
  readonly delegate?: { readonly bridge?: string };
  readonly ipam?: { readonly dataDir?: string };
}

/** The snapshot without what is shared: the rest must go with its attachment. */
export function withoutShared(snapshot: Snapshot, shared: Shared): Snapshot {
  const kept = Object.entries(snapshot).filter(([key]) => !isShared(key, shared));
  return Object.fromEntries(kept);
}

function isShared(key: string, shared: Shared): boolean {
  return (
    isOfBridge(key, shared.bridge) ||
    isOfDevice(key, shared.device) ||
    isForwarding(key, shared) ||
    isEmptyFirewallFrame(key) ||
    isWayToAdmin(key, shared) ||
    isStore(key, shared) ||
    isLock(key, shared) ||
    /^file \/run\/(xtables|weft\/iptables)\.lock\b/.test(key) ||
    /^folder \/(run\/cni(\/tuning)?|var\/lib\/cni(\/flannel)?)$/.test(key) ||
    isCache(key)
  );
}

/** host-local's index, which it rebuilds whenever it is not current. */
function isCache(key: string): boolean {
  return /^(folder|file) \/run\/weft(\/host-local(\/|$)|$)/.test(key.replace(/ content.*/, ""));
}

/** The bridge with its addresses, routes and sysctls, and `<bridge>.<vlan>` gateways alike. */
function isOfBridge(key: string, bridge: string | undefined): boolean {
  if (bridge === undefined || !key.startsWith("host ")) return false;
  const words = key.split(/[ /]/);
  return words.some((word) => word === bridge || word.startsWith(`${bridge}.`));
}

/** Also those whom its guard lets in: sets are named after the device. */
function isOfDevice(key: string, device: string | undefined): boolean {
  if (device === undefined || !key.startsWith("host ")) return false;
  const names = [device, `${device}-peers4`, `${device}-peers6`];
  return key.split(/[ /]/).some((word) => names.includes(word));
}

function isForwarding(key: string, { forwarding }: Shared): boolean {
  return forwarding === true && /^host sysctl .*(ip_forward|\/forwarding)$/.test(key);
}

/** Tables, chains, sets and fixed rules of ours; never an element, which has an owner. */
function isEmptyFirewallFrame(key: string): boolean {
  const ours = /^host nft \S+ weft\b/.test(key) && !/ element | chain (tcp|udp|sctp)-/.test(key);
  return ours || /^host nft (ip6?|bridge) (nat|filter)( chain [A-Z]+)?$/.test(key);
}

/** The administrator's chain of the firewall plugin, and the jumps that lead there. */
function isWayToAdmin(key: string, { adminChain }: Shared): boolean {
  if (adminChain === undefined) return false;
  const [, , , table, kind, chain = ""] = key.split(" ");
  const ours = ["CNI-FORWARD", adminChain];
  const leadsThere = ours.some((name) => key.includes(`{"jump":{"target":"${name}"}}`));
  return table === "filter" && (kind === "chain" ? ours.includes(chain) : leadsThere);
}

/** The store's folders, its lock, and its last-reserved files; never a reservation. */
function isStore(key: string, { network, dataDir = "" }: Shared): boolean {
  const [kind, path = ""] = key.split(/ (.*)/);
  if (network === undefined || (kind !== "file" && kind !== "folder")) return false;
  const store = `${dataDir}/${network}`;
  if (kind === "folder") return `${store}/`.startsWith(`${path}/`);
  const inStore = path.startsWith(`${store}/`);
  return inStore && isIP(path.slice(store.length + 1)) === 0;
}

/** The lock of a network over many hosts, and its folder. */
function isLock(key: string, { network }: Shared): boolean {
  const folder = `/run/weft/${network}`;
  return key === `folder ${folder}` || key.startsWith(`file ${folder}/overlay.lock`);
}

/** Every thing that came, went or changed, one line each; no line if the two are equal. */
export function difference(before: Snapshot, after: Snapshot): readonly string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.flatMap((key) => {
    const [old, now] = [before[key], after[key]];
    if (old === undefined) return [`+ ${key}: ${JSON.stringify(now)}`];
    if (now === undefined) return [`- ${key}: ${JSON.stringify(old)}`];
    return changes(key, old, now);
  });
}

function changes(path: string, old: Json, now: Json): readonly string[] {
  if (JSON.stringify(old) === JSON.stringify(now)) return [];
  if (!isObject(old) || !isObject(now)) {
    return [`~ ${path}: ${JSON.stringify(old)} became ${JSON.stringify(now)}`];
  }
  const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  return keys.flatMap((key) => changes(`${path} ${key}`, old[key] ?? null, now[key] ?? null));
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
