/** A link that another can be above. */
import type { View } from "./view.ts";

/** Makes an Ethernet link, up, that leads to another of this namespace, `wire`. */
export function makeMaster(view: View, name = "up0"): void {
  view.sh(`
    ip link add ${name} type veth peer name wire
    ip link set wire up
    ip link set ${name} up`);
}
