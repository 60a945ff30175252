/** A host with attachments of a list, and what `weft doctor` finds of them. */
import type { Bed } from "./bed.ts";
import type { Container } from "./container.ts";
import type { Lists } from "./lists.ts";

/** A finding as `weft doctor --json` tells it. */
export interface Finding {
  readonly id: string;
  readonly level: string;
  readonly finding: string;
  readonly advice: string;
}

/** All findings, or those of some ids. */
export function findings(lists: Lists, ids?: readonly string[]): readonly Finding[] {
  return findingsOf(lists.weft("doctor --json").stdout, ids);
}

/** The same of what it printed. */
export function findingsOf(stdout: string, ids?: readonly string[]): readonly Finding[] {
  const all = JSON.parse(stdout) as readonly Finding[];
  return all.filter(({ id }) => ids?.includes(id) ?? true);
}

/** The ids of what is said of attachments, rules and leases. */
export const ofAttachments = [
  ...["attachment-gone", "lease-unattached", "attachment-unleased", "address-twice"],
  ...["attachment-changed", "rule-unowned", "port-holder-gone", "port-listened", "not-checked"],
  ...["result-unreadable", "result-version", "result-listless", "network-gone", "clock-behind"],
];

/** A network with addresses that no other machine of a test has: namespaces are sought on all. */
export const subnet = "10.251.35.0/24";

/** The list `net`, with masquerade and host ports. */
export function bridgeList(lists: Lists, more: object = {}, ofBridge: object = {}): void {
  const ipam = { type: "host-local", subnet };
  const bridge = { type: "bridge", isGateway: true, ipMasq: true, ipam, ...ofBridge };
  lists.net([bridge, { type: "portmap", capabilities: { portMappings: true } }], more);
}

/** Attaches a new container, with a host port. */
export function attach(bed: Bed, lists: Lists, port: number): Container {
  const box = bed.container();
  const words = `--container-id ${box.name} --capability portMappings=${port}:80`;
  const { status, stderr } = lists.weft(`add net ${box.netns} ${words}`);
  if (status !== 0) throw new Error(stderr);
  return box;
}

/** Removes its namespace, and waits until the host has seen that. */
export function destroy(bed: Bed, { name }: Container): void {
  bed.host.sh(`ip netns del ${name}`);
  bed.host.until(`! ip -d link | grep -q "alias weft net ${name} eth0"`);
}
