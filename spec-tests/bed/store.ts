import { isIP } from "node:net";
import type { Bed } from "./bed.ts";

/** The addresses that host-local's store holds for a network. */
export function reservations(bed: Bed, network = "net"): readonly string[] {
  return bed.list(`/var/lib/cni/networks/${network}`).filter((name) => isIP(name) !== 0);
}
