/** Containers on pairs without a bridge. */
import type { Bed } from "./bed.ts";
import { Chain } from "./chain.ts";
import type { Container } from "./container.ts";
import type { Config, RunOptions } from "./invocation.ts";
import type { Result } from "./outcome.ts";

/** A dual-stack network of pairs, by which everything is reached. */
export const ptp: Config = {
  cniVersion: "1.1.0",
  name: "net",
  type: "ptp",
  ipam: {
    type: "host-local",
    ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:2::/64" }]],
    routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
  },
};

/** The same network with these addresses instead, of the address manager `static`'s kind. */
export function withAddresses(bed: Bed, ips: readonly Config[], routes: readonly Config[] = []) {
  bed.recorder("fake").answer("ADD", { stdout: { cniVersion: "1.1.0", ips, routes } });
  return { ...ptp, ipam: { type: "fake" } };
}

/** A container on its pair. */
export interface OnPair {
  readonly box: Container;
  readonly result: Result;
  /** The name of the host's end. */
  readonly end: string;
  /** The configuration with the result, for CHECK and DEL. */
  readonly ended: Config;
}

/** ADD of a new container, alone or as the first of a list. */
export function connect(bed: Bed, config: Config = ptp, options: RunOptions = {}): OnPair {
  const box = bed.container();
  const { result } = bed.add("ptp", box, config, options);
  return { box, result, end: endIn(result), ended: { ...config, prevResult: result } };
}

/** The same with further plugins after it; the result is that of the list. */
export function connectChain(bed: Bed, more: readonly Config[], config: Config = ptp) {
  const box = bed.container();
  const chain = new Chain(bed, [config, ...more]);
  const result = chain.add(box);
  return { box, chain, result, end: endIn(result as unknown as Result) };
}

function endIn({ interfaces }: Result): string {
  return interfaces[0]?.name ?? "";
}

/** What GC is told: whose attachments remain. */
export function forGc(valid: readonly Container[], config: Config = ptp): Config {
  const attachments = valid.map(({ containerID, ifName }) => ({ containerID, ifname: ifName }));
  return { ...config, cniVersion: "1.1.0", "cni.dev/valid-attachments": attachments };
}
