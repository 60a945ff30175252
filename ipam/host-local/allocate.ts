/** Choosing addresses: those asked for, else the one of each set that has been idle longest. */

import { CniError, Code } from "../../lib/cni/error.ts";
import {
  compareAddresses,
  equalAddresses,
  formatAddress,
  type IpAddress,
  nextAddress,
  parseAddress,
} from "../../lib/ip/address.ts";
import { rangeContains, rangeSize } from "../../lib/ip/range.ts";
import { describeSet, type Range, type RangeSet } from "./config.ts";
import type { Store } from "./store.ts";

/** An address and the range it is of. */
export interface Allocation {
  readonly address: IpAddress;
  readonly range: Range;
}

/** What an attachment is to get, and what must be free for it. */
export interface Demand {
  readonly owner: string;
  /** The container's ID alone, as very old reservations have it. */
  readonly containerID: string;
  readonly sets: readonly RangeSet[];
  readonly requested: readonly IpAddress[];
}

/** One address of each set, reserved; throws without any reservation left. */
export function allocate(store: Store, demand: Demand): Allocation[] {
  const { left, wanted } = assignRequests(demand);
  if (left.length > 0) {
    const texts = left.map(formatAddress).join(" ");
    throw new CniError(
      Code.exhausted,
      `Cannot reserve the requested addresses: failed to allocate all requested IPs: ${texts}`,
    );
  }
  const held = heldAddresses(store, demand);
  for (const set of demand.sets) refuseDuplicate(demand, set, held);
  const reserved: IpAddress[] = [];
  try {
    return demand.sets.map((set, id) =>
      allocateOne(store, demand, { set, id, request: wanted[id], reserved }),
    );
  } catch (cause) {
    for (const address of reserved) store.release(formatAddress(address), demand.owner);
    throw cause;
  }
}

/** Each set serves the first request that lies in it; what no set serves is left. */
function assignRequests({ sets, requested }: Demand) {
  const left = [...new Map(requested.map((ip) => [formatAddress(ip), ip])).values()];
  const wanted = sets.map((set) => {
    const at = left.findIndex((address) => rangeOf(set, address));
    const [address] = at < 0 ? [] : left.splice(at, 1);
    return address;
  });
  wanted.forEach((address, id) => {
    const range = address && rangeOf(sets[id] ?? [], address);
    if (!address || !range || !equalAddresses(address, range.gateway)) return;
    throw new CniError(
      Code.config,
      `Cannot reserve ${formatAddress(address)}: requested ip is subnet's gateway`,
    );
  });
  return { left, wanted };
}

function rangeOf(set: RangeSet, address: IpAddress): Range | undefined {
  return set.find(
    (range) => range.start.length === address.length && rangeContains(range, address),
  );
}

function heldAddresses(store: Store, { owner, containerID }: Demand): string[] {
  return [...store.addressesOf(owner), ...store.addressesOf(containerID)];
}

/** A second ADD without a DEL is refused, and what the first one got stays. */
function refuseDuplicate(demand: Demand, set: RangeSet, held: readonly string[]): void {
  const duplicate = held.find((text) => {
    const address = parseAddress(text);
    return address && rangeOf(set, address);
  });
  if (duplicate === undefined) return;
  throw new CniError(
    Code.conflict,
    `Cannot allocate for range ${demand.sets.indexOf(set)}: ${duplicate} has been allocated to ${demand.containerID}, duplicate allocation is not allowed`,
  );
}

interface Turn {
  readonly set: RangeSet;
  readonly id: number;
  readonly request: IpAddress | undefined;
  /** What this and earlier turns reserved, whatever becomes of them afterwards. */
  readonly reserved: IpAddress[];
}

function allocateOne(store: Store, { owner }: Demand, turn: Turn): Allocation {
  const { set, id, request, reserved } = turn;
  const take = () =>
    request ? reserveAsked(store, request, owner) : reserveIdle(store, turn, owner);
  const address = take() ?? (store.reread() ? take() : undefined);
  const range = address && rangeOf(set, address);
  if (!address || !range) throw unavailable(store, set, request);
  reserved.push(address);
  store.setCursor(id, address);
  return { address, range };
}

function reserveAsked(store: Store, request: IpAddress, owner: string): IpAddress | undefined {
  return store.reserve(request, owner) ? request : undefined;
}

/** How many addresses in use are passed by before those released are looked at. */
const PATIENCE = 32;

/** Never used ones first, from the cursor on; then the one released longest ago; then any. */
function reserveIdle(store: Store, { set, id }: Turn, owner: string): IpAddress | undefined {
  const candidates = new Candidates(set, store.cursor(id));
  for (let passed = 0; passed < PATIENCE; passed++) {
    const address = candidates.next();
    if (!address) break;
    if (!store.isKnown(address) && store.reserve(address, owner)) return address;
  }
  for (;;) {
    const released = store.takeReleased((address) => isUsable(set, address));
    if (!released) break;
    if (store.reserve(released, owner)) return released;
  }
  for (const any = new Candidates(set, store.cursor(id)); ; ) {
    const address = any.next();
    if (!address || store.reserve(address, owner)) return address;
  }
}

function isUsable(set: RangeSet, address: IpAddress): boolean {
  const range = rangeOf(set, address);
  return range !== undefined && !equalAddresses(address, range.gateway);
}

/** Every address of a set once, gateways left out, beginning after the one last given out. */
class Candidates {
  readonly #set: RangeSet;
  #range: number;
  #at: IpAddress | undefined;
  #first: IpAddress | undefined;

  constructor(set: RangeSet, last: IpAddress | undefined) {
    this.#set = set;
    const at = last ? set.findIndex((range) => rangeOf([range], last)) : -1;
    this.#range = Math.max(at, 0);
    this.#at = at < 0 ? undefined : last;
  }

  /** The next address, or undefined when it is the first one's turn again. */
  next(): IpAddress | undefined {
    for (;;) {
      const address = this.#step();
      const range = this.#set[this.#range];
      if (!address || !range) return undefined;
      if (this.#first && equalAddresses(address, this.#first)) return undefined;
      this.#first ??= address;
      if (!equalAddresses(address, range.gateway)) return address;
    }
  }

  #step(): IpAddress | undefined {
    const range = this.#set[this.#range];
    if (!range) return undefined;
    if (!this.#at) this.#at = range.start;
    else if (compareAddresses(this.#at, range.end) < 0) this.#at = nextAddress(this.#at);
    else {
      this.#range = (this.#range + 1) % this.#set.length;
      this.#at = this.#set[this.#range]?.start;
    }
    return this.#at;
  }
}

function unavailable(store: Store, set: RangeSet, request: IpAddress | undefined): CniError {
  if (!request) {
    const { used, size } = usage(store.listAddresses(), set);
    return new CniError(
      Code.exhausted,
      `Cannot allocate an address: no IP addresses available in range set: ${describeSet(set)} (${used} of ${size} in use)`,
    );
  }
  const text = formatAddress(request);
  const owner = (store.ownerOf(text) ?? "").replace("\r\n", " ");
  return new CniError(
    Code.exhausted,
    `Cannot reserve ${text}: requested IP address ${text} is not available in range set ${describeSet(set)}`,
    owner === "" ? "" : `it is reserved for ${owner}`,
  );
}

/** How many addresses of a set are in use, and how many it has. */
export function usage(reserved: readonly string[], set: RangeSet): { used: number; size: number } {
  const used = reserved.filter((text) => {
    const address = parseAddress(text);
    return address !== undefined && isUsable(set, address);
  }).length;
  const size = set.reduce((sum, range) => {
    const gateway =
      range.gateway.length === range.start.length && rangeContains(range, range.gateway);
    return sum + rangeSize(range) - (gateway ? 1 : 0);
  }, 0);
  return { used, size };
}
