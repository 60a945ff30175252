/**
 * The master of a link: the one that a macvlan, an ipvlan or a VLAN is above, on the host or, with
 * `linkInContainer`, in the container, where the link is made then.
 */

import { CniError, Code, configError } from "../cni/error.ts";
import type { JsonObject } from "../cni/json.ts";
import { flagAt, givenAt, type NetConf, numberAt, parseNetConf } from "../cni/netconf.ts";
import { isBeside } from "../net/above.ts";
import { findLink, type Link } from "../net/link.ts";
import type { Netns } from "../net/netns.ts";
import { findDefaultUplink } from "../net/uplink.ts";

/** The configuration of a link above a master. */
export interface MasterConfig extends NetConf {
  /** Undefined for the link of the default route. */
  readonly master: string | undefined;
  readonly linkInContainer: boolean;
  /** 0 leaves it to the kernel, which takes the master's. */
  readonly mtu: number;
}

/** What a configuration says of the master and of the link above it. */
export function parseMasterConfig(json: JsonObject): MasterConfig {
  return {
    ...parseNetConf(json),
    master: givenAt(json, "master"),
    linkInContainer: flagAt(json, "linkInContainer"),
    mtu: numberAt(json, "mtu") ?? 0,
  };
}

/** Where a master is looked for. */
export interface Places {
  readonly host: Netns;
  /** Undefined if there is no container (STATUS). */
  readonly container: Netns | undefined;
}

/** The namespace that the master is in. */
export function masterNetns({ linkInContainer }: MasterConfig, { host, container }: Places): Netns {
  return linkInContainer && container ? container : host;
}

/**
 * The master that a link of a kind can be above. Throws code 50 if it is missing, down, or of a
 * kind that can be no master, code 7 if the MTU is larger than its own.
 */
export function requireMaster(config: MasterConfig, places: Places, kind: string): Link {
  const { master: name, mtu } = config;
  const ns = masterNetns(config, places);
  const link = name === undefined ? findDefaultUplink(ns) : findLink(ns, name);
  if (!link) throw missing(config, places);
  const fault = link.isUp ? besideFault(config, ns, { link, kind }) : downFault(link);
  if (fault !== undefined) throw unusable(link.name, fault);
  if (mtu > link.mtu) {
    throw configError("mtu", `at most ${link.mtu}, that of master "${link.name}"`, mtu);
  }
  return link;
}

function missing(config: MasterConfig, { host, container }: Places): CniError {
  const { master: name, linkInContainer } = config;
  const here = linkInContainer ? "in the container" : "on the host";
  if (name === undefined) {
    const state = `there is no default route ${here}, whose link it would be: name one as "master"`;
    return new CniError(Code.notAvailable, `Cannot choose a master: ${state}`);
  }
  const other = linkInContainer ? host : container;
  const isThere = other !== undefined && findLink(other, name) !== undefined;
  const hint = linkInContainer
    ? ', but the host has one: leave out "linkInContainer"'
    : ', but the container has one: set "linkInContainer" to true';
  return unusable(name, `there is no such link ${here}${isThere ? hint : ""}`);
}

function downFault({ name }: Link): string {
  return `it is down, and what is above it would be so too: set it up (ip link set ${name} up)`;
}

/**
 * Who names a macvlan for a macvlan would get a link above that one's parent. Only on a host that is
 * itself a container, where nobody can name the parent, is that what is meant.
 */
function besideFault(
  { linkInContainer }: MasterConfig,
  ns: Netns,
  { link, kind }: { readonly link: Link; readonly kind: string },
): string | undefined {
  if (!isBeside(kind, link) || (!link.isPeerHere && !linkInContainer)) return undefined;
  const parent = link.isPeerHere ? findLink(ns, link.peer) : undefined;
  const which = parent ? `"${parent.name}"` : "a link of another namespace";
  return `it is a ${link.kind} itself, and the kernel would put the link beside it, above ${which}: name that one`;
}

function unusable(name: string, state: string): CniError {
  return new CniError(Code.notAvailable, `Cannot use master "${name}": ${state}`);
}
