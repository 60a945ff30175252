/**
 * Links that have to be there: devices of the host, for a plugin that moves them into containers and
 * home, and a link of the container, for a plugin that does nothing without.
 */
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

/** True for what is about the plugin that needs a link in the container, by name or title. */
export function needsLink(title: string): boolean {
  return /\bvrf\b/.test(title);
}

/**
 * Makes a link in a container, up, whose other end is there as well, with the address that the plugin's
 * working configuration tells of. The rule that the kernel makes with the first VRF stays for good,
 * so it has to be there before anything is compared.
 */
export function addLink(host: View, { name, ifName }: Container): void {
  host.sh(`
    ip -netns ${name} link add ${ifName} type veth peer name ${ifName}-peer
    ip -netns ${name} address add 10.1.2.2/24 dev ${ifName}
    ip -netns ${name} link set ${ifName} up
    ip -netns ${name} link set ${ifName}-peer up
    ip -netns ${name} link add probe type vrf table 1 2>/dev/null || exit 0
    ip -netns ${name} link delete probe`);
}
