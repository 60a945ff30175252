/** Messages to bytes and back. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CAPTURED_ACK, ip } from "../../tools/dhcp-server.ts";
import { parseMac } from "../ip/mac.ts";
import { DhcpError } from "./error.ts";
import { decodeMessage, encodeMessage, type Message } from "./packet.ts";

const captured = CAPTURED_ACK.subarray(42);

describe("a message", () => {
  it("is read from what a server sent", () => {
    const { options, ...message } = decodeMessage(captured);
    expect(message).toEqual({
      op: 2,
      xid: 0x677c729e,
      secs: 0,
      flags: 0,
      ciaddr: ip("0.0.0.0"),
      yiaddr: ip("10.9.0.27"),
      chaddr: parseMac("02:00:00:00:00:05"),
    });
    expect([...options.keys()]).toEqual([53, 54, 51, 1, 3, 6, 15, 26, 119, 121]);
    expect(options.get(26)).toEqual(Uint8Array.of(5, 120));
  });

  it("is as long as relays want it", () => {
    const message = decodeMessage(captured);
    expect(encodeMessage({ ...message, options: new Map() }).length).toBe(300);
    const long = new Map([[12, new Uint8Array(200)]]);
    expect(encodeMessage({ ...message, options: long }).length).toBe(240 + 2 + 200 + 1);
  });

  const edits: readonly (readonly [string, number, number, string])[] = [
    ["without the magic cookie", 236, 0, "it has no DHCP options (magic cookie)"],
    ["of another kind of link", 1, 6, "its hardware address is of type 6, 6 bytes"],
    ["with a longer hardware address", 2, 16, "its hardware address is of type 1, 16 bytes"],
  ];

  it.each(edits)("is refused %s", (_what, at, byte, state) => {
    const bytes = captured.slice();
    bytes[at] = byte;
    expect(() => decodeMessage(bytes)).toThrow(
      new DhcpError(`Cannot read a DHCP message: ${state}`),
    );
  });

  it("is refused where it is cut off, except after its last option", () => {
    for (let length = 0; length < captured.length - 1; length++) {
      const cut = captured.subarray(0, length);
      const isBetweenOptions = optionEnds().includes(length);
      if (isBetweenOptions) expect(decodeMessage(cut).xid).toBe(0x677c729e);
      else expect(() => decodeMessage(cut)).toThrow(DhcpError);
    }
  });
});

/** After which bytes of the captured message an option is complete. */
function optionEnds(): readonly number[] {
  const ends = [240];
  for (let at = 240; captured[at] !== 255; at += 2 + (captured[at + 1] ?? 0)) ends.push(at);
  return ends.concat(captured.length - 1);
}

const u8 = fc.integer({ min: 0, max: 255 });
const u16 = fc.integer({ min: 0, max: 0xffff });
const address = fc.uint8Array({ minLength: 4, maxLength: 4 });
const message: fc.Arbitrary<Message> = fc.record({
  op: u8,
  xid: fc.integer({ min: 0, max: 0xffffffff }),
  secs: u16,
  flags: u16,
  ciaddr: address,
  yiaddr: address,
  chaddr: fc.uint8Array({ minLength: 6, maxLength: 6 }),
  options: fc
    .array(fc.tuple(fc.integer({ min: 53, max: 254 }), fc.uint8Array({ maxLength: 300 })))
    .map((entries) => new Map(entries)),
});

describe("every message", () => {
  it("is the same after writing and reading", () => {
    fc.assert(
      fc.property(message, (given) => {
        expect(decodeMessage(encodeMessage(given))).toEqual(given);
      }),
    );
  });

  it("is read or refused, whatever is changed in it", () => {
    const seen = { read: 0, refused: 0 };
    const changes = fc.array(fc.tuple(fc.nat(captured.length - 1), u8), { maxLength: 4 });
    const length = fc.oneof(fc.constant(captured.length), fc.nat(captured.length));
    fc.assert(
      fc.property(changes, length, (all, end) => {
        const bytes = captured.slice();
        for (const [at, byte] of all) bytes[at] = byte;
        try {
          decodeMessage(bytes.subarray(0, end));
          seen.read++;
        } catch (cause) {
          expect(cause).toBeInstanceOf(DhcpError);
          seen.refused++;
        }
      }),
      { seed: 20, numRuns: 1000 },
    );
    expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(50);
  });
});
