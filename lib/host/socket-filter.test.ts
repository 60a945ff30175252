/** What the filters let through, as the kernel would run them. */
import { describe, expect, it } from "vitest";
import {
  arpFilter,
  dhcpReplyFilter,
  exceptFamilyFilter,
  exceptPortFilter,
} from "./socket-filter.ts";

/** Runs a program of classic BPF on a message: how many bytes of it are received. */
function run(program: Uint8Array, message: Uint8Array): number {
  const code = new DataView(program.buffer, program.byteOffset);
  const data = new DataView(message.buffer, message.byteOffset, message.length);
  let [a, x] = [0, 0];
  for (let at = 0; ; at++) {
    const k = code.getUint32(8 * at + 4, true);
    const jump = (holds: boolean) => code.getUint8(8 * at + (holds ? 2 : 3));
    try {
      switch (code.getUint16(8 * at, true)) {
        case 0x20:
          a = data.getUint32(k);
          break;
        case 0x28:
          a = data.getUint16(k);
          break;
        case 0x30:
          a = data.getUint8(k);
          break;
        case 0x40:
          a = data.getUint32(x + k);
          break;
        case 0x48:
          a = data.getUint16(x + k);
          break;
        case 0x50:
          a = data.getUint8(x + k);
          break;
        case 0xb1:
          x = 4 * (data.getUint8(k) & 15);
          break;
        case 0x15:
          at += jump(a === k);
          break;
        case 0x45:
          at += jump((a & k) !== 0);
          break;
        case 0x06:
          return k;
        default:
          throw new Error("no such instruction");
      }
    } catch (cause) {
      if (cause instanceof RangeError) return 0; // the kernel drops what is too short
      throw cause;
    }
  }
}

const mac = Uint8Array.of(2, 0, 0, 0, 0xab, 0xcd);

/** A reply in an Ethernet frame whose IP header has so many bytes. */
function reply(header = 20): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(14 + header + 8 + 300);
  frame.set([8, 0], 12);
  frame.set([0x40 | (header / 4)], 14);
  frame.set([17], 23);
  frame.set([0, 68], 14 + header + 2);
  frame.set([2], 14 + header + 8);
  frame.set(mac, 14 + header + 8 + 28);
  return frame;
}

function changed(frame: Uint8Array<ArrayBuffer>, at: number, ...bytes: readonly number[]) {
  const other = frame.slice();
  other.set(bytes, at);
  return other;
}

describe("the filter for replies", () => {
  const filter = dhcpReplyFilter(mac);

  it.each([20, 24, 60])("takes one whose IP header has %i bytes", (header) => {
    expect(run(filter, reply(header))).toBeGreaterThan(reply(header).length);
  });

  it("takes one that must not be fragmented", () => {
    expect(run(filter, changed(reply(), 20, 0x40))).toBeGreaterThan(0);
  });

  it.each([
    ["IPv6", 12, [0x86, 0xdd]],
    ["TCP", 23, [6]],
    ["a first fragment", 20, [0x20]],
    ["a later fragment", 21, [1]],
    ["another port", 36, [0, 67]],
    ["a request", 42, [1]],
    ["another client's", 70, [2, 0, 0, 1]],
    ["a client's with another end", 75, [0]],
  ] as const)("drops %s", (_, at, bytes) => {
    expect(run(filter, changed(reply(), at, ...bytes))).toBe(0);
  });

  it("drops all that is too short", () => {
    for (let n = 0; n < 76; n++) expect(run(filter, reply().subarray(0, n))).toBe(0);
  });
});

describe("the filter for ARP", () => {
  const filter = arpFilter(Uint8Array.of(10, 1, 2, 3));
  const arp = changed(new Uint8Array(42), 12, 8, 6);

  it("takes what names the address as the sender's or as the one looked for", () => {
    expect(run(filter, changed(arp, 28, 10, 1, 2, 3))).toBeGreaterThan(0);
    expect(run(filter, changed(arp, 38, 10, 1, 2, 3))).toBeGreaterThan(0);
  });

  it("drops all else", () => {
    expect(run(filter, changed(arp, 28, 10, 1, 2, 4))).toBe(0);
    expect(run(filter, changed(changed(arp, 28, 10, 1, 2, 3), 13, 0))).toBe(0);
    expect(run(filter, arp.subarray(0, 30))).toBe(0);
  });
});

it("the filter for links leaves out one family", () => {
  expect(run(exceptFamilyFilter(7), changed(new Uint8Array(32), 16, 7))).toBe(0);
  expect(run(exceptFamilyFilter(7), new Uint8Array(32))).toBeGreaterThan(0);
});

it("the filter for events leaves out those of one port", () => {
  const event = changed(new Uint8Array(32), 12, 0x78, 0x56, 0x34, 0x92);
  expect(run(exceptPortFilter(0x92345678), event)).toBe(0);
  expect(run(exceptPortFilter(0x92345679), event)).toBeGreaterThan(0);
  expect(run(exceptPortFilter(0x92345678), new Uint8Array(32))).toBeGreaterThan(0);
});
