/** Devices of the host, for a plugin that moves them into containers and home. */
import type { Container } from "./container.ts";
import type { View } from "./view.ts";

/** As many as containers of one test have at the same time. */
const COUNT = 4;

/** True for what is about the plugin that needs them, by the name of an executable or by a title. */
export function needsDevices(title: string): boolean {
  return /\bhost-device\b/.test(title);
}

/** Ends of veth pairs with one hardware address, by which one configuration can mean any of them. */
export function addDevices(host: View): void {
  const scripts = Array.from({ length: COUNT }, (_, i) => {
    const address = "address 02:00:00:00:00:de";
    return `
      ip link add dev${i} mtu 1400 ${address} type veth peer name dev${i}-peer
      ip link set dev${i} up alias 'port ${i} of the rack'
      ip link set dev${i}-peer up`;
  });
  host.sh(scripts.join("\n"));
}

/**
 * What the kernel does with a physical device whose container vanishes, which a veth is not: it
 * comes home under the name that it had there.
 */
export function sendDeviceHome(host: View, { name, ifName }: Container): void {
  host.sh(`
    ip -netns ${name} link show dev ${ifName} 2>/dev/null | grep -q "alias weft-device" || exit 0
    ip -netns ${name} link set ${ifName} netns $$`);
}
