/** A vxlan device: the point where a host's packets for other hosts are wrapped and unwrapped. */

import { hash32 } from "../bytes/hash.ts";
import { EADDRINUSE, EEXIST, ENODEV } from "../host/errno.ts";
import { equalAddresses, formatAddress, type IpAddress } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";
import { decodeReply } from "../netlink/connection.ts";
import { isRefusal, NetlinkError } from "../netlink/error.ts";
import * as netlink from "../netlink/link.ts";
import { NetError } from "./error.ts";
import { deleteLinkIfPresent, type Link, toLink } from "./link.ts";
import type { Netns } from "./netns.ts";
import { setSysctlIfPresent } from "./sysctl.ts";

/** A device to be. */
export interface VxlanSpec {
  readonly name: string;
  readonly vni: number;
  readonly port: number;
  /** The host's address on the network that carries the packets. */
  readonly local: IpAddress;
  /** Index of the link they leave by; 0 leaves it to the routes. */
  readonly uplink: number;
  readonly mtu: number;
  readonly mac: Mac;
  /** Whether packets on the way have a UDP checksum; undefined leaves it to the kernel. */
  readonly checksum: boolean | undefined;
  /** What the aliases of this owner's devices begin with. */
  readonly owner: string;
}

/** A device as it is. */
export interface Vxlan extends Link {
  readonly settings: netlink.VxlanAttributes;
}

/**
 * The hardware address of a host's device: every host can compute those of the others. Locally
 * administered, unicast.
 */
export function vtepMac(publicIP: IpAddress, vni: number): Mac {
  const text = `${formatAddress(publicIP)}/${vni}`;
  const [low, high] = [hash32(text), hash32(text, 1)];
  return Uint8Array.of(
    2,
    high & 0xff,
    low >>> 24,
    (low >>> 16) & 0xff,
    (low >>> 8) & 0xff,
    low & 0xff,
  );
}

/** The vxlan device of a name; undefined if there is none, NetError if it is something else. */
export function findVxlan(ns: Netns, name: string): Vxlan | undefined {
  const [outcome] = ns.route.attempt(netlink.getLink(name));
  if (outcome?.error) {
    if (isRefusal(outcome.error, ENODEV)) return undefined;
    throw outcome.error;
  }
  const message = decodeReply(outcome, netlink.linkMessage);
  const own = message.attributes.linkInfo?.own;
  if (own?.kind !== "vxlan") throw taken(name, `it is no vxlan device but "${own?.kind ?? ""}"`);
  return { ...toLink(message), settings: (own.data ?? {}) as netlink.VxlanAttributes };
}

function taken(name: string, state: string): NetError {
  return new NetError("conflict", `Cannot use link "${name}": ${state}`);
}

/**
 * The device as wanted, and up. What cannot be changed of one of ours makes it anew; a device that
 * is somebody else's is refused. True in `isNew` if it was made.
 */
export function ensureVxlan(ns: Netns, spec: VxlanSpec): { device: Vxlan; isNew: boolean } {
  const found = findVxlan(ns, spec.name);
  if (found && !isOwned(found, spec)) {
    throw taken(spec.name, `it belongs to somebody else (alias "${found.alias}")`);
  }
  if (found && isAsWanted(found, spec)) return { device: found, isNew: false };
  const isKept = found !== undefined && hasSettings(found, spec);
  if (found && !isKept) deleteLinkIfPresent(ns, found.name);
  if (isKept) bringUp(ns, spec);
  else makeAndBringUp(ns, spec);
  const device = findVxlan(ns, spec.name);
  if (!device) throw taken(spec.name, "it vanished while it was being made");
  return { device, isNew: !isKept };
}

/** A device without an alias whose maker died too soon is known by the MAC that we compute. */
function isOwned(device: Vxlan, spec: VxlanSpec): boolean {
  if (device.alias !== "") return device.alias.startsWith(spec.owner);
  return hasMac(device, spec) && hasSettings(device, spec);
}

function hasMac(device: Vxlan, { mac }: VxlanSpec): boolean {
  return device.mac.every((byte, i) => byte === mac[i]);
}

function hasSettings({ settings }: Vxlan, spec: VxlanSpec): boolean {
  const local = settings.local ?? settings.local6;
  return (
    settings.id === spec.vni &&
    settings.port === spec.port &&
    settings.learning === 0 &&
    (settings.uplink ?? 0) === spec.uplink &&
    local !== undefined &&
    equalAddresses(local, spec.local)
  );
}

function isAsWanted(device: Vxlan, spec: VxlanSpec): boolean {
  const isRight = device.isUp && device.mtu === spec.mtu && device.alias !== "";
  return isRight && hasSettings(device, spec) && hasMac(device, spec);
}

/** A device that cannot be used does not stay. */
function makeAndBringUp(ns: Netns, spec: VxlanSpec): void {
  makeVxlan(ns, spec);
  try {
    bringUp(ns, spec);
  } catch (cause) {
    deleteLinkIfPresent(ns, spec.name);
    throw cause;
  }
}

function makeVxlan(ns: Netns, spec: VxlanSpec): void {
  const { name, local, checksum } = spec;
  const isIpv4 = local.length === 4;
  const data = {
    id: spec.vni,
    ...(spec.uplink > 0 ? { uplink: spec.uplink } : {}),
    ...(isIpv4 ? { local } : { local6: local }),
    learning: 0,
    port: spec.port,
    ...(checksum === undefined
      ? {}
      : isIpv4
        ? { checksum: +checksum }
        : { noChecksum6: +!checksum }),
  };
  const own = { kind: "vxlan" as const, data };
  const what = `create vxlan device "${name}"`;
  try {
    ns.route.perform(
      netlink.newLink(what, { name, address: spec.mac, mtu: spec.mtu, linkInfo: { own } }),
    );
  } catch (cause) {
    if (!isRefusal(cause, EEXIST)) throw cause;
    const state = `another device has VNI ${spec.vni} on port ${spec.port}, or the name`;
    throw taken(name, `${state} (${cause.kernelText ?? "it exists"})`);
  }
}

/** What the kernel would do of its own accord is switched off before the device is up. */
function bringUp(ns: Netns, { name, mac, mtu, port, owner }: VxlanSpec): void {
  setSysctlIfPresent(ns, `ipv6/conf/${name}/accept_ra`, "0");
  setSysctlIfPresent(ns, `ipv6/conf/${name}/addr_gen_mode`, "1");
  const attributes = { address: mac, mtu, alias: owner };
  try {
    ns.route.perform(
      netlink.changeLink(`set up "${name}"`, name, { attributes }),
      netlink.changeLink(`set up "${name}"`, name, { set: netlink.IFF_UP }),
    );
  } catch (cause) {
    if (!isRefusal(cause, EADDRINUSE)) throw cause;
    throw new NetlinkError(
      `use UDP port ${port} for "${name}", another program has it`,
      EADDRINUSE,
    );
  }
}

/** Writes an alias, which begins with the owner. */
export function setAlias(ns: Netns, device: Pick<Link, "index" | "name">, alias: string): void {
  const change = { attributes: { alias } };
  ns.route.perform(netlink.changeLink(`name the owner of "${device.name}"`, device.index, change));
}
