/** A netlink socket as such: datagrams go out and come back, and events are heard. */

import * as host from "host";
import { CodecError } from "../bytes/codec.ts";
import { checked, EINTR, EMSGSIZE, ENOBUFS, ETIMEDOUT } from "../host/errno.ts";
import { type Received, splitMessages } from "./message.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;

/** How long an answer may take after a receive failed, in milliseconds. */
const LOST_AFTER = 1000;

/**
 * Where datagrams are received, by all sockets: what is kept of one is copied before the next.
 * The kernel writes dumps of up to 32 KB; most of it is never touched.
 */
const received = new Uint8Array(32768);

/** Makes a socket: in which namespace is the caller's business. */
export type OpenSocket = (domain: number, type: number, protocol: number) => number;

/** A socket of one netlink protocol, opened on first use. */
export class NetlinkSocket {
  readonly protocol: number;
  readonly #openSocket: OpenSocket;
  #fd = -1;

  constructor(protocol: number, openSocket: OpenSocket) {
    this.protocol = protocol;
    this.#openSocket = openSocket;
  }

  /** The descriptor to wait on for events. */
  get descriptor(): number {
    return this.#open();
  }

  #open(): number {
    if (this.#fd < 0) {
      const fd = this.#openSocket(AF_NETLINK, SOCK_RAW, this.protocol);
      this.#fd = checked(fd, "open a netlink socket");
      host.setOption(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
      host.setOption(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
    }
    return this.#fd;
  }

  /** Closes the socket; its next use opens a new one. */
  close(): void {
    if (this.#fd >= 0) host.close(this.#fd);
    this.#fd = -1;
  }

  /**
   * Sends a datagram; below 0 it is an error number, and nothing was sent. One for which the socket
   * has no room, as a long list of rules, gets it.
   */
  protected send(datagram: Uint8Array): number {
    const fd = this.#open();
    const sent = host.send(fd, datagram);
    if (sent !== -EMSGSIZE) return sent;
    host.setOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, datagram.length);
    return host.send(fd, datagram);
  }

  /**
   * The messages of the next datagram, valid until the one after it, or the error number of a
   * receive that failed. Then what was asked for may or may not have been carried out: the answer
   * is asked for again, and only if none comes is the outcome unknown.
   */
  protected receive(): Received[] | number {
    let n = host.receive(this.#fd, received, MSG_TRUNC | MSG_DONTWAIT);
    for (let attempt = 0; n < 0 && n !== -ETIMEDOUT && attempt < 3; attempt++) {
      const ready = n === -EINTR || host.poll(Int32Array.of(this.#fd), LOST_AFTER) > 0;
      n = ready ? host.receive(this.#fd, received, MSG_TRUNC | MSG_DONTWAIT) : -ETIMEDOUT;
    }
    if (n <= 0) return n < 0 ? -n : ENOBUFS;
    if (n > received.length) throw new CodecError(`message of ${n} bytes is truncated`);
    return splitMessages(received, n);
  }

  /** True if nothing is there to be received. */
  protected isSilent(): boolean {
    return host.poll(Int32Array.of(this.#fd), 0) === 0;
  }

  /** Joins a multicast group, so that its events come. */
  subscribe(group: number): void {
    const fd = this.#open();
    // The kernel's own events do not reach a socket that has no address yet.
    host.bind(fd, Uint8Array.of(AF_NETLINK, ...new Uint8Array(11)));
    const outcome = host.setOption(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
    checked(outcome, `subscribe to netlink group ${group}`);
  }

  /**
   * The events that have come, without waiting; undefined if some were lost, because they came
   * faster than they were read.
   */
  pendingEvents(): Received[] | undefined {
    const fd = this.#open();
    const events: Received[] = [];
    for (;;) {
      const n = host.receive(fd, received, MSG_DONTWAIT);
      if (n === -ENOBUFS) return undefined;
      if (n <= 0) return events;
      events.push(...splitMessages(received.slice(0, n)));
    }
  }

  /** The next events, or none once `milliseconds` have passed. */
  waitForEvents(milliseconds: number): Received[] {
    const fd = this.#open();
    if (host.poll(Int32Array.of(fd), Math.max(0, Math.ceil(milliseconds))) <= 0) return [];
    const n = host.receive(fd, received, 0);
    return n > 0 ? splitMessages(received.subarray(0, n)) : [];
  }
}
