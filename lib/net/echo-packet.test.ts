import { describe, expect, it } from "vitest";
import { echoReply, echoRequest, smallestEcho } from "./echo-packet.ts";

const name = { id: 0x1234, sequence: 7 };

function sumOf(packet: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < packet.length; i += 2) {
    sum += ((packet[i] ?? 0) << 8) | (packet[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

describe("an echo request", () => {
  it.each([
    [4, 20],
    [6, 40],
  ] as const)("of IPv%i is as long as asked for with its IP header of %i bytes", (of, header) => {
    expect(echoRequest(of, name, 1500)).toHaveLength(1500 - header);
    expect(echoRequest(of, name, 0)).toHaveLength(smallestEcho(of) - header);
  });

  it("is ICMP as RFC 792 has it", () => {
    const packet = echoRequest(4, name, 30);
    expect([...packet.subarray(0, 2), ...packet.subarray(4)]).toEqual([
      8, 0, 0x12, 0x34, 0, 7, 8, 9,
    ]);
  });

  it.each([84, 85, 1499, 1500, 9000])("of %i bytes has a checksum that holds", (size) => {
    expect(sumOf(echoRequest(4, name, size))).toBe(0xffff);
  });

  it("leaves the checksum of ICMPv6 to the kernel", () => {
    expect([...echoRequest(6, name, 48).subarray(0, 4)]).toEqual([128, 0, 0, 0]);
  });
});

describe("an answer", () => {
  const answer = (type: number) => Uint8Array.of(type, 0, 0, 0, 0x12, 0x34, 0, 7);

  it("of IPv4 is read behind its IP header, whatever that one's length", () => {
    for (const words of [5, 6, 15]) {
      const packet = Uint8Array.of(0x40 | words, ...new Uint8Array(words * 4 - 1), ...answer(0));
      expect(echoReply(4, packet)).toEqual(name);
    }
  });

  it("of IPv6 comes without a header", () => {
    expect(echoReply(6, answer(129))).toEqual(name);
  });

  it.each([
    [4, Uint8Array.of(0x45, ...new Uint8Array(19), ...answer(8))],
    [4, Uint8Array.of(0x45, ...new Uint8Array(19), ...answer(0).subarray(0, 7))],
    [4, Uint8Array.of(0x4f)],
    [4, new Uint8Array(0)],
    [6, answer(128)],
    [6, answer(129).subarray(0, 7)],
  ] as const)("is none: %#", (of, packet) => {
    expect(echoReply(of, packet)).toBeUndefined();
  });
});
