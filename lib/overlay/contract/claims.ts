/**
 * Whose is it: addresses, subnets and hardware addresses that hosts say are their own. Each can be
 * one host's only, or packets would go to whoever was believed last.
 *
 * Who is beyond doubt keeps what is his, and whoever else claims a part of it is wrong. Among the
 * others nobody knows who is right, and the order in which they are written must not decide it:
 *
 *   two claim the same                             both are wrong
 *   one claims what contains a claim of another    both are wrong
 *   one claims what contains claims of several     the one is wrong, not the several
 *
 * Claims of one kind are in each other or apart, so in the order of their addresses each is
 * compared with those that contain it only.
 */

import { commonBits, pack, unpack } from "../../bytes/packed.ts";

/** What kinds of things can be claimed: by their numbers they are told apart. */
export const SPACES = { ipv4: 4, ipv6: 16, mac: 6, macOfSecondDevice: 7 } as const;

/** A part of a space. */
export interface Part {
  readonly space: number;
  readonly address: Uint8Array;
  readonly prefixLength: number;
}

/** A part of a space that a host says is its own. */
export interface Claim extends Part {
  /** Number of who claims it. */
  readonly claimant: number;
}

/** A claim that cannot stand, and one that it clashes with. */
export interface Clash {
  readonly own: Claim;
  readonly other: Claim;
}

/** Who is who among the claimants. */
export interface Claimants {
  /** Claimants with one number are one host, whose claims do not clash. */
  readonly hostOf: (claimant: number) => number;
  readonly isTrusted: (claimant: number) => boolean;
}

/** Claims as short texts, which sort as their addresses do, the larger one of two first. */
export class Claims {
  readonly #packed: string[] = [];

  add({ space, address, prefixLength, claimant }: Claim): void {
    const number = pack([claimant >> 16, (claimant >> 8) & 255, claimant & 255]);
    this.#packed.push(pack([space]) + pack(address) + pack([prefixLength]) + number);
  }

  /** Who cannot have what they claim, each with a reason; none if all claims can stand. */
  clashes(claimants: Claimants): ReadonlyMap<number, Clash> {
    const texts = this.#packed.sort();
    if (!hasTouchingTexts(texts, NUMBER_SIZE)) return new Map();
    const sweep = new Sweep(claimants);
    let last = "";
    for (const text of texts) {
      const part = text.slice(0, -NUMBER_SIZE);
      const claim = unpackClaim(text);
      if (part !== last) sweep.open(claim);
      sweep.claim(claim);
      last = part;
    }
    sweep.end();
    return sweep.clashes;
  }
}

const NUMBER_SIZE = 3;

function unpackClaim(text: string): Claim {
  const bytes = unpack(text);
  const end = bytes.length - NUMBER_SIZE;
  const [prefixLength = 0, high = 0, middle = 0, low = 0] = bytes.subarray(end - 1);
  const claimant = (high << 16) | (middle << 8) | low;
  return { space: bytes[0] ?? 0, address: bytes.slice(1, end - 1), prefixLength, claimant };
}

/** A part of a space and who claims it; some of them, and some of those who claim parts of it. */
interface Open {
  readonly part: Claim;
  readonly all: Claim[];
  own: readonly Claim[];
  below: readonly Claim[];
}

/** So many hosts are remembered of those below: with one's own and a trusted one enough for "several". */
const FEW = 4;

/** Goes through all claims in their order; what contains the present one is open. */
class Sweep {
  readonly clashes = new Map<number, Clash>();
  readonly #claimants: Claimants;
  readonly #stack: Open[] = [];

  constructor(claimants: Claimants) {
    this.#claimants = claimants;
  }

  open(part: Claim): void {
    for (let top = this.#top; top && !contains(top.part, part); top = this.#top) this.#close();
    this.#stack.push({ part, all: [], own: [], below: [] });
  }

  get #top(): Open | undefined {
    return this.#stack[this.#stack.length - 1];
  }

  /** One more claim of the part that was opened last. */
  claim(claim: Claim): void {
    const trusted = this.#trustedAround(claim);
    if (trusted) this.#refuse(trusted, claim);
    const top = this.#top;
    top?.all.push(claim);
    if (top) top.own = top.own.length === 0 ? [claim] : this.#few([...top.own, claim]);
  }

  end(): void {
    while (this.#top) this.#close();
  }

  /** A trusted claim, of another host, of this part or of what contains it. */
  #trustedAround(claim: Claim): Claim | undefined {
    for (const { own } of this.#stack) {
      const found = this.#others(own, claim).find(({ claimant }) => this.#isTrusted(claimant));
      if (found) return found;
    }
    return undefined;
  }

  /** All that claim a part or parts of it are known now. */
  #close(): void {
    const closed = this.#stack.pop();
    if (!closed) return;
    const isAlone = closed.all.length === 1 && closed.below.length === 0;
    if (!isAlone) for (const claim of closed.all) this.#judge(claim, closed);
    const parent = this.#top;
    if (parent) parent.below = this.#few([...parent.below, ...closed.own, ...closed.below]);
  }

  #judge(claim: Claim, { own, below }: Open): void {
    const inside = this.#others(below, claim);
    const trusted = [...this.#others(own, claim), ...inside].find(({ claimant }) =>
      this.#isTrusted(claimant),
    );
    if (trusted) this.#refuse(trusted, claim);
    if (trusted || this.#isTrusted(claim.claimant)) return;
    const same = this.#others(own, claim)[0];
    if (same) this.#mark(claim, same);
    const [first, ...more] = inside;
    if (!first) return;
    this.#mark(claim, first);
    if (more.length === 0) this.#mark(first, claim);
  }

  /** Of two that are trusted the later one is wrong. */
  #refuse(trusted: Claim, claim: Claim): void {
    const isFirst = this.#isTrusted(claim.claimant) && claim.claimant < trusted.claimant;
    if (isFirst) this.#mark(trusted, claim);
    else this.#mark(claim, trusted);
  }

  #mark(own: Claim, other: Claim): void {
    if (!this.clashes.has(own.claimant)) this.clashes.set(own.claimant, { own, other });
  }

  #isTrusted(claimant: number): boolean {
    return this.#claimants.isTrusted(claimant);
  }

  #others(claims: readonly Claim[], { claimant }: Claim): readonly Claim[] {
    const host = this.#claimants.hostOf(claimant);
    return claims.filter((each) => this.#claimants.hostOf(each.claimant) !== host);
  }

  /** One claim of each of a few hosts, those of trusted ones first. */
  #few(claims: readonly Claim[]): readonly Claim[] {
    const byHost = new Map<number, Claim>();
    const isFirst = ({ claimant }: Claim) => this.#isTrusted(claimant);
    for (const claim of [...claims.filter(isFirst), ...claims]) {
      const host = this.#claimants.hostOf(claim.claimant);
      if (byHost.size < FEW && !byHost.has(host)) byHost.set(host, claim);
    }
    return [...byHost.values()];
  }
}

/** True if a part is another, or the other is within it. */
export function contains(a: Part, b: Part): boolean {
  if (a.space !== b.space || a.prefixLength > b.prefixLength) return false;
  const whole = a.prefixLength >> 3;
  for (let i = 0; i < whole; i++) if (a.address[i] !== b.address[i]) return false;
  const rest = 8 - (a.prefixLength & 7);
  return rest === 8 || (a.address[whole] ?? 0) >> rest === (b.address[whole] ?? 0) >> rest;
}

/**
 * As `contains`, without bytes: there may be tens of thousands. A text has the space, the address and
 * the prefix length; behind that, `more` characters that do not matter.
 */
export function containsText(a: string, b: string, more = 0): boolean {
  const end = a.length - 1 - more;
  const length = a.charCodeAt(end);
  if (a.length !== b.length || length > b.charCodeAt(end)) return false;
  return commonBits(a, b) >= SPACE_BITS + length;
}

/** How many bits of a text tell the space. */
const SPACE_BITS = 8;

/** True if two of these are the same, or one within the other: then some of the sorted stand side by side. */
export function hasTouchingTexts(sorted: readonly string[], more = 0): boolean {
  let last = "";
  for (const text of sorted) {
    if (last !== "" && containsText(last, text, more)) return true;
    last = text;
  }
  return false;
}
