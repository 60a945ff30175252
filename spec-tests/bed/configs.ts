import type { Config } from "./invocation.ts";

/** Every version of the specification, oldest first. */
export const allVersions = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/** A host-local network on its own. */
export function hostLocal(subnet: string, more: Config = {}): Config {
  const ipam = { type: "host-local", subnet };
  return { cniVersion: "1.1.0", name: "net", type: "host-local", ipam, ...more };
}

/** A bridge network with addresses from host-local and a default route. */
export function bridge(subnet: string, more: Config = {}): Config {
  const ipam = { type: "host-local", subnet, routes: [{ dst: "0.0.0.0/0" }] };
  return bridgeWith(ipam, more);
}

/** A bridge network with these settings for the address manager. */
export function bridgeWith(ipam: Config, more: Config = {}): Config {
  const base = { cniVersion: "1.1.0", name: "net", type: "bridge", bridge: "br0" };
  return { ...base, isGateway: true, ipam, ...more };
}

/** A bridge network with masquerade. */
export function masqueraded(subnet: string, more: Config = {}): Config {
  return bridge(subnet, { ipMasq: true, ...more });
}
