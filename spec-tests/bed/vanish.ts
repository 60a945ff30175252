import type { Bed } from "./bed.ts";
import type { Container } from "./container.ts";

/** The namespace goes without DEL, as when a runtime crashed; the kernel takes the links along. */
export function vanish(bed: Bed, box: Container): void {
  bed.host.sh(`
    peers=$(ip -n ${box.name} -o link show type veth | sed 's/.*@if\\([0-9]*\\):.*/\\1/')
    ip netns del ${box.name}
    for peer in $peers; do
      while ip -o link show | grep -q "^$peer:"; do sleep 0.05; done
    done`);
}
