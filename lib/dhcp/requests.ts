/** What a client sends, in whole frames (RFC 2131, 4.3.6 and table 5). */

import type { IpAddress } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";
import { type Addressing, BROADCAST, BROADCAST_MAC, encodeFrame, UNSPECIFIED } from "./frame.ts";
import type { Lease } from "./lease.ts";
import { Option, type Options } from "./options.ts";
import { BOOTREQUEST, BROADCAST_FLAG, encodeMessage, MessageType } from "./packet.ts";

/** Who asks, and in which transaction. */
export interface Asker {
  readonly mac: Mac;
  readonly provide: Options;
  readonly request: readonly number[];
  readonly broadcast: boolean;
  readonly xid: number;
  /** For how long this client has been asking. */
  readonly seconds: number;
}

/** What a server offers, or has given. */
export interface Offer {
  readonly address: IpAddress;
  readonly server: IpAddress;
}

/** To all servers: who has an address, this one if possible? */
export function discover(asker: Asker, wish: IpAddress | undefined): Uint8Array {
  const options = wish ? [[Option.requestedAddress, wish] as const] : [];
  return broadcast(asker, question(asker, MessageType.discover, options));
}

/** To all servers: this offer of one of you is taken. */
export function requestOffer(asker: Asker, { address, server }: Offer): Uint8Array {
  const options = [
    [Option.requestedAddress, address],
    [Option.server, server],
  ] as const;
  return broadcast(asker, question(asker, MessageType.request, options));
}

/** To all servers, after a restart: may this address still be used? */
export function requestAgain(asker: Asker, { address }: Lease): Uint8Array {
  const options = [[Option.requestedAddress, address]] as const;
  return broadcast(asker, question(asker, MessageType.request, options));
}

/**
 * To the server of a lease: may it go on? Who forwards to a server that is not on the link takes
 * only frames to its own hardware address; `isStale` if nothing may be at that of the lease.
 */
export function requestRenewal(asker: Asker, lease: Lease, isStale: boolean): Uint8Array {
  const content = { ...question(asker, MessageType.request, []), ciaddr: lease.address };
  return unicast(asker, content, isStale ? { ...lease, serverMac: BROADCAST_MAC } : lease);
}

/** To all servers: may the lease of another one go on? */
export function requestRebinding(asker: Asker, { address }: Lease): Uint8Array {
  const content = { ...question(asker, MessageType.request, []), ciaddr: address };
  return framed(asker, content, { ...toAll(asker), source: address });
}

/** To the server of a lease: the address is free again. */
export function giveBack(asker: Asker, lease: Lease): Uint8Array {
  const options = [[Option.server, lease.server]] as const;
  const content = { ...statement(asker, MessageType.release, options), ciaddr: lease.address };
  return unicast(asker, content, lease);
}

/** To all servers: the address that one of you gave is somebody else's. */
export function refuse(asker: Asker, { address, server }: Offer): Uint8Array {
  const options = [
    [Option.requestedAddress, address],
    [Option.server, server],
  ] as const;
  return broadcast(asker, statement(asker, MessageType.decline, options));
}

type Entries = readonly (readonly [number, Uint8Array])[];

interface Content {
  readonly flags: number;
  readonly ciaddr: IpAddress;
  readonly options: Options;
}

/** What the largest message may be that a server answers with: a frame's worth. */
const LARGEST = Uint8Array.of(1500 >> 8, 1500 & 255);

/** What is to be answered has all that the client provides, and the list of what it asks for. */
function question(asker: Asker, type: number, entries: Entries): Content {
  const { provide, request } = asker;
  const list = request.length > 0 ? [[Option.requestList, Uint8Array.from(request)] as const] : [];
  const options = new Map([
    ...provide,
    [Option.messageType, Uint8Array.of(type)],
    [Option.largestMessage, LARGEST],
    ...list,
    ...entries,
  ]);
  return { flags: asker.broadcast ? BROADCAST_FLAG : 0, ciaddr: UNSPECIFIED, options };
}

/** What is not answered says no more than whose it is. */
function statement({ provide }: Asker, type: number, entries: Entries): Content {
  const identifier = provide.get(Option.clientIdentifier);
  const options = new Map([
    ...(identifier ? [[Option.clientIdentifier, identifier] as const] : []),
    [Option.messageType, Uint8Array.of(type)],
    ...entries,
  ]);
  return { flags: 0, ciaddr: UNSPECIFIED, options };
}

function broadcast(asker: Asker, content: Content): Uint8Array {
  return framed(asker, content, toAll(asker));
}

function toAll({ mac }: Asker): Addressing {
  return {
    sourceMac: mac,
    targetMac: BROADCAST_MAC,
    source: UNSPECIFIED,
    target: BROADCAST,
  };
}

/** The client has its address, so answers come to it: no flag. */
function unicast(asker: Asker, content: Content, lease: Lease): Uint8Array {
  const { address: source, server: target, serverMac: targetMac } = lease;
  return framed(
    asker,
    { ...content, flags: 0 },
    { sourceMac: asker.mac, targetMac, source, target },
  );
}

function framed({ mac, xid, seconds }: Asker, content: Content, to: Addressing): Uint8Array {
  const message = encodeMessage({
    ...content,
    op: BOOTREQUEST,
    xid,
    secs: Math.min(Math.max(Math.floor(seconds), 0), 0xffff),
    yiaddr: UNSPECIFIED,
    chaddr: mac,
  });
  return encodeFrame(message, to);
}
