/** A node as flannel's daemon leaves it, made by hand: its device, and what leads to other nodes. */
import type { Config } from "./invocation.ts";
import type { Node } from "./nodes.ts";

/** One of flannel's two devices and the underlay address its packets bear. */
interface End {
  readonly device: string;
  readonly local: string;
  readonly mac: string;
  /** The first address of the node's subnet, with the length of an address. */
  readonly own: string;
  readonly mtu: number;
}

/** Another node as flannel's store has it. */
export interface Lease {
  readonly subnet: readonly [string, string];
  readonly publicIP: string;
  readonly mac: string;
  readonly publicIPv6?: string;
  readonly macV6?: string;
}

const two = (number: number) => number.toString(16).padStart(2, "0");
const macOf = (number: number) => `0a:00:00:00:00:${two(number)}`;
const macV6Of = (number: number) => `0a:00:00:00:06:${two(number)}`;
export const publicIPv6Of = (number: number) => `2001:db8::${number}`;

/** A node's IPv6 address on the wire, at once. */
export function addPublicIPv6({ view, number }: Node): void {
  const address = publicIPv6Of(number);
  view.sh(`
    ip address add ${address}/64 dev wire nodad
    until ip -6 route show table local | grep -q 'local ${address} '; do sleep 0.01; done`);
}

/** What others are told of a node with flannel on it. */
export function leaseOf({ number, publicIP }: Node): Lease {
  return {
    subnet: [`10.244.${number}.0/24`, `fd10:0:0:${number}::/64`],
    publicIP,
    mac: macOf(number),
    publicIPv6: publicIPv6Of(number),
    macV6: macV6Of(number),
  };
}

/** The same for our peers file; IPv4 alone unless it is dual. */
export function peerOf(lease: Lease, isDual: boolean): Config {
  const { subnet, publicIP, mac, publicIPv6, macV6 } = lease;
  const single = { subnet: subnet[0], publicIP, vtepMAC: mac };
  return isDual ? { ...single, subnet, publicIPv6, vtepMACv6: macV6 } : single;
}

function ends({ number, publicIP }: Node): readonly [End, End] {
  return [
    {
      device: "flannel.1",
      local: publicIP,
      mac: macOf(number),
      own: `10.244.${number}.0/32`,
      mtu: 1450,
    },
    {
      device: "flannel-v6.1",
      local: publicIPv6Of(number),
      mac: macV6Of(number),
      own: `fd10:0:0:${number}::/128`,
      mtu: 1430,
    },
  ];
}

/** Makes the devices, or the first of them, as flannel does, and a bridge with this node's pods. */
export function becomeFlannel(node: Node, isDual: boolean): void {
  for (const { device, local, mac, own, mtu } of ends(node).slice(0, isDual ? 2 : 1)) {
    node.view.sh(`
      ip link add ${device} address ${mac} mtu ${mtu} type vxlan id 1 dstport 8472 local ${local} dev wire nolearning
      sysctl -q -w net.ipv6.conf.${device.replace(".", "/")}.accept_ra=0
      ip link set ${device} up
      ip address add ${own} dev ${device} ${own.includes(":") ? "nodad" : ""}`);
  }
  node.view.sh("sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
}

/** The node's gateway for its pods, as flannel's CNI plugin leaves it. */
export function addBridge({ view, number }: Node): void {
  view.sh(`
    ip link add cni0 type bridge; ip link set cni0 up
    ip address add 10.244.${number}.1/24 dev cni0
    ip address add fd10:0:0:${number}::1/64 dev cni0 nodad`);
}

/** Makes what leads to another node, as flannel does: all of IPv6 by the second device. */
export function programFlannel(node: Node, lease: Lease, isDual: boolean): void {
  const { subnet, publicIP, mac, publicIPv6, macV6 } = lease;
  const parts: [string, string, string, string][] = [[subnet[0], "flannel.1", mac, publicIP]];
  if (isDual) parts.push([subnet[1], "flannel-v6.1", macV6 ?? "", publicIPv6 ?? ""]);
  for (const [part, device, lladdr, dst] of parts) {
    const gateway = part.split("/")[0];
    node.view.sh(`
      ip neigh replace ${gateway} lladdr ${lladdr} dev ${device} nud permanent
      bridge fdb replace ${lladdr} dev ${device} dst ${dst} self permanent
      ip route replace ${part} via ${gateway} dev ${device} onlink`);
  }
}
