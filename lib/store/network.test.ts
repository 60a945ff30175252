import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { addToAddress, compareAddresses, formatAddress } from "../ip/address.ts";
import { containsAddress, formatCidr, hasHostBits, lastAddress } from "../ip/cidr.ts";
import { type NetworkConfig, parseNetworkConfig } from "./network.ts";
import { NetworkConfigError } from "./settings.ts";

const fault = vi.hoisted(() => ({ words: "it is empty" }));
vi.mock("host", () => ({ load: () => ({ jsonFault: () => fault.words }) }));

const vxlan = { Backend: { Type: "vxlan" } };

function familiesOf({ families }: NetworkConfig): string {
  const texts = families.map(({ network, subnetLength, first, last }) => {
    const bounds = `${formatAddress(first)} to ${formatAddress(last)}`;
    return `${formatCidr(network)} /${subnetLength} ${bounds}`;
  });
  return texts.join(", ");
}

function parse(json: unknown): NetworkConfig {
  return parseNetworkConfig(JSON.stringify(json));
}

function errorOf(text: string): NetworkConfigError {
  try {
    parseNetworkConfig(text);
  } catch (cause) {
    if (cause instanceof NetworkConfigError) return cause;
    throw cause;
  }
  throw new Error("nothing is thrown");
}

describe("the families of a network", () => {
  it.each<readonly [json: object, families: string]>([
    [{ Network: "10.3.0.0/16" }, "10.3.0.0/16 /24 10.3.1.0 to 10.3.255.0"],
    [{ network: "10.3.0.0/16", SUBNETLEN: 25 }, "10.3.0.0/16 /25 10.3.0.128 to 10.3.255.128"],
    [{ Network: "10.3.4.5/16", SubnetLen: 0 }, "10.3.0.0/16 /24 10.3.1.0 to 10.3.255.0"],
    [{ Network: "10.3.0.0/22" }, "10.3.0.0/22 /24 10.3.1.0 to 10.3.3.0"],
    [{ Network: "10.3.0.0/23" }, "10.3.0.0/23 /25 10.3.0.128 to 10.3.1.128"],
    [{ Network: "10.3.0.16/28" }, "10.3.0.16/28 /30 10.3.0.20 to 10.3.0.28"],
    [{ Network: "10.0.0.0/8", SubnetLen: 16 }, "10.0.0.0/8 /16 10.1.0.0 to 10.255.0.0"],
    [{ Network: "0.0.0.0/0" }, "0.0.0.0/0 /24 0.0.1.0 to 255.255.255.0"],
    [
      { Network: "10.3.0.0/16", SubnetMin: "10.3.10.0", SubnetMax: "10.3.20.0" },
      "10.3.0.0/16 /24 10.3.10.0 to 10.3.20.0",
    ],
    [
      { EnableIPv4: false, EnableIPv6: true, IPv6Network: "fc00::/48" },
      "fc00::/48 /64 fc00:0:0:1:: to fc00:0:0:ffff::",
    ],
    [
      { EnableIPv4: false, EnableIPv6: true, IPv6Network: "fc00::/63" },
      "fc00::/63 /65 fc00::8000:0:0:0 to fc00:0:0:1:8000::",
    ],
    [
      {
        Network: "10.3.0.0/16",
        enableipv6: true,
        IPv6Network: "fd00::/56",
        IPv6SubnetLen: 72,
        IPv6SubnetMin: "fd00:0:0:10::",
        IPv6SubnetMax: "fd00:0:0:20::",
      },
      "10.3.0.0/16 /24 10.3.1.0 to 10.3.255.0, fd00::/56 /72 fd00:0:0:10:: to fd00:0:0:20::",
    ],
    [
      { Network: "10.42.0.0/16", EnableIPv4: true, EnableIPv6: false, IPv6Network: "::/0" },
      "10.42.0.0/16 /24 10.42.1.0 to 10.42.255.0",
    ],
  ])("of %j", (json, families) => {
    expect(familiesOf(parse({ ...json, ...vxlan }))).toEqual(families);
  });
});

describe("the backend of a network", () => {
  const usual = { type: "vxlan", vni: 1, port: 8472, mtu: undefined, directRouting: false };
  it.each<readonly [json: object, backend: object]>([
    [{ Type: "vxlan" }, usual],
    [
      { type: "VXLAN", vni: 7, port: 0, Mtu: 0 },
      { ...usual, vni: 7 },
    ],
    [
      { Type: "vxlan", Port: 4789, MTU: 9000 },
      { ...usual, port: 4789, mtu: 9000 },
    ],
    [
      { Type: "vxlan", DirectRouting: true },
      { ...usual, directRouting: true },
    ],
    [{ Type: "host-gw", VNI: "not read" }, { type: "host-gw" }],
  ])("is read from %j", (Backend, backend) => {
    expect(parse({ Network: "10.3.0.0/16", Backend }).backend).toEqual(backend);
  });

  it("says what of it has no effect", () => {
    const Backend = { Type: "vxlan", GBP: true, Learning: true };
    expect(parse({ Network: "10.3.0.0/16", Backend }).notes).toEqual([
      "Backend.GBP has no effect here: packets bear no group policy",
      "Backend.Learning has no effect here: every host's address is known by the store",
    ]);
    expect(parse({ Network: "10.3.0.0/16", ...vxlan }).notes).toEqual([]);
  });

  it("leaves the packet filter to the network", () => {
    expect(parse({ Network: "10.3.0.0/16", ...vxlan }).usesNftables).toBe(false);
    expect(parse({ Network: "10.3.0.0/16", enableNFTables: true, ...vxlan }).usesNftables).toBe(
      true,
    );
  });
});

describe("a configuration is refused", () => {
  const words = "Cannot use the network's configuration: ";
  const network = { Network: "10.3.0.0/16" };
  it.each<readonly [json: unknown, path: string, message: string]>([
    [[], "", "it must be a JSON object, not []"],
    [vxlan, "Network", "Network must be an IPv4 network such as 10.244.0.0/16, and is missing"],
    [
      { Network: "fd00::/48" },
      "Network",
      'Network must be an IPv4 network such as 10.244.0.0/16, not "fd00::/48"',
    ],
    [{ Network: 7 }, "Network", "Network must be a text, not 7"],
    [
      { Network: "10.3.0.0/29" },
      "Network",
      'Network must be /28 or larger: four subnets are the least, not "10.3.0.0/29"',
    ],
    [
      { ...network, SubnetLen: 17 },
      "SubnetLen",
      "SubnetLen must be a whole number from 18 to 30, not 17",
    ],
    [
      { ...network, SubnetLen: "24" },
      "SubnetLen",
      'SubnetLen must be a whole number from 18 to 30, not "24"',
    ],
    [
      { ...network, SubnetMin: "10.4.0.0" },
      "SubnetMin",
      'SubnetMin must be the first address of a /24 within 10.3.0.0/16, not "10.4.0.0"',
    ],
    [
      { ...network, SubnetMin: "10.3.0.1" },
      "SubnetMin",
      'SubnetMin must be the first address of a /24 within 10.3.0.0/16, not "10.3.0.1"',
    ],
    [
      { ...network, SubnetMax: "x" },
      "SubnetMax",
      'SubnetMax must be the first address of a /24 within 10.3.0.0/16, not "x"',
    ],
    [
      { ...network, SubnetMin: "10.3.9.0", SubnetMax: "10.3.8.0" },
      "SubnetMax",
      'SubnetMax must be at or after SubnetMin, 10.3.9.0, not "10.3.8.0"',
    ],
    [
      { ...network, EnableIPv6: true },
      "IPv6Network",
      "IPv6Network must be an IPv6 network such as fd10::/48, and is missing",
    ],
    [
      { ...network, EnableIPv6: "yes" },
      "EnableIPv6",
      'EnableIPv6 must be true or false, not "yes"',
    ],
    [{ EnableIPv4: false }, "EnableIPv4", "EnableIPv4 must be true, or else EnableIPv6, not false"],
    [
      network,
      "Backend",
      'Backend must be given: write "Backend": { "Type": "vxlan" } (without it flannel takes udp), and is missing',
    ],
    [
      { ...network, Backend: {} },
      "Backend.Type",
      'Backend.Type must be "vxlan" or "host-gw", and is missing',
    ],
    [
      { ...network, Backend: { Type: "wireguard" } },
      "Backend.Type",
      'Backend.Type must be "vxlan" or "host-gw", not "wireguard"',
    ],
    [{ ...network, Backend: "vxlan" }, "Backend", 'Backend must be a JSON object, not "vxlan"'],
    [
      { ...network, Backend: { Type: "vxlan", VNI: 0 } },
      "Backend.VNI",
      "Backend.VNI must be a whole number from 1 to 16777215, not 0",
    ],
    [
      { ...network, Backend: { Type: "vxlan", Port: 70000 } },
      "Backend.Port",
      "Backend.Port must be a whole number from 1 to 65535, not 70000",
    ],
    [
      { ...network, Backend: { Type: "vxlan", MTU: 60 } },
      "Backend.MTU",
      "Backend.MTU must be a whole number from 118 to 65535, not 60",
    ],
  ])("%j", (json, path, message) => {
    const error = errorOf(JSON.stringify(json));
    expect(error.message).toBe(words + message);
    expect(error.path).toBe(path);
  });

  it("if it is no JSON", () => {
    expect(errorOf("").message).toBe(`${words}it must be JSON (it is empty), not ""`);
  });
});

describe("for every network", () => {
  const config = fc.record({
    EnableIPv4: fc.constant(true),
    Network: fc
      .tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.nat(28))
      .map(([address, length]) => `${formatAddress(address)}/${length}`),
    EnableIPv6: fc.constant(true),
    IPv6Network: fc
      .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(124))
      .filter(([address]) => address.some((byte) => byte !== 0))
      .map(([address, length]) => `${formatAddress(address)}/${length}`)
      .filter((text) => !text.startsWith("::ffff:")),
    Backend: fc.constant({ Type: "vxlan" }),
  });

  it("the first and the last subnet lie within it, and the first is its second", () => {
    fc.assert(
      fc.property(config, (json) => {
        for (const { network, subnetLength, first, last } of parse(json).families) {
          expect(containsAddress(network, first) && containsAddress(network, last)).toBe(true);
          expect(compareAddresses(first, last)).toBeLessThan(0);
          for (const address of [first, last]) {
            expect(hasHostBits({ address, prefixLength: subnetLength })).toBe(false);
          }
          const before = addToAddress(first, -1);
          const zeroth = { address: network.address, prefixLength: subnetLength };
          expect(before).toEqual(lastAddress(zeroth));
          const end = lastAddress({ address: last, prefixLength: subnetLength });
          expect(end).toEqual(lastAddress(network));
        }
      }),
    );
  });

  it("any JSON is read or refused in words", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (Network, Backend) => {
        for (const json of [Network, { Network, Backend }]) {
          expect(errorOf(JSON.stringify(json)).message).toContain("must be");
        }
      }),
    );
  });
});
