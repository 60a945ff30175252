/**
 * The configuration of a network in flannel's format: what etcd has under `<prefix>/config`, and
 * Kubernetes in net-conf.json.
 */

import type { IpAddress } from "../ip/address.ts";
import type { Cidr } from "../ip/cidr.ts";

/** A network's configuration, with all defaults filled in. */
export interface NetworkConfig {
  /** IPv4 first; one of each family that is enabled. */
  readonly families: readonly NetworkFamily[];
  readonly backend: Backend;
  /** EnableNFTables: which packet filter the network's rules are made in. */
  readonly usesNftables: boolean;
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
