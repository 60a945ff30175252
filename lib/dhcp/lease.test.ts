/** What a server's options become in a CNI result, and what of them does not. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CAPTURED_ACK, hex, ip, ips, SERVER_MAC, u32 } from "../../tools/dhcp-server.ts";
import { DhcpError } from "./error.ts";
import { differ, type Lease, type LeaseResult, leaseFrom, leaseResult } from "./lease.ts";
import { decodeMessage } from "./packet.ts";

type Entries = readonly (readonly [number, Uint8Array])[];

const mask: Entries = [[1, ips("255.255.255.0")]];

function lease(entries: Entries, address = "10.1.0.20"): Lease {
  const ack = { address: ip(address), server: ip("10.1.0.1"), serverMac: SERVER_MAC };
  const found = leaseFrom({ ...ack, options: new Map(entries) }, 1_000, () => 0);
  if (!found) throw new Error("no lease");
  return found;
}

/** The result of a lease of 10.1.0.20/24 with further options. */
function result(entries: Entries): LeaseResult {
  return leaseResult(lease([...mask, ...entries]), { priority: 0 }).result;
}

/** The routes of one, as `destination gateway`. */
function routes(entries: Entries): readonly string[] {
  return result(entries).routes.map(({ dst, gw, scope }) => `${dst} ${gw ?? `scope ${scope}`}`);
}

function dropped(entries: Entries): readonly string[] {
  return leaseResult(lease([...mask, ...entries]), { priority: 0 }).dropped;
}

function text(value: string): Uint8Array {
  return Uint8Array.from(Buffer.from(value, "latin1"));
}

describe("a lease", () => {
  it("is all that a result can hold", () => {
    const { options } = decodeMessage(CAPTURED_ACK.subarray(42));
    const reading = leaseResult(lease([...options], "10.9.0.27"), { priority: 7 });
    expect(reading).toEqual({
      result: {
        ips: [{ address: "10.9.0.27/24", gateway: "10.9.0.1" }],
        routes: [
          { dst: "10.0.0.0/8", gw: "10.9.0.2", mtu: 1400, priority: 7 },
          { dst: "0.0.0.0/0", gw: "10.9.0.1", mtu: 1400, priority: 7 },
        ],
        dns: {
          nameservers: ["10.9.0.1", "8.8.8.8"],
          domain: "example.org",
          search: ["a.example.org", "b.example.org"],
        },
      },
      dropped: [],
    });
  });

  it("may be an address with its mask, and nothing else", () => {
    expect(result([])).toEqual({ ips: [{ address: "10.1.0.20/24" }], routes: [], dns: {} });
  });

  it.each([
    ["255.255.255.255", 32],
    ["255.255.255.254", 31],
    ["255.255.240.0", 20],
    ["128.0.0.0", 1],
  ])("with mask %s has a prefix of %d", (bits, length) => {
    const { ips: found } = leaseResult(lease([[1, ips(bits)]]), { priority: 0 }).result;
    expect(found).toEqual([{ address: `10.1.0.20/${length}` }]);
  });

  const refused = "Cannot use the lease of 10.1.0.20: ";

  it("without a mask is refused, in the reference's words", () => {
    const state = "DHCP option Subnet Mask not found in DHCPACK";
    const read = () => leaseResult(lease([[3, ips("10.1.0.1")]]), { priority: 0 });
    expect(read).toThrow(new DhcpError(refused + state));
  });

  it.each([
    ["0.0.0.0", "00000000"],
    ["255.0.255.0", "ff00ff00"],
    ["0.255.255.255", "00ffffff"],
    ["255.255.255.253", "fffffffd"],
    ["127.255.255.255", "7fffffff"],
    ["0.0.0.1", "00000001"],
    ["255.255.255", "ffffff"],
    ["", ""],
  ])("with mask %s is refused", (bits, digits) => {
    const read = () => leaseResult(lease([[1, hex(digits)]]), { priority: 0 });
    expect(read).toThrow(
      new DhcpError(`${refused}the subnet mask in the DHCPACK is none: ${bits}`),
    );
  });

  it("may have one name server", () => {
    expect(result([[6, ips("10.1.0.1")]]).dns).toEqual({ nameservers: ["10.1.0.1"] });
  });

  it("keeps no options but those of a result", () => {
    const found = lease([...mask, [12, text("x")], [51, u32(60)], [54, ips("10.1.0.1")]]);
    expect([...found.options.keys()]).toEqual([1]);
  });

  it("differs from another in what a result is made of, not in its times", () => {
    const one = lease([...mask, [51, u32(60)]]);
    expect(differ(one, lease([...mask, [51, u32(90)]]))).toBe(false);
    expect(differ(one, lease([...mask, [51, u32(60)]], "10.1.0.21"))).toBe(true);
    for (const code of [3, 6, 15, 26, 33, 119, 121]) {
      expect(differ(one, lease([...mask, [code, hex("00")]]))).toBe(true);
      expect(differ(lease([...mask, [code, hex("00")]]), one)).toBe(true);
    }
  });
});

describe("the gateway", () => {
  it("is the first router that is one", () => {
    const routers = ips("0.0.0.0", "255.255.255.255", "224.0.0.1", "127.0.0.1", "10.1.0.2");
    expect(result([[3, routers]]).ips).toEqual([{ address: "10.1.0.20/24", gateway: "10.1.0.2" }]);
    expect(routes([[3, routers]])).toEqual(["0.0.0.0/0 10.1.0.2"]);
    expect(dropped([[3, routers]])).toEqual([
      "option 3: 0.0.0.0 is no host's address",
      "option 3: 255.255.255.255 is no host's address",
      "option 3: 224.0.0.1 is no host's address",
      "option 3: 127.0.0.1 is no host's address",
    ]);
  });

  it("may be cut off", () => {
    expect(routes([[3, hex("0a0100010a01")]])).toEqual(["0.0.0.0/0 10.1.0.1"]);
    expect(dropped([[3, hex("0a0100010a01")]])).toEqual(["option 3: its end is no address"]);
    expect(routes([[3, hex("0a01")]])).toEqual([]);
  });

  it("that no route leads to is led to by the link", () => {
    expect(routes([[3, ips("10.2.0.1")]])).toEqual(["10.2.0.1/32 scope 253", "0.0.0.0/0 10.2.0.1"]);
    const other = hex("18 0a0500 0a020001  18 0a0600 0a020001");
    expect(routes([[121, other]])).toEqual([
      "10.2.0.1/32 scope 253",
      "10.5.0.0/24 10.2.0.1",
      "10.6.0.0/24 10.2.0.1",
    ]);
  });
});

describe("classless routes", () => {
  it.each([
    ["00 0a010001", ["0.0.0.0/0 10.1.0.1"]],
    ["08 0a 0a010001", ["10.0.0.0/8 10.1.0.1"]],
    ["09 0aff 0a010001", ["10.128.0.0/9 10.1.0.1"]],
    ["14 0a14ff 0a010001", ["10.20.240.0/20 10.1.0.1"]],
    ["18 0a0203 0a010001", ["10.2.3.0/24 10.1.0.1"]],
    ["20 0a020304 0a010001", ["10.2.3.4/32 10.1.0.1"]],
    ["18 0a0200 00000000", ["10.2.0.0/24 scope 253"]],
  ])("%s: %s", (bytes, expected) => {
    expect(routes([[121, hex(bytes)]])).toEqual(expected);
    expect(dropped([[121, hex(bytes)]])).toEqual([]);
  });

  it("take the place of all others, which does not change the gateway", () => {
    const entries: Entries = [
      [121, hex("08 0a 0a010002")],
      [33, ips("10.9.0.0", "10.1.0.3")],
      [3, ips("10.1.0.1")],
    ];
    expect(routes(entries)).toEqual(["10.0.0.0/8 10.1.0.2"]);
    expect(result(entries).ips).toEqual([{ address: "10.1.0.20/24", gateway: "10.1.0.1" }]);
  });

  it("come after those by the link, which may lead to their gateways", () => {
    expect(routes([[121, hex("00 0a020001  20 0a020001 00000000")]])).toEqual([
      "10.2.0.1/32 scope 253",
      "0.0.0.0/0 10.2.0.1",
    ]);
  });

  it.each([
    ["21 0a010203 04 0a010001", "option 121: no routes from byte 0 on"],
    ["08 0a 0a0100", "option 121: no routes from byte 0 on"],
    ["ff", "option 121: no routes from byte 0 on"],
    ["08 0a e0000001", "option 121: route to 10.0.0.0/8: 224.0.0.1 is no host's address"],
    ["08 7f 0a010001", "option 121: route to 127.0.0.0/8: it would be the loopback's"],
  ])("%s: none, and others instead", (bytes, why) => {
    expect(
      routes([
        [121, hex(bytes)],
        [3, ips("10.1.0.1")],
      ]),
    ).toEqual(["0.0.0.0/0 10.1.0.1"]);
    expect(dropped([[121, hex(bytes)]])).toEqual([why]);
  });

  it("are kept as far as they can be read", () => {
    expect(routes([[121, hex("08 0a 0a010001 40 00")]])).toEqual(["10.0.0.0/8 10.1.0.1"]);
    const many = hex("08 0a 0a010001".repeat(1000));
    expect(routes([[121, many]]).length).toBe(128);
    expect(dropped([[121, many]])).toEqual(["option 121: no routes from byte 768 on"]);
  });
});

describe("classful routes", () => {
  it("have the prefixes of their classes, and come before the default route", () => {
    const list = ips(
      ...["10.5.0.0", "10.1.0.2", "172.20.5.0", "10.1.0.3", "192.168.7.9", "0.0.0.0"],
    );
    expect(
      routes([
        [33, list],
        [3, ips("10.1.0.1")],
      ]),
    ).toEqual([
      "192.168.7.0/24 scope 253",
      "10.0.0.0/8 10.1.0.2",
      "172.20.0.0/16 10.1.0.3",
      "0.0.0.0/0 10.1.0.1",
    ]);
  });

  it("leave out what has no class, or leads to no host", () => {
    const list = ips("0.0.0.0", "10.1.0.2", "224.0.0.1", "10.1.0.2", "10.5.0.0", "127.0.0.1");
    expect(routes([[33, list]])).toEqual([]);
    expect(dropped([[33, list]])).toEqual([
      "option 33: 0.0.0.0/32 has no class",
      "option 33: 224.0.0.1/32 has no class",
      "option 33: route to 10.0.0.0/8: 127.0.0.1 is no host's address",
    ]);
    expect(dropped([[33, hex("0a050000 0a0100")]])).toEqual(["option 33: its end is no route"]);
  });
});

describe("the MTU", () => {
  function mtuOf(entries: Entries, linkMtu?: number): number | undefined {
    const settings = { priority: 0, ...(linkMtu !== undefined && { linkMtu }) };
    const whole = lease([...mask, [3, ips("10.1.0.1")], ...entries]);
    return leaseResult(whole, settings).result.routes[0]?.mtu;
  }

  it("is that of the routes, unless the link's is less", () => {
    const entries: Entries = [[26, hex("0578")]];
    expect(mtuOf(entries)).toBe(1400);
    expect(mtuOf(entries, 1500)).toBe(1400);
    expect(mtuOf(entries, 1400)).toBeUndefined();
    expect(mtuOf(entries, 1300)).toBeUndefined();
    expect(mtuOf([])).toBeUndefined();
  });

  it.each([
    ["023f", "option 26: 575, an MTU is 576 at least"],
    ["0000", "option 26: 0, an MTU is 576 at least"],
    ["05", "option 26: no number, an MTU is 576 at least"],
    ["000578", "option 26: no number, an MTU is 576 at least"],
  ])("%s is none", (digits, why) => {
    expect(mtuOf([[26, hex(digits)]])).toBeUndefined();
    expect(dropped([[26, hex(digits)]])).toEqual([why]);
  });
});

describe("domain names", () => {
  it.each(["example.org", "a", "a.b-c.d_e", "Example.ORG.", `${"a".repeat(63)}.b`])(
    "%s is one",
    (name) => {
      expect(result([[15, text(name)]]).dns).toEqual({ domain: name });
      expect(result([[15, text(`${name}\0`)]]).dns).toEqual({ domain: name });
    },
  );

  it.each([
    ..."|.|a..b|-a|a-|a b|a\nnameserver 6.6.6.6|a;b|a/b|ä.org|a\0b".split("|"),
    `${"a".repeat(64)}.b`,
    "a.".repeat(127),
    "a".repeat(100_000),
  ])("%j is none", (name) => {
    expect(result([[15, text(name)]]).dns).toEqual({});
    expect(dropped([[15, text(name)]])).toEqual(["option 15: no domain name"]);
  });

  it.each([
    ["0161 00", ["a"]],
    ["0161 0162 00 0163 00", ["a.b", "c"]],
    ["0161 0162 00 0163 c002", ["a.b", "c.b"]],
    ["0161 0162 00 0163 c002 c005", ["a.b", "c.b", "c.b"]],
    [`3f${"61".repeat(63)} 00`, ["a".repeat(63)]],
    ["0161 0162 00 c000 c005", ["a.b", "a.b", "a.b"]],
  ])("to be searched, %s: %s", (bytes, search) => {
    expect(result([[119, hex(bytes)]]).dns).toEqual({ search });
    expect(dropped([[119, hex(bytes)]])).toEqual([]);
  });

  it.each([
    ["that point at themselves", "c000", 0],
    ["that point ahead", "c002 0161 00", 0],
    ["that point at each other", "0161 c004 0162 c000", 0],
    ["that point into themselves", "0161 c000", 0],
    ["that point beyond the end", "c0ff", 0],
    ["whose pointer is cut off", "0161 00 c0", 3],
    ["without an end", "0161", 0],
    ["whose label is cut off", "0361 62", 0],
    ["with a label of another kind", `40 ${"61".repeat(64)} 00`, 0],
  ])("%s are left out", (_what, bytes, at) => {
    expect(dropped([[119, hex(bytes)]])).toEqual([
      `option 119: no domain names from byte ${at} on`,
    ]);
  });

  it("to be searched are left out one by one if they are none", () => {
    const names = hex("0161 00  00  010a 00  0162 00");
    expect(result([[119, names]]).dns).toEqual({ search: ["a", "b"] });
    expect(dropped([[119, names]])).toEqual([
      "option 119: no domain name before byte 4",
      "option 119: no domain name before byte 7",
    ]);
  });

  it("to be searched are heeded up to a number, whatever they are", () => {
    expect(dropped([[119, new Uint8Array(60_000)]]).length).toBe(129);
    const names = hex("0161 00".repeat(129));
    expect(result([[119, names]]).dns.search?.length).toBe(128);
    expect(dropped([[119, names]])).toEqual(["option 119: no domain names from byte 384 on"]);
  });

  it("are not looked for without end in a chain of pointers", () => {
    const chain = Array.from({ length: 8_000 }, (_, i) => [0xc0 | ((2 * i) >> 8), (2 * i) & 255]);
    const names = Uint8Array.from([1, 97, 0, 0, ...chain.flat()]);
    expect(result([[119, names]]).dns.search?.length).toBeLessThanOrEqual(128);
    expect(dropped([[119, names]]).length).toBeLessThanOrEqual(130);
  });
});

describe("every lease", () => {
  const value = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc
      .array(fc.constantFrom(0, 1, 8, 10, 24, 32, 192, 255), { maxLength: 64 })
      .map((bytes) => Uint8Array.from(bytes)),
  );
  const codes = fc.constantFrom(3, 6, 15, 26, 33, 119, 121);
  const entries = fc.array(fc.tuple(codes, value), { maxLength: 8 });

  it("has a result of which every part is one, whatever its options are", () => {
    const seen = { routes: 0, dropped: 0 };
    fc.assert(
      fc.property(entries, (all) => {
        const { result: found, dropped: left } = leaseResult(lease([...mask, ...all]), {
          priority: 0,
        });
        for (const { dst, gw, scope } of found.routes) {
          expect(dst).toMatch(/^\d+\.\d+\.\d+\.\d+\/\d+$/);
          expect(gw === undefined ? scope : gw).toBeTruthy();
          expect(gw).not.toBe("0.0.0.0");
        }
        const { domain = "a", search = [] } = found.dns;
        for (const name of [domain, ...search]) expect(name).toMatch(/^[\w.-]+$/);
        for (const why of left) expect(why).toMatch(/^option \d+: [\w\s.,:/']+$/);
        seen.routes += found.routes.length;
        seen.dropped += left.length;
      }),
      { seed: 20, numRuns: 3000 },
    );
    expect(Math.min(seen.routes, seen.dropped)).toBeGreaterThan(500);
  });
});
