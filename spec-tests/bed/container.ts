import { programsInBed } from "./paths.ts";
import { View } from "./view.ts";

/** A container: a network namespace with the identifiers a runtime would give. */
export class Container extends View {
  /** The name of the namespace, as `ip netns` knows it. */
  readonly name: string;
  readonly containerID: string;
  /** The path of the namespace, as in CNI_NETNS. */
  readonly netns: string;
  readonly ifName: string;

  constructor(enter: readonly string[], name: string) {
    super([...enter, `${programsInBed}/nsenter`, `--net=/run/netns/${name}`]);
    this.name = name;
    this.containerID = `${name}-id`;
    this.netns = `/run/netns/${name}`;
    this.ifName = "eth0";
  }
}
