/** A vxlan device: the point where a host's packets for other hosts are wrapped and unwrapped. */

import { EADDRINUSE, EEXIST, ENODEV } from "../host/errno.ts";
import { lazily } from "../host/lazy.ts";
import { equalAddresses, family, formatAddress, type IpAddress } from "../ip/address.ts";
import { formatMac, type Mac } from "../ip/mac.ts";
import { NetError } from "../net/error.ts";
import { deleteLinkIf, deleteLinkIfPresent, type Link, type LinkRef, toLink } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { heedNoRoutersLater } from "../net/routers.ts";
import { setSysctlIfPresent } from "../net/sysctl.ts";
import { decodeReply } from "../netlink/connection.ts";
import { isRefusal, NetlinkError } from "../netlink/error.ts";
import * as netlink from "../netlink/link.ts";

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
  /** The alias of a device that is made or taken over. */
  readonly alias: string;
}

/** A device as it is. */
export interface Vxlan extends Link {
  readonly settings: netlink.VxlanAttributes;
}

/** The vxlan device of a name; undefined if there is none, NetError if it is something else. */
export function findVxlan(ns: Netns, name: string): Vxlan | undefined {
  const [outcome] = ns.route.attempt(netlink.getLink(name));
  if (outcome?.error) {
    if (isRefusal(outcome.error, ENODEV)) return undefined;
    throw outcome.error;
  }
  const message = decodeReply(outcome, netlink.wholeLinkMessage);
  const own = message.attributes.linkInfo?.own;
  if (own?.kind !== "vxlan") throw taken(name, `it is no vxlan device but "${own?.kind ?? ""}"`);
  return { ...toLink(message), settings: (own.data ?? {}) as netlink.VxlanAttributes };
}

function taken(name: string, state: string): NetError {
  return new NetError("conflict", `Cannot use link "${name}": ${state}`);
}

/** Told each change in words. */
type Tell = ((what: string) => void) | undefined;

/** Who keeps strangers out: before the device hears anybody, and until there is none. */
export interface Guard {
  ensure(): void;
  remove(): void;
}

/** How a device is made. */
interface Making {
  readonly guard: Guard;
  readonly tell?: Tell;
}

/** What became of a device. */
export interface Ensured {
  readonly device: Vxlan;
  /** True if it was made, with nothing on it. */
  readonly isNew: boolean;
}

/**
 * The device as wanted, and up. What cannot be changed of one of ours makes it anew. One that has
 * no alias is taken over as it is if it could be ours by all that cannot be changed, and so is what
 * leads to others by it; any other is refused. `tell` hears what was done to a device that was there.
 */
export function ensureVxlan(ns: Netns, spec: VxlanSpec, { guard, tell }: Making): Ensured {
  const found = findVxlan(ns, spec.name);
  if (found) refuseForeign(found, spec);
  const isKept = found !== undefined && misfitOf(found, spec) === undefined;
  if (isKept) guard.ensure();
  if (found && isAsWanted(found, spec)) return { device: found, isNew: false };
  if (found && !isKept) deleteLinkIfPresent(ns, found);
  if (isKept) mend(ns, found, { spec, tell });
  else makeAndBringUp(ns, spec, guard);
  const device = findVxlan(ns, spec.name);
  if (!device) throw taken(spec.name, "it vanished while it was being made");
  return { device, isNew: !isKept };
}

/** True if a device without an alias can be taken over: flannel's are such. */
export function canTakeOver(device: Vxlan, spec: Fitting): boolean {
  return device.alias === "" && misfitOf(device, spec) === undefined;
}

function refuseForeign(device: Vxlan, spec: VxlanSpec): void {
  if (device.alias.startsWith(spec.owner)) return;
  if (device.alias !== "") {
    throw taken(spec.name, `it belongs to somebody else (alias "${device.alias}")`);
  }
  const misfit = misfitOf(device, spec);
  if (misfit !== undefined) throw taken(spec.name, `it belongs to somebody else, ${misfit}`);
}

/** What of a device is settled once it is made. */
type Fitting = Pick<VxlanSpec, "vni" | "port" | "uplink" | "local">;

/** What of a device cannot be made right, in words. */
function misfitOf({ settings }: Vxlan, { vni, port, uplink, local }: Fitting): string | undefined {
  const own = settings.local ?? settings.local6;
  const shown = own ? formatAddress(own) : "none";
  const isLocal = own !== undefined && equalAddresses(own, local);
  if (settings.id !== vni) return `its VNI is ${settings.id}, not ${vni}`;
  if (settings.port !== port) return `its UDP port is ${settings.port}, not ${port}`;
  if (!isLocal) return `its local address is ${shown}, not ${formatAddress(local)}`;
  if ((settings.uplink ?? 0) === uplink) return undefined;
  return `its packets leave by link ${settings.uplink ?? 0}, not ${uplink}`;
}

function hasMac(device: Vxlan, { mac }: VxlanSpec): boolean {
  return device.mac.every((byte, i) => byte === mac[i]);
}

function isAsWanted(device: Vxlan, spec: VxlanSpec): boolean {
  const isRight = device.isUp && device.mtu === spec.mtu && device.alias !== "";
  const isSet = misfitOf(device, spec) === undefined && device.settings.learning === 0;
  const heedsRouters = (device.acceptRa ?? 0) !== 0;
  return isRight && isSet && !heedsRouters && hasMac(device, spec);
}

/** Only what differs is set: the kernel forgets neighbours with a MAC, be it the same again. */
function mend(
  ns: Netns,
  device: Vxlan,
  by: { readonly spec: VxlanSpec; readonly tell: Tell },
): void {
  const { spec, tell } = by;
  const isTakenOver = device.alias === "";
  const quiet = { own: { kind: "vxlan", data: { learning: 0 } } } as const;
  const changes = {
    ...(hasMac(device, spec) ? {} : { address: spec.mac }),
    ...(device.mtu === spec.mtu ? {} : { mtu: spec.mtu }),
    ...(isTakenOver ? { alias: spec.alias } : {}),
    ...(device.settings.learning === 0 ? {} : { linkInfo: quiet }),
  };
  bringUp(ns, spec, changes);
  const mac = formatMac(spec.mac);
  if (isTakenOver) tell?.(`take over vxlan device "${spec.name}" with MAC ${mac}`);
  if ("address" in changes) tell?.(`set MAC of "${spec.name}" to ${mac}`);
  if ("mtu" in changes) tell?.(`set MTU of "${spec.name}" to ${spec.mtu}`);
  if ("linkInfo" in changes) tell?.(`end learning of "${spec.name}"`);
  if (!device.isUp) tell?.(`set "${spec.name}" up`);
}

/** A device that cannot be used does not stay. */
function makeAndBringUp(ns: Netns, spec: VxlanSpec, guard: Guard): void {
  makeVxlan(ns, spec);
  try {
    guard.ensure();
    const { mac: address, mtu, alias } = spec;
    bringUp(ns, spec, { address, mtu, alias });
  } catch (cause) {
    const own = ["", spec.alias];
    deleteLinkIf(ns, spec.name, ({ kind, alias }) => kind === "vxlan" && own.includes(alias));
    guard.remove();
    throw cause;
  }
}

function makeVxlan(ns: Netns, spec: VxlanSpec): void {
  const { name, local, checksum } = spec;
  const isIpv4 = family(local) === 4;
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
    throw taken(name, `${state} (${cause.kernelText || "it exists"})`);
  }
}

/** What the kernel would do of its own accord is switched off before the device is up. */
function bringUp(ns: Netns, { name, port }: VxlanSpec, attributes: netlink.LinkAttributes): void {
  heedNoRoutersLater(ns, name);
  setSysctlIfPresent(ns, `ipv6/conf/${name}/addr_gen_mode`, "1");
  try {
    ns.route.perform(
      netlink.changeLink(`set up "${name}"`, name, { attributes }),
      netlink.changeLink(`set up "${name}"`, name, { set: netlink.IFF_UP }),
    );
  } catch (cause) {
    if (!isRefusal(cause, EADDRINUSE)) throw cause;
    throw portTaken(name, port);
  }
}

/** Any user may take a port above 1023: whoever starts first has it. */
function portTaken(name: string, port: number): NetlinkError {
  const { holderOfUdpPort } = lazily<typeof import("../host/udp-holder.lazy.ts")>("udp-holder");
  const holder = holderOfUdpPort(port) ?? "something else";
  const advice = "end it, and start the overlay's daemon before users and their programs";
  return new NetlinkError(
    `use UDP port ${port} for "${name}", ${holder} has it (${advice})`,
    EADDRINUSE,
  );
}

/** Writes an alias, which begins with the owner. */
export function setAlias(ns: Netns, device: LinkRef, alias: string): void {
  const change = { attributes: { alias } };
  ns.route.perform(netlink.changeLink(`name the owner of "${device.name}"`, device.index, change));
}
