/**
 * portmap: ports of the host lead to the container.
 *
 *   world  ──▶  192.0.2.1:8080  ──▶  the container's address, port 80
 *   host   ──▶  127.0.0.1:8080  ──▶  the same, from an address of the host
 *   container, neighbours  ──▶  192.0.2.1:8080  ──▶  the same, from an address of the host
 *
 * Only what is addressed to this host is touched. Afterwards each mapping is an element of a map
 * that bears its owner; a port can have one owner only, and goes with it.
 */

import type {
  AddCall,
  Chained,
  CheckCall,
  DelCall,
  GcCall,
  StatusCall,
} from "../../lib/cni/call.ts";
import { CniError, Code, configError } from "../../lib/cni/error.ts";
import type { Result } from "../../lib/cni/result.ts";
import { chainedPlugin } from "../../lib/cni/run.ts";
import { allOrNothing, asMuchAsPossible } from "../../lib/cni/undo.ts";
import { type Cidr, parseCidr } from "../../lib/ip/cidr.ts";
import type { Netns } from "../../lib/net/netns.ts";
import * as ports from "../../lib/net/portmapping.ts";
import { parseConditions } from "./conditions.ts";
import { type PortmapConfig, parsePortmapConfig } from "./config.ts";
import * as schema from "./portmap.schema.json";

type Add = Chained<AddCall<PortmapConfig>>;
type Check = Chained<CheckCall<PortmapConfig>>;

function add(call: Add, host: Netns): Result {
  const wanted = wantedBy(call);
  if (wanted.targets.length === 0) return call.prevResult;
  return allOrNothing((undo) => {
    const backend = undo.step(
      "port mappings",
      () => ports.addPortMappings(host, wanted, call.config),
      () => leave(host, wanted),
    );
    ports.openLoopback(host, wanted, backend);
    ports.forgetDatagrams(host, ports.portsOf(wanted));
    return call.prevResult;
  });
}

/** The container's first address of each family, with the mappings that are for it. */
function wantedBy({ attachment, config, prevResult }: Add | Check): ports.HostPorts {
  const inside = addressesOf(prevResult, attachment.ifName);
  refuseLost(config, inside);
  const conditions = {
    4: config.backend === "iptables" ? [] : parseConditions(config.words[4], 4),
    6: config.backend === "iptables" ? [] : parseConditions(config.words[6], 6),
  };
  const targets = inside.flatMap((container) => {
    const family = familyOf(container);
    const mappings = config.mappings.filter((each) => (each.family ?? family) === family);
    return mappings.length > 0 ? [{ container, mappings, conditions: conditions[family] }] : [];
  });
  return { owner: attachment, targets, snat: config.snat };
}

function familyOf({ address }: Cidr): 4 | 6 {
  return address.length === 4 ? 4 : 6;
}

/** An address counts unless the result says that it is of another link, or of one of the host. */
function addressesOf({ ips = [], interfaces = [] }: Result, ifName: string): readonly Cidr[] {
  const own = ips.flatMap(({ address, interface: index = -1 }) => {
    const link = interfaces[index];
    const isOwn = link === undefined || (link.name === ifName && (link.sandbox ?? "") !== "");
    return isOwn ? (parseCidr(address) ?? []) : [];
  });
  return ([4, 6] as const).flatMap((family) => own.find((cidr) => familyOf(cidr) === family) ?? []);
}

/** A mapping of a family that the container does not have would lead nowhere. */
function refuseLost({ mappings }: PortmapConfig, inside: readonly Cidr[]): void {
  if (inside.length === 0) return;
  const isLost = ({ family }: { readonly family: 4 | 6 | undefined }) =>
    family !== undefined && !inside.some((cidr) => familyOf(cidr) === family);
  const lost = mappings.findIndex(isLost);
  if (lost < 0) return;
  const families = inside.map((cidr) => `IPv${familyOf(cidr)}`).join(" or ");
  const path = `runtimeConfig.portMappings[${lost}].hostIP`;
  throw configError(path, `of ${families}, as the container is`, `IPv${mappings[lost]?.family}`);
}

function check(call: Check, host: Netns): void {
  const wanted = wantedBy(call);
  if (wanted.targets.length === 0) return;
  const fault = ports.findPortMappingFault(host, wanted, call.config);
  if (fault === undefined) return;
  const { ifName } = call.attachment;
  const message = `Cannot confirm the port mappings of "${ifName}" in "${call.netns}": ${fault}`;
  throw new CniError(Code.checkFailed, message);
}

function del(call: DelCall<PortmapConfig>, host: Netns): void {
  leave(host, formerlyWantedBy(call));
}

/** What ADD made, as far as the result and the configuration still tell; else it is searched for. */
function formerlyWantedBy(call: DelCall<PortmapConfig>): ports.HostPorts {
  const { attachment, prevResult = {} } = call;
  try {
    return wantedBy({ ...call, command: "CHECK", prevResult });
  } catch {
    return { owner: attachment, targets: [], snat: undefined };
  }
}

function leave(host: Netns, former: ports.HostPorts): void {
  asMuchAsPossible(
    ["delete from nftables", () => ports.deleteFromNftables(host, former)],
    ["delete from other tables", () => ports.deleteFromOthers(host, former.owner)],
  );
}

function gc({ network, valid }: GcCall<PortmapConfig>, host: Netns): void {
  asMuchAsPossible(
    ["collect in nftables", () => ports.collectFromNftables(host, network, valid)],
    ["collect in other tables", () => ports.collectFromOthers(host, network, valid)],
  );
}

function status({ config }: StatusCall<PortmapConfig>, host: Netns): void {
  const fault = ports.findMissingMeans(host, config);
  if (fault === undefined) return;
  throw new CniError(Code.notAvailable, `Cannot map ports: ${fault}`);
}

export const { main, handle, configuration } = chainedPlugin<PortmapConfig>({
  name: "portmap",
  schema,
  parseConfig: parsePortmapConfig,
  add,
  check,
  del,
  gc,
  status,
});
