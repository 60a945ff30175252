/** What is around a message: made with right checksums, and refused with wrong ones. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CAPTURED_ACK,
  CLIENT_MAC,
  describeDatagram,
  fromServer,
  hex,
  ip,
  SERVER_MAC,
} from "../../tools/dhcp-server.ts";
import { BROADCAST, BROADCAST_MAC, decodeFrame, encodeFrame, UNSPECIFIED } from "./frame.ts";

const toAll = {
  sourceMac: CLIENT_MAC,
  targetMac: BROADCAST_MAC,
  source: UNSPECIFIED,
  target: BROADCAST,
};

/** Where in a frame the headers begin. */
const IP = 14;
const UDP = 34;

describe("a frame to servers", () => {
  it("has both checksums", () => {
    // The checksums were computed by another program.
    const expected = `ffffffffffff 020000000005 0800
      4500 001f 0000 0000 4011 7acf 00000000 ffffffff
      0044 0043 000b 7b0f 414243`;
    expect(encodeFrame(hex("414243"), toAll)).toEqual(hex(expected));
  });

  it("goes to one server by its addresses", () => {
    const one = { sourceMac: CLIENT_MAC, targetMac: SERVER_MAC };
    const frame = encodeFrame(hex("00"), {
      ...one,
      source: ip("10.1.0.20"),
      target: ip("10.1.0.1"),
    });
    expect(frame.subarray(0, 12)).toEqual(hex("020000000001 020000000005"));
    expect(frame.subarray(IP + 12, UDP)).toEqual(hex("0a010014 0a010001"));
  });
});

/** The captured frame with bytes from a place on replaced, and the header's checksum made anew. */
function edited(at: number, bytes: string): Uint8Array {
  const frame = CAPTURED_ACK.slice();
  frame.set(hex(bytes), at);
  frame.set([0, 0], IP + 10);
  let sum = 0;
  for (let i = IP; i < UDP; i += 2) sum += ((frame[i] ?? 0) << 8) | (frame[i + 1] ?? 0);
  sum = 0xffff - ((sum & 0xffff) + (sum >>> 16));
  frame.set([sum >> 8, sum & 255], IP + 10);
  return frame;
}

describe("a frame to a client", () => {
  const whole = "340 bytes from 10.9.0.1 52:eb:17:0b:a1:98";

  it("brings a message, also before what an Ethernet frame was filled up with", () => {
    expect(describeDatagram(decodeFrame(CAPTURED_ACK))).toBe(whole);
    const padded = Uint8Array.from([...CAPTURED_ACK, 1, 2, 3]);
    expect(describeDatagram(decodeFrame(padded))).toBe(whole);
  });

  it.each([
    ["of IPv6", 12, "86dd"],
    ["of another version", IP, "65"],
    ["with a header shorter than any", IP, "44"],
    ["with a header longer than all", IP, "4f"],
    ["longer than it is", IP + 2, "0171"],
    ["shorter than its headers", IP + 2, "001b"],
    ["that is the first of several", IP + 6, "2000"],
    ["that is the second of several", IP + 6, "0001"],
    ["of another protocol", IP + 9, "06"],
    ["to another port", UDP + 2, "0043"],
    ["whose datagram is longer than it is", UDP + 4, "015d"],
    ["whose datagram is shorter than its header", UDP + 4, "0007"],
    ["whose datagram has another sum", UDP + 6, "bef1"],
  ])("%s is refused", (_what, at, bytes) => {
    expect(decodeFrame(edited(at, bytes))).toBeUndefined();
  });

  it.each([
    ["that may not be divided", IP + 6, "4000"],
    ["without a sum of its datagram", UDP + 6, "0000"],
    // 0a09 + 0001 + ffff + ffff + 17 + 015c: the sum of the pseudo header.
    ["whose sum is left to the link", UDP + 6, "0b77"],
  ])("%s is taken", (_what, at, bytes) => {
    expect(describeDatagram(decodeFrame(edited(at, bytes)))).toBe(whole);
  });

  it("may bring nothing", () => {
    expect(decodeFrame(fromServer(new Uint8Array(), "10.1.0.1"))?.payload).toEqual(
      new Uint8Array(),
    );
  });

  it("may have IP options, and an odd number of bytes", () => {
    const plain = fromServer(hex("010203"), "10.1.0.1");
    expect(decodeFrame(plain)?.payload).toEqual(hex("010203"));
    const longer = Uint8Array.from([...plain.subarray(0, UDP), 1, 1, 1, 1, ...plain.subarray(UDP)]);
    longer.set([0x46, 0, 0, 35, 0, 0, 0, 0, 64, 17], IP);
    // 46 for 45, 35 bytes for 31, and twice 0101: so much less is the complement of the sum.
    const before = ((plain[IP + 10] ?? 0) << 8) | (plain[IP + 11] ?? 0);
    const after = before - 0x0100 - 4 - 0x0202;
    longer.set([after >> 8, after & 255], IP + 10);
    expect(decodeFrame(longer)?.payload).toEqual(hex("010203"));
  });

  it("is refused where it is cut off, and with any one bit changed", () => {
    for (let length = 0; length < CAPTURED_ACK.length; length++) {
      expect(decodeFrame(CAPTURED_ACK.subarray(0, length))).toBeUndefined();
    }
    for (let bit = 8 * 12; bit < 8 * CAPTURED_ACK.length; bit++) {
      const frame = CAPTURED_ACK.slice();
      frame[bit >> 3] = (frame[bit >> 3] ?? 0) ^ (128 >> (bit & 7));
      expect(decodeFrame(frame), `bit ${bit}`).toBeUndefined();
    }
  });

  it("never does anything else, whatever it is", () => {
    const byte = fc.integer({ min: 0, max: 255 });
    const changes = fc.array(fc.tuple(fc.nat(CAPTURED_ACK.length - 1), byte));
    const noise = fc.uint8Array({ maxLength: 100 });
    fc.assert(
      fc.property(changes, noise, (all, other) => {
        const frame = CAPTURED_ACK.slice();
        for (const [at, value] of all) frame[at] = value;
        expect(() => [decodeFrame(frame), decodeFrame(other)]).not.toThrow();
      }),
    );
  });
});
