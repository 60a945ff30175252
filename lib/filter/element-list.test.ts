import fc from "fast-check";
import { expect, it } from "vitest";
import { formatAddress, parseAddress } from "../ip/address.ts";
import { type Element, ElementList } from "./element-list.ts";

const address = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);
const port = fc.integer({ min: 1, max: 65_535 });

const inWords = ({ address: bytes, port: number }: Element) => `${bytes.join(".")} ${number}`;

it("has what was added, by family and in its order", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(address, port)), fc.boolean(), (all, hasPorts) => {
      const elements = all.map(([bytes, number]) => {
        return { address: bytes, port: hasPorts ? number : undefined };
      });
      const list = ElementList.of(hasPorts, elements);
      const sorted = [...elements].sort((a, b) => a.address.length - b.address.length);
      expect([...list].map(inWords)).toEqual(sorted.map(inWords));
      expect(list.length).toBe(all.length);
    }),
  );
});

it("has keys as the kernel wants them: the address, the port, and what fills four bytes", () => {
  const list = new ElementList(true);
  const bytes = parseAddress("10.1.2.3") ?? new Uint8Array(0);
  list.add(bytes, 8080);
  list.add(bytes, 53);
  expect(formatAddress([...list][1]?.address ?? bytes)).toBe("10.1.2.3");
  expect([...list.keys(4)]).toEqual([10, 1, 2, 3, 31, 144, 0, 0, 10, 1, 2, 3, 0, 53, 0, 0]);
  expect(list.keys(6).length).toBe(0);
});
