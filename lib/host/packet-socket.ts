/** Sockets that send and receive whole Ethernet frames of one link (packet(7)), in any namespace. */

import * as host from "host";
import { checked } from "./errno.ts";
import { closeFile } from "./file.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
/** linux/if_ether.h */
export const ETH_P_IP = 0x0800;
export const ETH_P_ARP = 0x0806;

/** A link of a namespace (its descriptor; -1 is our own), and what is to be received from it. */
export interface PacketSource {
  readonly netns: number;
  readonly index: number;
  readonly protocol: number;
  readonly filter: Uint8Array;
}

/** Opens a socket for a link; it never waits. Throws SystemError. */
export function openPacketSocket({ netns, index, protocol, filter }: PacketSource): number {
  const type = SOCK_RAW | SOCK_NONBLOCK;
  // Protocol 0 receives nothing, so that nothing comes in before the filter is there.
  const made =
    netns < 0 ? host.socket(AF_PACKET, type, 0) : host.socketIn(netns, AF_PACKET, type, 0);
  const fd = checked(made, "open a packet socket");
  try {
    checked(host.attachFilter(fd, filter), "attach a filter to a packet socket");
    checked(host.bind(fd, linkAddress(index, protocol)), `bind a packet socket to link ${index}`);
    return fd;
  } catch (cause) {
    closeFile(fd);
    throw cause;
  }
}

/** struct sockaddr_ll: family, protocol as on the wire, index, and room for an address. */
function linkAddress(index: number, protocol: number): Uint8Array {
  const address = new Uint8Array(20);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, protocol, false);
  view.setInt32(4, index, true);
  return address;
}

/** Sends a frame without waiting; false if the link is down or busy. */
export function sendFrame(fd: number, frame: Uint8Array): boolean {
  return host.send(fd, frame) === frame.length;
}

/** A longer frame is cut: no message for us is. */
const buffer = new Uint8Array(2048);

/** The next frame that has come; undefined if there is none, or the link is down. */
export function receiveFrame(fd: number): Uint8Array | undefined {
  const n = host.receive(fd, buffer, 0);
  return n > 0 ? buffer.slice(0, n) : undefined;
}
