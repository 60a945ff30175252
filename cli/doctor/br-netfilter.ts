/** Whether frames that a bridge forwards pass the packet filter, where that decides over something. */

import { fileStatus } from "../../lib/host/file-status.ts";
import { bridgedFault, droppersOn } from "../../lib/inventory/packet-filter.ts";
import { setting } from "./command.ts";
import type { Check, Examined, Finding } from "./finding.ts";
import { quoted, typesOf } from "./loaded.ts";
import { type Network, networksOf } from "./networks.ts";

const CALL = "net/bridge/bridge-nf-call-iptables";

/** A node of Kubernetes. */
const KUBELET = "/var/lib/kubelet";

/**
 * kube-proxy needs it, since an answer between pods of one bridge would pass by what translates it; by
 * a policy that drops it takes containers of one bridge apart.
 */
export const brNetfilter: Check = (examined) => {
  const bridged = networksOf(examined).filter(({ bridge }) => bridge !== undefined);
  if (bridged.length === 0) return [];
  const value = examined.sysctl(CALL);
  const isNode = fileStatus(KUBELET)?.isDirectory === true;
  const judged = bridged.filter(({ list }) => typesOf(list).includes("policy"));
  const fault = judged.length > 0 ? bridgedFault(examined.host) : undefined;
  if (fault !== undefined) return [unjudged(judged, fault)];
  if (value !== "1") return isNode ? [passedBy(value)] : [];
  return apart(
    examined,
    bridged.filter(({ isAccepted }) => !isAccepted).map(({ name }) => name),
  );
};

function unjudged(networks: readonly Network[], fault: string): Finding {
  const names = quoted(networks.map(({ name }) => name));
  return {
    ...{ id: "br-netfilter", level: "error" },
    finding: `Policies of ${names} cannot be enforced among containers of one bridge: ${fault}`,
    advice: "Run: modprobe br_netfilter, and note it for the next boot",
  };
}

function passedBy(value: string | undefined): Finding {
  const load = "Run: modprobe br_netfilter";
  return {
    ...{ id: "br-netfilter", level: "warning" },
    finding: `Frames between pods of one bridge pass by the packet filter (${value === undefined ? "br_netfilter is not loaded" : `${CALL} is ${value}`}): a pod does not reach a service that leads to its neighbour`,
    advice: `${value === undefined ? `${load} && ` : "Run: "}${setting(CALL, "1")}, and note both for the next boot`,
  };
}

function apart({ host }: Examined, names: readonly string[]): readonly Finding[] {
  const [dropper] = names.length > 0 ? droppersOn(host).filter(({ of }) => of.includes(4)) : [];
  if (!dropper) return [];
  return [
    {
      ...{ id: "br-netfilter", level: "warning" },
      finding: `Frames between containers of one bridge pass the packet filter (${CALL} is 1), where ${dropper.what} drops those of ${quoted(names)}`,
      advice: `Add { "type": "firewall" } to the list, or, without Kubernetes, run: ${setting(CALL, "0")}`,
    },
  ];
}
