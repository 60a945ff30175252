/** ARP as far as probing an address needs it (RFC 826, 5227). */

import { Reader } from "../bytes/codec.ts";
import { read, write } from "../bytes/layout.ts";
import { block, u8, u16be } from "../bytes/scalar.ts";
import { struct } from "../bytes/struct.ts";
import { equalAddresses, type IpAddress, isUnspecified } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";
import { BROADCAST_MAC, ETH_P_IP, ethernet, UNSPECIFIED } from "./frame.ts";

export const ETH_P_ARP = 0x0806;

const ETHERNET = 1;
const REQUEST = 1;

const arp = struct("arp", {
  hardware: u16be,
  protocol: u16be,
  hardwareSize: u8,
  protocolSize: u8,
  operation: u16be,
  senderMac: block(6),
  sender: block(4),
  targetMac: block(6),
  target: block(4),
});

/** A frame that asks who has an address, and tells nobody that it is the asker's. */
export function probeFrame(mac: Mac, address: IpAddress): Uint8Array {
  const frame = new Uint8Array(ethernet.size + arp.size);
  frame.set(write(ethernet, { target: BROADCAST_MAC, source: mac, type: ETH_P_ARP }));
  const question = write(arp, {
    hardware: ETHERNET,
    protocol: ETH_P_IP,
    hardwareSize: 6,
    protocolSize: 4,
    operation: REQUEST,
    senderMac: mac,
    sender: UNSPECIFIED,
    target: address,
  });
  frame.set(question, ethernet.size);
  return frame;
}

/**
 * The hardware address of who else has, or probes for, an address; undefined if the frame says
 * nothing of the kind (RFC 5227, 2.1.1).
 */
export function rivalIn(frame: Uint8Array, mac: Mac, address: IpAddress): Mac | undefined {
  if (frame.length < ethernet.size + arp.size) return undefined;
  if (read(ethernet, new Reader(frame)).type !== ETH_P_ARP) return undefined;
  const found = read(arp, new Reader(frame, ethernet.size));
  const { hardware, protocol, hardwareSize, protocolSize, operation, senderMac } = found;
  const isIpv4 = protocol === ETH_P_IP && protocolSize === 4;
  if (hardware !== ETHERNET || hardwareSize !== 6 || !isIpv4) return undefined;
  const has = equalAddresses(found.sender, address);
  const isProbe = operation === REQUEST && isUnspecified(found.sender);
  const probes = isProbe && equalAddresses(found.target, address);
  const isOwn = senderMac.every((byte, i) => byte === mac[i]);
  return (has || probes) && !isOwn ? senderMac : undefined;
}
