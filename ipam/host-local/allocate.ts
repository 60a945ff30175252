/** Choosing addresses: those asked for, else the one of each set that has been idle longest. */

import { CniError, Code } from "../../lib/cni/error.ts";
import {
  describeSet,
  isUsable,
  type Range,
  type RangeSet,
  rangeOf,
  usage,
} from "../../lib/cni/range-set.ts";
import {
  equalAddresses,
  formatAddress,
  type IpAddress,
  parseAddress,
} from "../../lib/ip/address.ts";
import { Candidates } from "./candidates.ts";
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
  const wanted = assignRequests(demand);
  requireNoneHeld(store, demand);
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

/** For each set the address that is asked for: the first request that lies in it, if any does. */
function assignRequests({ sets, requested }: Demand): readonly (IpAddress | undefined)[] {
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
  if (left.length === 0) return wanted;
  const texts = left.map(formatAddress).join(" ");
  throw new CniError(
    Code.exhausted,
    `Cannot reserve the requested addresses: failed to allocate all requested IPs: ${texts}`,
  );
}

/** Throws for a second ADD without a DEL; what the first one got stays. */
function requireNoneHeld(store: Store, { owner, containerID, sets }: Demand): void {
  const held = [...store.addressesOf(owner), ...store.addressesOf(containerID)];
  const isIn = (set: RangeSet, text: string) => {
    const address = parseAddress(text);
    return address !== undefined && rangeOf(set, address) !== undefined;
  };
  for (const [id, set] of sets.entries()) {
    const duplicate = held.find((text) => isIn(set, text));
    if (duplicate === undefined) continue;
    const state = `${duplicate} has been allocated to ${containerID}`;
    throw new CniError(
      Code.conflict,
      `Cannot allocate for range ${id}: ${state}, duplicate allocation is not allowed`,
    );
  }
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
    request ? store.reserve(request, owner) && request : reserveIdle(store, turn, owner);
  const address = take() || (store.reread() && take());
  const range = address && rangeOf(set, address);
  if (!address || !range) throw unavailable(store, set, request);
  reserved.push(address);
  store.setCursor(id, address);
  return { address, range };
}

/** Never used ones first, from the cursor on; then the one released longest ago; then any. */
function reserveIdle(store: Store, turn: Turn, owner: string): IpAddress | undefined {
  return (
    reserveUnused(store, turn, owner) ??
    reserveReleased(store, turn, owner) ??
    reserveAny(store, turn, owner)
  );
}

/** How many addresses in use are passed by before those released are looked at. */
const PATIENCE = 32;

function reserveUnused(store: Store, { set, id }: Turn, owner: string): IpAddress | undefined {
  const candidates = new Candidates(set, store.cursor(id));
  for (let passed = 0; passed < PATIENCE; passed++) {
    const address = candidates.next();
    if (!address) return undefined;
    if (!store.isKnown(address) && store.reserve(address, owner)) return address;
  }
  return undefined;
}

function reserveReleased(store: Store, { set }: Turn, owner: string): IpAddress | undefined {
  for (;;) {
    const address = store.takeReleased((released) => isUsable(set, released));
    if (!address || store.reserve(address, owner)) return address;
  }
}

function reserveAny(store: Store, { set, id }: Turn, owner: string): IpAddress | undefined {
  const candidates = new Candidates(set, store.cursor(id));
  for (;;) {
    const address = candidates.next();
    if (!address || store.reserve(address, owner)) return address;
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
