/**
 * The way to other hosts by routes only (flannel's host-gw): each host is the gateway to its subnets,
 * and packets are not wrapped. So only hosts on the uplink's own subnets can be reached.
 *
 *   10.244.2.0/24 via 192.0.2.2 dev eth0 proto 87
 */

import { CniError, Code } from "../lib/cni/error.ts";
import { family, formatAddress, type IpAddress } from "../lib/ip/address.ts";
import { formatCidr } from "../lib/ip/cidr.ts";
import { findLink, type Link } from "../lib/net/link.ts";
import type { Netns } from "../lib/net/netns.ts";
import { linkSubnets } from "../lib/net/uplink.ts";
import { ContractError } from "../lib/overlay/contract/error.ts";
import type { End } from "../lib/overlay/contract/host.ts";
import { type OwnEnd, parsePeer, peersIn } from "../lib/overlay/contract/peers.ts";
import { vtepMac } from "../lib/overlay/contract/vtep-mac.ts";
import { reconcileEntries, sendDifference } from "../lib/overlay/entries.ts";
import { entriesOf } from "../lib/overlay/entry.ts";
import { type Key, keyOf } from "../lib/overlay/entry-key.ts";
import { RTPROT_WEFT } from "../lib/overlay/found-entries.ts";
import type { Overlay, Tell } from "../lib/overlay/overlay.ts";
import { type Peer, PeerList } from "../lib/overlay/peers.ts";
import type { Interest } from "../lib/overlay/watch.ts";
import { readJson } from "../lib/state/record.ts";
import type { Keyed, StoreHost } from "../lib/store/store.ts";
import type { OverlayConfig } from "../plugins/vxlan-overlay/config.ts";
import type { DataPath, Made } from "./data-path.ts";
import type { HostHealth } from "./health.ts";
import { type Changes, Members } from "./members.ts";
import type { OwnFiles } from "./own-files.ts";
import type { Own } from "./usable.ts";

/** What a path is made of. */
export interface GatewayParts {
  readonly config: OverlayConfig;
  readonly host: Netns;
  readonly files: OwnFiles;
  /** Addresses under which this host is known besides those of its ends. */
  readonly published: readonly IpAddress[];
  readonly tell: Tell;
}

/** What was last right: the uplink, and what the hosts were looked at with. */
interface Last {
  readonly uplink: Link;
  readonly own: Own;
}

/** Routes to the other hosts' subnets. */
export class GatewayPath implements DataPath {
  readonly #parts: GatewayParts;
  #last: Last | undefined;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  makeRight(members: Members | undefined): Made {
    const { host, tell } = this.#parts;
    const uplink = this.#findUplink();
    const own = this.#ownOn(uplink);
    const { lists } = (members ?? this.#written(own)).compare(own);
    const limits = new Set<string>();
    for (const [i, list] of lists.entries()) {
      const far = farOf(list);
      for (const number of far) limits.add(farInWords(list.get(number), uplink));
      const peers = list.without((number) => far.has(number));
      const overlay = { ...this.#overlay({ uplink, own }, i, peers), addsOnly: !members };
      reconcileEntries(host, overlay, tell);
    }
    this.#last = { uplink, own };
    return { mtu: uplink.mtu, limits: [...limits] };
  }

  /** A host that is not, or was not, on the uplink is a limit that comes or goes. */
  change(changes: Changes): boolean {
    const { host } = this.#parts;
    const last = this.#last;
    const isNear = (peer: Peer | undefined) => peer?.isDirect ?? true;
    const all = changes.flat();
    if (!last || !all.every(({ before, after }) => isNear(before) && isNear(after))) return false;
    for (const [i, own] of changes.entries()) {
      const before = keysOf(own.map((each) => each.before));
      const after = keysOf(own.map((each) => each.after));
      const wanted = [...after].filter((key) => !before.has(key));
      const stale = [...before].filter((key) => !after.has(key));
      sendDifference(host, this.#overlay(last, i), { wanted, stale, tell: undefined });
    }
    return true;
  }

  /** The kernel tells of every change of a link or a route. */
  seemsRight(): boolean {
    return true;
  }

  writePeers(members: Members): boolean {
    if (!this.#last) return false;
    this.#parts.files.writePeers(members.inJson(this.#last.own));
    return true;
  }

  interest(): Interest {
    return { devices: [], uplink: this.#last?.uplink.index, routeProtocol: RTPROT_WEFT };
  }

  /** The kernel says of each route who has changed it. */
  isOwn(): boolean {
    return false;
  }

  readonly hasOwn = false;

  forgetOwn(): void {}

  health(): HostHealth | undefined {
    if (!this.#last) return undefined;
    const { own, uplink } = this.#last;
    return {
      backend: "host-gw",
      subnets: own.ends.flatMap(({ subnets }) => subnets.map(formatCidr)),
      ends: own.ends.map(({ publicIP }) => ({ publicIP: formatAddress(publicIP) })),
      mtu: uplink.mtu,
    };
  }

  #findUplink(): Link {
    const { name, uplink = "" } = this.#parts.config;
    const link = findLink(this.#parts.host, uplink);
    if (link?.isUp) return link;
    const state = link ? "is down" : "is not there";
    throw new CniError(
      Code.notAvailable,
      `Cannot join network "${name}": link "${uplink}" ${state}`,
    );
  }

  /** This host; each family is an end of its own, whose address stands for a device's. */
  #ownOn(uplink: Link): Own {
    const { config, host, published } = this.#parts;
    const { networks, subnets } = config;
    const addresses = [config.publicIP, config.publicIPv6];
    const ends = networks.flatMap((network, i): OwnEnd[] => {
      const publicIP = addresses[i];
      const isOurs = ({ address }: { readonly address: IpAddress }) =>
        address.length === network.address.length;
      if (!publicIP) return [];
      const mac = vtepMac(publicIP, 0);
      return [{ networks: [network], subnets: subnets.filter(isOurs), publicIP, mac }];
    });
    const links = linkSubnets(host, uplink);
    return { networks, backend: "host-gw", ends, published, links, isDirect: true };
  }

  /** Those that an agent before wrote down. */
  #written(own: Own): Members {
    const { peersFile } = this.#parts.config;
    const members = new Members();
    members.replaceAll(writtenHosts(readJson(peersFile), peersFile, own));
    return members;
  }

  #overlay({ uplink, own }: Last, end: number, peers = new PeerList()): Overlay {
    return { device: undefined, uplink, networks: own.ends[end]?.networks ?? [], peers };
  }
}

/** The hosts of a peers file, without those that cannot be used. */
function* writtenHosts(json: unknown, path: string, own: Own): Iterable<Keyed> {
  for (const [i, each] of peersIn(json, path).entries()) {
    const host = quietly(() => parsePeer(each, `"${path}" [${i}]`, { ...own, vni: 0 }));
    if (host) yield [String(i), storeHostOf(host)];
  }
}

/** What is written wrongly is not used. */
function quietly<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof ContractError) return undefined;
    throw cause;
  }
}

function storeHostOf(ends: readonly End[]): StoreHost {
  const of = (number: number) => ends.find(({ publicIP }) => family(publicIP) === number)?.publicIP;
  return {
    subnets: ends.flatMap(({ subnets }) => subnets),
    publicIP: of(4),
    publicIPv6: of(6),
    backend: "host-gw",
    vtepMac: undefined,
    vtepMacV6: undefined,
  };
}

/** The numbers of those that are behind a router. */
function farOf(list: PeerList): ReadonlySet<number> {
  const far = new Set<number>();
  list.forEach(({ isDirect }, number) => {
    if (!isDirect) far.add(number);
  });
  return far;
}

function farInWords({ publicIP, subnets }: Peer, { name }: Link): string {
  const host = `${formatAddress(publicIP)} (${subnets.map(formatCidr).join(", ")})`;
  return `Cannot use peer ${host}: it is on no subnet of "${name}", and host-gw needs it there`;
}

function keysOf(peers: readonly (Peer | undefined)[]): ReadonlySet<Key> {
  return new Set(peers.flatMap((peer) => (peer ? entriesOf(peer).map(keyOf) : [])));
}
