/** A node with containerd, a network for pods, and a neighbour outside. */
import type { Bed } from "../bed/bed.ts";
import { world } from "../bed/ports.ts";
import { Containerd, type NetworkList, podNetwork, type Release } from "./containerd.ts";
import { RuntimeNode } from "./node.ts";

interface Wish {
  readonly network?: NetworkList;
  /** The folder that is its /opt/cni/bin; the tested executables unless given. */
  readonly plugins?: string;
}

/** What attachments to these networks share, as docs/install.md lists it. */
const shared = {
  bridge: "cni0",
  network: "net",
  forwarding: true,
  dataDir: "/var/lib/cni/networks",
};
/** Where the runtime itself keeps results; the folder stays. */
const results = /^\+ folder \/var\/lib\/cni\/results: /;

/**
 * Starts containerd on a node of its own. `leftovers` compares with the moment after that: what is there
 * besides what attachments share, and with `leftoversInAll` also of that.
 */
export async function startOn(
  bed: Bed,
  release: Release,
  { network = podNetwork("10.244.0.0/24"), plugins = bed.bin }: Wish = {},
) {
  const outside = world(bed);
  const node = new RuntimeNode(bed, plugins);
  const containerd = new Containerd(node, { release, list: network });
  await containerd.start();
  const before = bed.snapshot();
  const isOurs = (line: string) => !results.test(line);
  const leftovers = () => node.leftovers(before, shared).filter(isOurs);
  const leftoversInAll = () => node.leftovers(before).filter(isOurs);
  return { outside, node, containerd, client: containerd.client, leftovers, leftoversInAll };
}
