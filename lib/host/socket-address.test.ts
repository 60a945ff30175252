/** Endpoints as the kernel takes them, and as people write them; answers of the resolver. */
import { expect, it, vi } from "vitest";
import { parseAddress } from "../ip/address.ts";
import { readAnswer } from "./resolver.ts";
import { formatEndpoint, socketAddress } from "./socket-address.ts";

vi.mock("host", () => ({}));

const endpoint = (address: string, port: number) => ({
  address: parseAddress(address) ?? new Uint8Array(0),
  port,
});

it("an endpoint is a struct sockaddr_in or sockaddr_in6", () => {
  const v4 = [2, 0, 0x09, 0x4b, 192, 0, 2, 1, ...new Array<number>(8).fill(0)];
  expect([...socketAddress(endpoint("192.0.2.1", 2379))]).toEqual(v4);
  const v6 = [
    10,
    0,
    0x01,
    0xbb,
    0,
    0,
    0,
    0,
    0x20,
    0x01,
    0x0d,
    0xb8,
    ...new Array<number>(11).fill(0),
    1,
  ];
  expect([...socketAddress(endpoint("2001:db8::1", 443))]).toEqual([...v6, 0, 0, 0, 0]);
});

it("an endpoint is written with brackets where it has colons", () => {
  expect(formatEndpoint(endpoint("192.0.2.1", 2379))).toBe("192.0.2.1:2379");
  expect(formatEndpoint(endpoint("::1", 80))).toBe("[::1]:80");
});

it.each([
  [[], [], 0],
  [[0, 2], [], 2],
  [[4, 192, 0, 2, 1, 16, ...new Array<number>(15).fill(0), 1, 0, 0], [4, 16], 0],
  [[4, 192, 0], [], 192],
])("the resolver's answer %j has addresses of these lengths: %j", (bytes, lengths, fault) => {
  const answer = readAnswer(Uint8Array.from(bytes));
  expect(answer.addresses.map(({ length }) => length)).toEqual(lengths);
  if (lengths.length > 0 || bytes.length === 2) expect(answer.fault).toBe(fault);
});
