/** The way to other hosts by vxlan devices: what the plugin vxlan-overlay makes, kept by the agent. */

import { formatAddress, type IpAddress } from "../lib/ip/address.ts";
import { formatCidr } from "../lib/ip/cidr.ts";
import { formatMac } from "../lib/ip/mac.ts";
import type { Netns } from "../lib/net/netns.ts";
import { aliasWith, overlayOwner, readAlias } from "../lib/overlay/alias.ts";
import { ensureAlias, type Vxlan } from "../lib/overlay/device.ts";
import { RTPROT_WEFT } from "../lib/overlay/found-entries.ts";
import type { Tell } from "../lib/overlay/overlay.ts";
import { OwnEvents } from "../lib/overlay/own-events.ts";
import { canChangeGuard, changePeers, changesAddress } from "../lib/overlay/peer-changes.ts";
import { PeerList } from "../lib/overlay/peers.ts";
import type { Interest, KernelEvent } from "../lib/overlay/watch.ts";
import type { OverlayConfig } from "../plugins/vxlan-overlay/config.ts";
import {
  areGuarded,
  keeperStamp,
  type PeersOf,
  type Reconciled,
  reconcile,
  withLock,
} from "../plugins/vxlan-overlay/underlay.ts";
import { type Doing, guardedBy } from "../plugins/vxlan-overlay/vtep-device.ts";
import type { DataPath, Made } from "./data-path.ts";
import type { HostHealth } from "./health.ts";
import type { Changes, Members } from "./members.ts";
import type { OwnFiles } from "./own-files.ts";
import type { Own } from "./usable.ts";

/** What a path is made of. */
export interface VxlanParts {
  readonly config: OverlayConfig;
  readonly host: Netns;
  readonly files: OwnFiles;
  /** Addresses under which this host is known besides those of its ends. */
  readonly published: readonly IpAddress[];
  readonly tell: Tell;
  /** Hears what the kernel has told, before it has told more than it keeps. */
  readonly hear: () => void;
}

/** Vxlan devices, their entries and their guards. */
export class VxlanPath implements DataPath {
  readonly #parts: VxlanParts;
  readonly #done = new OwnEvents();
  #uplink: number | undefined;
  /** What was last right, and what the hosts were looked at with. */
  #last: Reconciled | undefined;
  #own: Own | undefined;

  constructor(parts: VxlanParts) {
    this.#parts = parts;
  }

  makeRight(members: Members | undefined): Made {
    const { config, host, tell } = this.#parts;
    const peersOf = members && this.#peersOf(members);
    this.#last = reconcile(config, host, {
      peersOf,
      isKeeper: true,
      addsOnly: members === undefined,
      doing: this.#doing,
      tell,
    });
    const { devices, node, limits, peers } = this.#last;
    this.#done.keepDevices(devices.map(({ index }) => index));
    for (const { index, alias } of devices) this.#done.addAlias(index, alias);
    const leftOut = new Set(members ? peers.leftOut : []);
    return { mtu: node.mtu, limits: limits.filter((limit) => !leftOut.has(limit)) };
  }

  readonly #doing: Doing = {
    onDevice: (own) => {
      this.#done.addDevice(own);
      this.#uplink = own.uplink.index;
    },
    onEntries: ({ index }, entries) => {
      this.#done.addEntries(index, entries);
      this.#parts.hear();
      this.#done.forgetEntries();
    },
  };

  #peersOf(members: Members): PeersOf {
    const { config, published } = this.#parts;
    const { networks, directRouting } = config;
    return ({ ends, links }) => {
      const isDirect = directRouting;
      this.#own = { networks, backend: "vxlan", ends, published, links, isDirect };
      return members.compare(this.#own);
    };
  }

  change(changes: Changes): boolean {
    const { config, host } = this.#parts;
    const last = this.#last;
    if (!last || (changesAddress(changes) && !canChangeGuard(host))) return false;
    withLock(config, () => {
      last.devices.forEach((device, i) => {
        const vtep = last.node.vteps[i];
        const own = changes[i];
        if (!vtep || !own) return;
        const reach = { uplink: last.node.uplink, peers: new PeerList() };
        const overlay = { device, networks: vtep.networks, ...reach };
        const guarded = guardedBy(config, vtep, reach);
        const { wanted, stale } = changePeers(host, { overlay, guarded, changes: own });
        this.#done.addEntries(device.index, { set: wanted, removed: stale });
      });
    });
    return true;
  }

  seemsRight(): boolean {
    return areGuarded(this.#parts.config, this.#parts.host);
  }

  /** Nobody may take kernel and file for different in between: an ADD waits for the lock. */
  writePeers(members: Members): boolean {
    const [{ config, host, files }, own, last] = [this.#parts, this.#own, this.#last];
    if (!own || !last) return false;
    withLock(config, () => {
      files.writePeers(members.inJson(own));
      const stamp = keeperStamp(config);
      const limits = last.limits.length;
      const devices = last.devices.map((device) => this.#marked(host, device, { stamp, limits }));
      this.#last = { ...last, devices };
    });
    return true;
  }

  #marked(host: Netns, device: Vxlan, mark: { readonly stamp: string; readonly limits: number }) {
    const owner = overlayOwner(this.#parts.config.name);
    const found = readAlias(owner, device.alias);
    const alias = aliasWith(owner, { mac: found?.mac, ...mark });
    this.#done.addAlias(device.index, alias);
    return ensureAlias(host, device, alias);
  }

  interest(): Interest {
    const { devices } = this.#done;
    return {
      devices: devices.length > 0 ? devices : undefined,
      uplink: this.#uplink,
      routeProtocol: RTPROT_WEFT,
    };
  }

  isOwn(event: KernelEvent): boolean {
    return this.#done.has(event);
  }

  get hasOwn(): boolean {
    return this.#done.hasEntries;
  }

  forgetOwn(): void {
    this.#done.forgetEntries();
  }

  health(): HostHealth | undefined {
    if (!this.#last) return undefined;
    const { node, devices } = this.#last;
    return {
      backend: "vxlan",
      subnets: node.vteps.flatMap(({ subnets }) => subnets.map(formatCidr)),
      ends: node.vteps.map(({ device, publicIP }, i) => ({
        device,
        publicIP: formatAddress(publicIP),
        vtepMAC: formatMac(devices[i]?.mac ?? new Uint8Array()),
      })),
      mtu: node.mtu,
    };
  }
}
