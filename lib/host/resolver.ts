/** Addresses of names, by the C library in a process of its own: an event loop does not wait for it. */

import * as host from "host";
import type { IpAddress } from "../ip/address.ts";
import type { Cancel } from "./clock.ts";
import { EPOLLIN, type EventLoop } from "./epoll.ts";
import { EAGAIN, EINTR, SystemError } from "./errno.ts";
import { Failure } from "./failure.ts";

/** Name servers may take this long, in milliseconds. */
const LIMIT = 10_000;
const SIGKILL = 9;
const TOO_LATE = "the name servers do not answer in time (/etc/resolv.conf)";

/** netdb.h, without their signs. */
const faults: { readonly [fault: number]: string } = {
  2: "no name server knows it",
  3: "the name servers do not answer (/etc/resolv.conf)",
  4: "the name servers refuse to answer (/etc/resolv.conf)",
  5: "it has no address",
  10: "there is no memory left",
};

/** What is told in the end. */
type Done = (found: readonly IpAddress[] | Failure) => void;
type Tell = (found: readonly IpAddress[], reason: string) => void;

/** Tells the addresses of a name, best first, or why there are none; never before it returns. */
export function resolveName(loop: EventLoop, name: string, done: Done): Cancel {
  const child = new Int32Array(2);
  const outcome = host.agent().resolve(name, child);
  if (outcome >= 0) return new Lookup(loop, child, tellFor(name, done)).stop;
  const cause = new SystemError(`resolve "${name}"`, -outcome);
  return loop.after(0, () => done(cause));
}

/** Addresses as they are, or the reason in words. */
function tellFor(name: string, done: Done): Tell {
  return (found, reason) =>
    done(found.length > 0 ? found : new Failure("system", `Cannot resolve "${name}": ${reason}`));
}

/** A child that looks a name up, until it has answered, is too late, or is not wanted any more. */
class Lookup {
  readonly #loop: EventLoop;
  readonly #pid: number;
  readonly #fd: number;
  readonly #tell: Tell;
  readonly #cancel: Cancel;
  readonly #answer: number[] = [];
  #isOver = false;

  constructor(loop: EventLoop, [pid = 0, fd = 0]: Int32Array, tell: Tell) {
    this.#loop = loop;
    this.#pid = pid;
    this.#fd = fd;
    this.#tell = tell;
    loop.watch(fd, EPOLLIN, () => this.#receive());
    this.#cancel = loop.after(LIMIT, () => this.#end([], TOO_LATE));
  }

  /** Nothing is left of the child. */
  readonly stop = (): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancel();
    this.#loop.close(this.#fd);
    host.kill(this.#pid, SIGKILL);
    host.wait(this.#pid);
  };

  #receive(): void {
    const bytes = new Uint8Array(512);
    const n = host.read(this.#fd, bytes);
    if (n === -EAGAIN || n === -EINTR) return;
    this.#answer.push(...bytes.subarray(0, Math.max(0, n)));
    if (n > 0) return;
    const { addresses, fault } = readAnswer(Uint8Array.from(this.#answer));
    this.#end(addresses, faults[fault] ?? `error ${fault} of getaddrinfo`);
  }

  #end(found: readonly IpAddress[], reason: string): void {
    this.stop();
    this.#tell(found, reason);
  }
}

/** What resolve.c writes: lengths and addresses, then 0 and a fault. */
export function readAnswer(bytes: Uint8Array): { addresses: IpAddress[]; fault: number } {
  const addresses: IpAddress[] = [];
  let at = 0;
  for (let length = bytes[at] ?? 0; length > 0 && at + length < bytes.length; ) {
    addresses.push(bytes.slice(at + 1, at + 1 + length));
    at += 1 + length;
    length = bytes[at] ?? 0;
  }
  return { addresses, fault: bytes[at + 1] ?? 0 };
}
