import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAddress } from "../../ip/address.ts";
import { parseCidr } from "../../ip/cidr.ts";
import { isThisHost, type Joined, type OwnEnd, parsePeer } from "./peers.ts";
import { packEnd, UsualPeers } from "./usual-peer.ts";

function endOf(subnets: string, publicIP: string, networks: string): OwnEnd {
  const cidrs = (text: string) => text.split(",").flatMap((each) => parseCidr(each) ?? []);
  return {
    subnets: cidrs(subnets),
    publicIP: parseAddress(publicIP) ?? new Uint8Array(),
    mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
    networks: cidrs(networks),
  };
}

function joinedBy(...ends: readonly OwnEnd[]): Joined {
  return { vni: 1, networks: ends.flatMap((end) => end.networks), ends };
}

const both = "10.244.0.0/16,fd10::/48";
const joined = joinedBy(endOf("10.244.1.0/24,fd10:0:0:1::/64", "192.0.2.1", both));
const overIpv6 = joinedBy(endOf("10.244.1.0/24,fd10:0:0:1::/64", "2001:db8::1", both));
const twoEnds = joinedBy(
  endOf("10.244.1.0/24", "192.0.2.1", "10.244.0.0/16"),
  endOf("fd10:0:0:1::/64", "2001:db8::1", "fd10::/48"),
);

const usual = {
  subnet: ["10.244.2.0/24", "fd10:0:0:2::/64"],
  publicIP: "192.0.2.2",
  publicIPv6: "2001:db8::2",
};

const texts = (...all: readonly unknown[]) => fc.constantFrom(...all);
const subnets = texts(
  ...["10.244.2.0/24", "10.244.0.0/16", "10.244.2.1/24", "10.9.2.0/24", "10.0.0.0/8", "10.244.2.0"],
  ...["10.244.2.0/024", "10.244.2.0/", "10.244.2.0/33", "10.244.02.0/24", "10.244.2.0/24 ", "é", 7],
  ...[
    "fd10:0:0:2::/64",
    "FD10:0:0:2:0::/64",
    "fd10::/32",
    "fd10:0:0:2::1/64",
    "::ffff:10.244.2.0/120",
  ],
  ...["fd10:0:0:2::/0064", "10.244.2.0/24\0", "10.244.2.0/24/9", "", "/24", "10.244.2.9/32"],
);
const addresses = texts(
  ...["192.0.2.2", "192.0.2.1", "10.244.2.9", "127.0.0.1", "0.0.0.0", "224.0.0.1", "169.254.0.1"],
  ...["169.1.2.3", "255.255.255.255", "192.0.2", "192.0.2.02", "2001:db8::2", "2001:DB8:0::2"],
  ...["2001:db8::1", "fe80::1", "::1", "::", "ff02::1", "64:ff9b::1", "::ffff:192.0.2.2", 7, null],
  ...["fd10:0:0:2::9", "2001:db8::2%eth0", undefined],
);
const hosts = fc.record(
  {
    subnet: fc.oneof(fc.constant(usual.subnet), fc.array(subnets, { maxLength: 3 }), subnets),
    publicIP: fc.oneof(fc.constant(usual.publicIP), addresses),
    publicIPv6: fc.oneof(fc.constant(usual.publicIPv6), addresses),
    vtepMAC: texts("02:00:00:00:00:02", "x"),
  },
  { requiredKeys: ["subnet", "publicIP"] },
);

describe.each([
  ["of both families", joined, usual],
  ["over IPv6", overIpv6, { ...usual, publicIP: "2001:db8::2" }],
  ["with two devices", twoEnds, usual],
])("a host of a network %s", (_, network, plain) => {
  const reader = new UsualPeers(network);

  it("is read at once if it is written as usual", () => {
    expect(reader.endsOf(plain)).toEqual(parsePeer(plain, "", network).map(packEnd));
  });

  it("is what it is when it is looked at closely, or is left to that", () => {
    fc.assert(
      fc.property(fc.oneof(hosts, fc.anything()), (json) => {
        const ends = reader.endsOf(json);
        if (!ends) return;
        const closely = parsePeer(json, "", network);
        expect(ends).toEqual(closely.map(packEnd));
        expect(isThisHost(closely, network)).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});
