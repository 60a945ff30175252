/** What an agent that has ended left on this host, compared with what its files say. */

import { noDefaults } from "../lib/cni/defaults.ts";
import { CniError } from "../lib/cni/error.ts";
import { findNetworkRulesFaults } from "../lib/filter/network-rules.ts";
import { findLink } from "../lib/net/link.ts";
import type { Netns } from "../lib/net/netns.ts";
import { parseOverlayConfig } from "../plugins/vxlan-overlay/config.ts";
import { findDevicesFaults } from "../plugins/vxlan-overlay/underlay.ts";
import { FilesOfHost } from "./own-files.ts";
import { type Plan, subnetsOf } from "./plan.ts";

/** What is missing, each in words; undefined if no agent has joined this network here, or flanneld has it now. */
export function findLeftFaults(ns: Netns, network: string): readonly string[] | undefined {
  const files = new FilesOfHost(network);
  const plan = files.readSaved();
  if (!plan || files.isHandedOver) return undefined;
  const devices = [plan.device, plan.deviceV6].filter((name) => typeof name === "string");
  const gone = devices.filter((name) => findLink(ns, name) === undefined);
  const filter = files.readFilter();
  return [
    ...gone.map((name) => `${name} is not there`),
    ...(gone.length > 0 ? [] : orWords(() => pathFaults(ns, plan))),
    ...orWords(() =>
      filter ? findNetworkRulesFaults(ns, { name: network, ...subnetsOf(plan), ...filter }) : [],
    ),
  ];
}

/** Whether packets pass is a matter of the rules: they are looked at by themselves. */
function pathFaults(ns: Netns, plan: Plan): readonly string[] {
  if (plan.backend !== "vxlan") return [];
  return findDevicesFaults(parseOverlayConfig(plan, true, noDefaults), ns);
}

/** What keeps from looking is a fault as well. */
function orWords(body: () => readonly string[]): readonly string[] {
  try {
    return body();
  } catch (cause) {
    return [CniError.from(cause).message];
  }
}
