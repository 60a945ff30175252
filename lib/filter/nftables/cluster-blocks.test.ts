import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareAddresses, family, nextAddress, previousAddress } from "../../ip/address.ts";
import { type Cidr, containsAddress, firstAddress, lastAddress } from "../../ip/cidr.ts";
import type { Block } from "../ruleset.ts";
import { intervalsOf } from "./cluster-blocks.ts";

/** Networks that meet each other often, the ends of all addresses among them. */
const byte = fc.constantFrom(0, 1, 127, 128, 254, 255);
const network = (length: 4 | 16): fc.Arbitrary<Cidr> =>
  fc.record({
    address: fc
      .array(byte, { minLength: length, maxLength: length })
      .map((bytes) => Uint8Array.from(bytes)),
    prefixLength: fc.constantFrom(0, 1, 8, 9, 8 * length - 1, 8 * length),
  });
const block: fc.Arbitrary<Block> = fc
  .constantFrom(4 as const, 16 as const)
  .chain((length) =>
    fc.record({ block: network(length), except: fc.array(network(length), { maxLength: 3 }) }),
  );

function isIn({ block: whole, except }: Block, address: Uint8Array): boolean {
  return containsAddress(whole, address) && !except.some((each) => containsAddress(each, address));
}

/** The addresses at which anything may begin or end. */
function edges(blocks: readonly Block[]): readonly Uint8Array[] {
  return blocks
    .flatMap((each) => [each.block, ...each.except])
    .flatMap((cidr) => [firstAddress(cidr), lastAddress(cidr)])
    .flatMap((edge) => [previousAddress(edge), edge, nextAddress(edge)]);
}

describe("blocks as intervals", () => {
  it("have the addresses that the blocks have, in order and apart", () => {
    const property = fc.property(fc.array(block, { maxLength: 5 }), (blocks) => {
      for (const of of [4, 6] as const) {
        const intervals = intervalsOf(blocks, of);
        for (const address of edges(blocks).filter((each) => family(each) === of)) {
          const isThere = intervals.some(({ first, end }) => {
            const isBefore = end === undefined || compareAddresses(address, end) < 0;
            return compareAddresses(first, address) <= 0 && isBefore;
          });
          expect(isThere).toBe(blocks.some((each) => isIn(each, address)));
        }
        intervals.slice(1).forEach(({ first }, i) => {
          const { end } = intervals[i] ?? {};
          expect(end && compareAddresses(end, first)).toBeLessThan(0);
        });
      }
    });
    fc.assert(property, { seed: 19, numRuns: 300 });
  });
});
