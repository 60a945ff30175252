/**
 * Echoes (ping) to other hosts from the process's own namespace, which nobody on the way may cut into
 * parts: what is answered fits through.
 */

import * as host from "host";
import { checked } from "../host/errno.ts";
import { closeFile } from "../host/file.ts";
import { type Family, family, type IpAddress } from "../ip/address.ts";
import { echoReply, echoRequest } from "./echo-packet.ts";

/** To whom, and how many bytes the IP packets are to measure. */
export interface Echoes {
  readonly address: IpAddress;
  readonly sizes: readonly number[];
}

/** poll(2) is asked for so many at once. */
const AT_ONCE = 30;
/** How often what is not answered is sent again, and how long an answer may take, in milliseconds. */
const ROUNDS = 5;
const ROUND = 1_000;

/** Hears, before each round, of how many hosts answers are waited for. */
export type WaitingFor = (hosts: readonly Echoes[]) => void;

/** Which of the sizes are answered, for each host. Throws SystemError without CAP_NET_RAW. */
export function answeredEchoes(
  all: readonly Echoes[],
  waitingFor: WaitingFor,
): readonly (readonly number[])[] {
  const answered: (readonly number[])[] = [];
  for (let at = 0; at < all.length; at += AT_ONCE) {
    answered.push(...answeredOf(all.slice(at, at + AT_ONCE), waitingFor));
  }
  return answered;
}

/** A host that is asked. */
interface Asked extends Echoes {
  readonly fd: number;
  readonly answered: Set<number>;
}

function answeredOf(
  all: readonly Echoes[],
  waitingFor: WaitingFor,
): readonly (readonly number[])[] {
  const asked: Asked[] = [];
  try {
    for (const each of all) asked.push({ ...each, fd: openTo(each.address), answered: new Set() });
    const id = host.getpid() & 0xffff;
    for (let round = 0; round < ROUNDS && asked.some(isWaiting); round++) {
      waitingFor(asked.filter(isWaiting));
      for (const each of asked.filter(isWaiting)) send(each, id);
      receiveAll(asked, id, host.monotonic() + ROUND);
    }
  } finally {
    for (const { fd } of asked) if (fd >= 0) closeFile(fd);
  }
  return asked.map(({ sizes, answered }) => sizes.filter((_, i) => answered.has(i)));
}

function isWaiting({ sizes, answered }: Asked): boolean {
  return answered.size < sizes.length;
}

/** One that cannot be sent is one that does not fit. */
function send({ address, sizes, fd, answered }: Asked, id: number): void {
  sizes.forEach((size, sequence) => {
    if (!answered.has(sequence))
      host.send(fd, echoRequest(family(address), { id, sequence }, size));
  });
}

function receiveAll(asked: readonly Asked[], id: number, until: number): void {
  for (let left = ROUND; left > 0 && asked.some(isWaiting); left = until - host.monotonic()) {
    const waiting = asked.filter(isWaiting);
    const ready = host.poll(
      Int32Array.from(waiting, ({ fd }) => fd),
      Math.ceil(left),
    );
    waiting.forEach((each, i) => {
      if (ready > 0 && (ready & (1 << i)) !== 0) receive(each, id);
    });
  }
}

const MSG_DONTWAIT = 0x40;
const buffer = new Uint8Array(256);

/** All that has come from a host; of a long packet the beginning is enough. */
function receive({ address, sizes, fd, answered }: Asked, id: number): void {
  for (;;) {
    const length = host.receive(fd, buffer, MSG_DONTWAIT);
    if (length < 0) return;
    const reply = echoReply(family(address), buffer.subarray(0, Math.min(length, buffer.length)));
    if (reply?.id === id && reply.sequence < sizes.length) answered.add(reply.sequence);
  }
}

/* ---- the socket: raw(7), ip(7), ipv6(7) ---- */

const SOCK_RAW = 3;
const SETTINGS = {
  4: { domain: 2, protocol: 1, level: 0, discover: 10 },
  6: { domain: 10, protocol: 58, level: 41, discover: 23 },
} as const;
/** Sent whole or not at all, whatever is known of the way so far (IP_PMTUDISC_PROBE). */
const WHOLE = 3;

/** The descriptor; -1 if there is no way to the host. */
function openTo(address: IpAddress): number {
  const { domain, protocol, level, discover } = SETTINGS[family(address)];
  const fd = checked(host.socket(domain, SOCK_RAW, protocol), "open a socket for echoes");
  const outcome = host.setOption(fd, level, discover, WHOLE);
  if (outcome >= 0 && host.connect(fd, socketAddress(address)) >= 0) return fd;
  closeFile(fd);
  return -1;
}

/** struct sockaddr_in or sockaddr_in6, without a port. */
function socketAddress(address: IpAddress): Uint8Array {
  const of: Family = family(address);
  const bytes = new Uint8Array(of === 4 ? 16 : 28);
  bytes[0] = SETTINGS[of].domain;
  bytes.set(address, of === 4 ? 4 : 8);
  return bytes;
}
