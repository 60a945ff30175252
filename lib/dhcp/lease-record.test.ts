/** A lease that was written down is the same when it is read, or is none. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ip, ips, SERVER_MAC } from "../../tools/dhcp-server.ts";
import type { Lease } from "./lease.ts";
import { leaseRecord, readLeaseRecord } from "./lease-record.ts";

const lease: Lease = {
  address: ip("10.1.0.20"),
  server: ip("10.1.0.1"),
  serverMac: SERVER_MAC,
  acquiredAt: 1_000,
  renewAt: 1_801_000,
  rebindAt: 3_151_000,
  expiresAt: 3_601_000,
  options: new Map([
    [1, ips("255.255.255.0")],
    [15, new Uint8Array()],
  ]),
};

/** Through a file and back. */
function kept(given: Lease): unknown {
  return JSON.parse(JSON.stringify(leaseRecord(given, "boot-1")));
}

describe("the record of a lease", () => {
  it("is JSON that people can read", () => {
    expect(kept(lease)).toEqual({
      version: 1,
      boot: "boot-1",
      address: "10.1.0.20",
      server: "10.1.0.1",
      serverMac: "02:00:00:00:00:01",
      acquiredAt: 1_000,
      renewAt: 1_801_000,
      rebindAt: 3_151_000,
      expiresAt: 3_601_000,
      options: { 1: "ffffff00", 15: "" },
    });
  });

  it("is the lease again, in the same boot only", () => {
    expect(readLeaseRecord(kept(lease), "boot-1")).toEqual(lease);
    expect(readLeaseRecord(kept(lease), "boot-2")).toBeUndefined();
  });

  it("keeps what never ends", () => {
    const endless = { ...lease, renewAt: Infinity, rebindAt: Infinity, expiresAt: Infinity };
    expect(readLeaseRecord(kept(endless), "boot-1")).toEqual(endless);
  });

  it.each([
    ["another layout", { version: 2 }],
    ["no address", { address: undefined }],
    ["an address of IPv6", { address: "fd00::1" }],
    ["a group's address", { address: "224.0.0.1" }],
    ["an address that is none", { address: "10.1.0.20/24" }],
    ["no server", { server: null }],
    ["a server that is none", { server: "0.0.0.0" }],
    ["a hardware address that is none", { serverMac: "02:00" }],
    ["no beginning", { acquiredAt: null }],
    ["a time that is none", { renewAt: "soon" }],
    ["no time", { expiresAt: undefined }],
    ["T1 after T2", { renewAt: 3_151_001 }],
    ["T2 after the end", { rebindAt: 3_601_001 }],
    ["an end before the beginning", { expiresAt: 999 }],
    ["no options", { options: undefined }],
    ["an option that is none of a result", { options: { 53: "05" } }],
    ["an option without a number", { options: { mask: "05" } }],
    ["an option that is no bytes", { options: { 1: "fffff" } }],
    ["an option that is no text", { options: { 1: [255] } }],
  ])("with %s is none", (_what, change) => {
    const record = { ...(kept(lease) as object), ...change };
    expect(readLeaseRecord(record, "boot-1")).toBeUndefined();
  });

  it("is none, whatever else it is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(readLeaseRecord(value, "boot-1")).toBeUndefined();
      }),
    );
  });
});
