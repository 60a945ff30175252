/** Sending and receiving a client's frames, by sockets that are open only while answers may come. */

import { EPOLLIN, type EventLoop } from "../../lib/host/epoll.ts";
import { ENODEV, ENXIO, SystemError } from "../../lib/host/errno.ts";
import {
  ETH_P_ARP,
  ETH_P_IP,
  openPacketSocket,
  receiveFrame,
  sendFrame,
} from "../../lib/host/packet-socket.ts";
import { arpFilter, dhcpReplyFilter } from "../../lib/host/socket-filter.ts";
import { type Place, withPlace } from "./place.ts";

/** So many frames of one client are looked at before it is another's turn. */
const TURN = 16;

/** Where in a frame of ours its filter's value is: `chaddr` (RFC 2131), the address (RFC 826). */
const CHADDR = 70;
const ARP_TARGET = 38;

/** Sockets of one link: one for DHCP, one for ARP. */
export class Frames {
  readonly #loop: EventLoop;
  readonly #place: Place;
  readonly #onFrame: (frame: Uint8Array) => void;
  readonly #sockets = new Map<number, number>();

  constructor(loop: EventLoop, place: Place, onFrame: (frame: Uint8Array) => void) {
    this.#loop = loop;
    this.#place = place;
    this.#onFrame = onFrame;
  }

  /** Sends a frame, and listens to what answers it; false if its namespace or link is gone. */
  send(frame: Uint8Array): boolean {
    const protocol = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
    const fd = this.#sockets.get(protocol) ?? this.#open(protocol, frame);
    if (fd === undefined) return false;
    sendFrame(fd, frame); // a link that is down, or a full queue: the client sends it again
    return true;
  }

  #open(protocol: number, frame: Uint8Array): number | undefined {
    const filter =
      protocol === ETH_P_ARP
        ? arpFilter(frame.subarray(ARP_TARGET, ARP_TARGET + 4))
        : dhcpReplyFilter(frame.subarray(CHADDR, CHADDR + 6));
    const { index } = this.#place;
    const fd = withPlace(this.#place, ({ fd }) =>
      ifLinked(() => openPacketSocket({ netns: fd, index, protocol, filter })),
    );
    if (fd === undefined) return undefined;
    this.#sockets.set(protocol, fd);
    try {
      this.#loop.watch(fd, EPOLLIN, () => this.#receive(protocol, fd));
    } catch (cause) {
      this.#close(protocol);
      throw cause;
    }
    return fd;
  }

  #receive(protocol: number, fd: number): void {
    for (let i = 0; i < TURN && this.#sockets.get(protocol) === fd; i++) {
      const frame = receiveFrame(fd);
      if (!frame) return;
      this.#onFrame(frame);
    }
  }

  /** Closes what nothing is expected of any more. */
  keepOnly({ dhcp, arp }: { readonly dhcp: boolean; readonly arp: boolean }): void {
    if (!dhcp) this.#close(ETH_P_IP);
    if (!arp) this.#close(ETH_P_ARP);
  }

  close(): void {
    this.keepOnly({ dhcp: false, arp: false });
  }

  #close(protocol: number): void {
    const fd = this.#sockets.get(protocol);
    if (fd === undefined) return;
    this.#sockets.delete(protocol);
    this.#loop.close(fd);
  }
}

/** Undefined if there is no such link. */
function ifLinked(open: () => number): number | undefined {
  try {
    return open();
  } catch (cause) {
    const gone = [ENODEV, ENXIO];
    if (cause instanceof SystemError && gone.includes(cause.errno)) return undefined;
    throw cause;
  }
}
