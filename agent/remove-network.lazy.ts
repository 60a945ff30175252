/** Takes what an agent has left away: all of it, or what flanneld would not do with. */

import { sayLine } from "../lib/cni/command-line.ts";
import { noDefaults } from "../lib/cni/defaults.ts";
import { removeNetworkRules } from "../lib/filter/network-rules.ts";
import { Failure } from "../lib/host/failure.ts";
import { LockTimeout, withLock } from "../lib/host/lock.ts";
import { ensureOwnDirectory } from "../lib/host/own-directory.ts";
import { ensureBlackholes } from "../lib/net/blackhole.ts";
import { findLink } from "../lib/net/link.ts";
import { type Netns, ownNetns } from "../lib/net/netns.ts";
import { reconcileEntries } from "../lib/overlay/entries.ts";
import { deleteGuard } from "../lib/overlay/guard.ts";
import { PeerList } from "../lib/overlay/peers.ts";
import { type OverlayConfig, parseOverlayConfig } from "../plugins/vxlan-overlay/config.ts";
import { devicesOf } from "../plugins/vxlan-overlay/node.ts";
import { removeDevice } from "../plugins/vxlan-overlay/vtep-device.ts";
import { FilesOfHost } from "./own-files.ts";
import { type Plan, subnetsOf } from "./plan.ts";
import { endEnforcing } from "./policy/end-enforcing.ts";

/** How long an agent that is about to end is waited for, in milliseconds. */
const PATIENCE = 2_000;

/** Told each change in words. */
type Tell = (what: string) => void;

/**
 * Removes what the agent of a network has made; with `isForFlannel` only the guards, so that packets
 * go on and flanneld takes the rest over. Throws what CniError can be made of.
 */
export function removeAgent(network: string, isForFlannel: boolean): void {
  const tell = (what: string) => sayLine("stdout", what);
  const directory = `/run/weft/${network}`;
  ensureOwnDirectory(directory, 0o755);
  try {
    withLock(`${directory}/daemon.lock`, PATIENCE, () => remove(network, isForFlannel, tell));
  } catch (cause) {
    if (!(cause instanceof LockTimeout)) throw cause;
    const state = `${cause.holder} is running, and would make all of it again: end it first`;
    throw new Failure("busy", `Cannot remove network "${network}": ${state}`);
  }
}

function remove(network: string, isForFlannel: boolean, tell: Tell): void {
  const ns = ownNetns();
  const files = new FilesOfHost(network);
  const plan = files.readSaved();
  endEnforcing(ns, network, tell);
  if (!plan) {
    tell(`network "${network}" has nothing here`);
    files.leave();
    return;
  }
  const config = parseOverlayConfig(plan, false, noDefaults);
  const isVxlan = plan.backend === "vxlan";
  if (isForFlannel) {
    for (const device of isVxlan ? devicesOf(config) : []) {
      deleteGuard(ns, device);
      tell(`delete guard "${device}"`);
    }
    files.handOver();
    return;
  }
  removePath(ns, { plan, config }, tell);
  files.remove((path) => tell(`delete "${path}"`));
}

interface Planned {
  readonly plan: Plan;
  readonly config: OverlayConfig;
}

function removePath(ns: Netns, { plan, config }: Planned, tell: Tell): void {
  const { networks } = subnetsOf(plan);
  const uplink = findLink(ns, String(plan.uplink));
  if (plan.backend === "vxlan") {
    for (const name of devicesOf(config)) removeDevice(config, ns, { name, tell });
  } else if (uplink) {
    reconcileEntries(ns, { device: undefined, uplink, networks, peers: new PeerList() }, tell);
  }
  ensureBlackholes(ns, { networks, subnets: [] }, tell);
  removeNetworkRules(ns, { name: config.name, networks }, tell);
}
