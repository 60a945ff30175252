/**
 * The configuration of a network in flannel's format: what etcd has under `<prefix>/config`, and
 * Kubernetes in net-conf.json.
 *
 *   { "Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd10::/48",
 *     "Backend": { "Type": "vxlan" } }
 */

import { JsonError, parseJson } from "../host/json.ts";
import {
  compareAddresses,
  formatAddress,
  type IpAddress,
  isUnspecified,
  parseAddress,
} from "../ip/address.ts";
import {
  type Cidr,
  containsAddress,
  firstAddress,
  formatCidr,
  hasHostBits,
  lastAddress,
  networkOf,
  parseCidr,
} from "../ip/cidr.ts";
import { NetworkConfigError, Settings } from "./settings.ts";

/** A network's configuration, with all defaults filled in. */
export interface NetworkConfig {
  /** IPv4 first; one of each family that is enabled. */
  readonly families: readonly NetworkFamily[];
  readonly backend: Backend;
  /** EnableNFTables: which packet filter the network's rules are made in. */
  readonly usesNftables: boolean;
  /** What is said in it and has no effect here, in a sentence each. */
  readonly notes: readonly string[];
}

/** The part of a network that is of one family. */
export interface NetworkFamily {
  readonly network: Cidr;
  /** The prefix length of a host's subnet. */
  readonly subnetLength: number;
  /** The first and the last subnet that a host may have, by their first addresses. */
  readonly first: IpAddress;
  readonly last: IpAddress;
}

/** How packets reach other hosts. */
export type Backend = VxlanBackend | { readonly type: "host-gw" };

export interface VxlanBackend {
  readonly type: "vxlan";
  readonly vni: number;
  readonly port: number;
  /** MTU of the link that others are reached by; undefined: what it has. */
  readonly mtu: number | undefined;
  readonly directRouting: boolean;
}

/** The keys of a family, and its lengths: of the longest subnet, and of those given by default. */
interface FamilyKeys {
  readonly network: string;
  readonly length: string;
  readonly min: string;
  readonly max: string;
  readonly example: string;
  readonly bytes: number;
  readonly longest: number;
  readonly usual: number;
}

const IPV4: FamilyKeys = {
  network: "Network",
  length: "SubnetLen",
  min: "SubnetMin",
  max: "SubnetMax",
  example: "an IPv4 network such as 10.244.0.0/16",
  bytes: 4,
  longest: 30,
  usual: 24,
};

const IPV6: FamilyKeys = {
  network: "IPv6Network",
  length: "IPv6SubnetLen",
  min: "IPv6SubnetMin",
  max: "IPv6SubnetMax",
  example: "an IPv6 network such as fd10::/48",
  bytes: 16,
  longest: 126,
  usual: 64,
};

/** Reads a configuration and checks it as a whole; throws NetworkConfigError. */
export function parseNetworkConfig(text: string): NetworkConfig {
  const settings = new Settings(jsonOf(text));
  const families = [
    ...(settings.flag("EnableIPv4", true) ? [familyOf(settings, IPV4)] : []),
    ...(settings.flag("EnableIPv6", false) ? [familyOf(settings, IPV6)] : []),
  ];
  if (families.length === 0) settings.refuse("EnableIPv4", "true, or else EnableIPv6");
  const usesNftables = settings.flag("EnableNFTables", false);
  return { families, ...backendOf(settings), usesNftables };
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new NetworkConfigError("", `JSON (${cause.message})`, text.slice(0, 80));
  }
}

function familyOf(settings: Settings, keys: FamilyKeys): NetworkFamily {
  const network = networkIn(settings, keys);
  const subnetLength = subnetLengthIn(settings, keys, network);
  const last = firstAddress({ address: lastAddress(network), prefixLength: subnetLength });
  const bounds = { network, subnetLength };
  const family = {
    ...bounds,
    first: boundIn(settings, keys.min, bounds) ?? secondSubnet(network, subnetLength),
    last: boundIn(settings, keys.max, bounds) ?? last,
  };
  if (compareAddresses(family.first, family.last) <= 0) return family;
  return settings.refuse(keys.max, `at or after ${keys.min}, ${formatAddress(family.first)}`);
}

function networkIn(settings: Settings, keys: FamilyKeys): Cidr {
  const cidr = parseCidr(settings.text(keys.network) ?? "");
  if (cidr?.address.length === keys.bytes) return networkOf(cidr);
  return settings.refuse(keys.network, keys.example);
}

/** flannel's own default is the usual length, or four subnets where the network is too small. */
function subnetLengthIn(settings: Settings, keys: FamilyKeys, network: Cidr): number {
  const least = network.prefixLength + 2;
  if (least > keys.longest) {
    settings.refuse(keys.network, `/${keys.longest - 2} or larger: four subnets are the least`);
  }
  return settings.number(keys.length, least, keys.longest) ?? Math.max(keys.usual, least);
}

/** The first subnet is left out, as by flannel: its address is that of the network. */
function secondSubnet(network: Cidr, subnetLength: number): IpAddress {
  const address = firstAddress(network);
  const at = (subnetLength - 1) >> 3;
  address[at] = (address[at] ?? 0) | (0x80 >> ((subnetLength - 1) & 7));
  return address;
}

function boundIn(
  settings: Settings,
  key: string,
  { network, subnetLength }: Pick<NetworkFamily, "network" | "subnetLength">,
): IpAddress | undefined {
  const text = settings.text(key) ?? "";
  const address = parseAddress(text);
  if (text === "" || (address && isUnspecified(address))) return undefined;
  const isInside = address && containsAddress(network, address);
  if (isInside && !hasHostBits({ address, prefixLength: subnetLength })) return address;
  const expected = `the first address of a /${subnetLength} within ${formatCidr(network)}`;
  return settings.refuse(key, expected);
}

const WRITE_VXLAN = 'given: write "Backend": { "Type": "vxlan" } (without it flannel takes udp)';

function backendOf(settings: Settings): Pick<NetworkConfig, "backend" | "notes"> {
  if (settings.value("Backend") === undefined) settings.refuse("Backend", WRITE_VXLAN);
  const backend = settings.within("Backend");
  const type = backend.text("Type")?.toLowerCase();
  if (type === "vxlan") return { backend: vxlanIn(backend), notes: notesOf(backend) };
  if (type === "host-gw") return { backend: { type }, notes: [] };
  return backend.refuse("Type", '"vxlan" or "host-gw"');
}

function vxlanIn(backend: Settings): VxlanBackend {
  if (backend.value("VNI") === 0) backend.refuse("VNI", "a whole number from 1 to 16777215");
  return {
    type: "vxlan",
    vni: backend.number("VNI", 1, 16_777_215) ?? 1,
    port: backend.number("Port", 1, 65_535) ?? 8472,
    mtu: backend.number("MTU", 118, 65_535),
    directRouting: backend.flag("DirectRouting", false),
  };
}

/** What of flannel's device is not made here. */
function notesOf(backend: Settings): readonly string[] {
  const gbp = "Backend.GBP has no effect here: packets bear no group policy";
  const learning =
    "Backend.Learning has no effect here: every host's address is known by the store";
  return [
    ...(backend.flag("GBP", false) ? [gbp] : []),
    ...(backend.flag("Learning", false) ? [learning] : []),
  ];
}
