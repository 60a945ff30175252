import type { Ended, Job } from "./keeper.ts";
import { View } from "./view.ts";

/** A container: a network namespace with the identifiers a runtime would give. */
export class Container extends View {
  /** The name of the namespace, as `ip netns` knows it. */
  readonly name: string;
  readonly containerID: string;
  /** The path of the namespace, as in CNI_NETNS. */
  readonly netns: string;
  readonly ifName: string;

  /** `run` runs a program on its host. */
  constructor(run: (job: Job) => Ended, name: string) {
    const netns = `/run/netns/${name}`;
    super((job) => run({ ...job, netns }));
    this.name = name;
    this.containerID = `${name}-id`;
    this.netns = netns;
    this.ifName = "eth0";
  }
}
