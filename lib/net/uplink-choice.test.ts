import { describe, expect, it } from "vitest";
import { formatAddress, type IpAddress, parseAddress } from "../ip/address.ts";
import { parseCidr } from "../ip/cidr.ts";
import type { Link } from "./link.ts";
import { chooseAmong, rankOf, type Surroundings, type UplinkWish } from "./uplink-choice.ts";

function address(text: string): IpAddress {
  const found = parseAddress(text);
  if (!found) throw new Error(text);
  return found;
}

function candidate(index: number, name: string, ...addresses: string[]) {
  return { link: { index, name } as Link, addresses: addresses.map(address) };
}

const both = ["10.244.0.0/16", "fd10::/48"].flatMap((text) => parseCidr(text) ?? []);
const around: Surroundings = {
  candidates: [
    candidate(2, "eth0", "192.0.2.1", "192.0.2.9", "2001:db8::1"),
    candidate(3, "eth1", "198.51.100.1"),
    candidate(4, "eth2", "203.0.113.1", "2001:db8:2::1"),
    candidate(5, "down0"),
  ],
  defaults: { 4: 2, 6: 2 },
  way: 4,
};

interface Given extends Partial<Omit<UplinkWish, "told" | "canReach">> {
  readonly told?: readonly string[];
  readonly canReach?: string;
}

function wishOf({ told = [], canReach, ...rest }: Given): UplinkWish {
  return {
    ...{ links: [], expressions: [], networks: both.slice(0, 1), ...rest },
    told: told.map(address),
    canReach: canReach === undefined ? undefined : address(canReach),
  };
}

/** `link local[=told] …` */
function choice(given: Given, changed: Partial<Surroundings> = {}): string {
  const { link, addresses } = chooseAmong(wishOf(given), { ...around, ...changed });
  const texts = addresses.map(({ local, told }) => {
    const [own, known] = [formatAddress(local), formatAddress(told)];
    return own === known ? own : `${own}=${known}`;
  });
  return [link.name, ...texts].join(" ");
}

describe("the uplink", () => {
  it.each<[string, Given, string]>([
    ["the default route", {}, "eth0 192.0.2.1"],
    ["both default routes", { networks: both }, "eth0 192.0.2.1 2001:db8::1"],
    ["a name", { links: ["eth1"] }, "eth1 198.51.100.1"],
    ["an address", { links: ["203.0.113.1"] }, "eth2 203.0.113.1"],
    ["an address that is not its first", { links: ["192.0.2.9"] }, "eth0 192.0.2.9"],
    ["the second of two names", { links: ["eth9", "eth1"] }, "eth1 198.51.100.1"],
    [
      "the first with both families",
      { links: ["eth1", "eth2"], networks: both },
      "eth2 203.0.113.1 2001:db8:2::1",
    ],
    ["a link that has the address", { told: ["203.0.113.1"] }, "eth2 203.0.113.1"],
    ["an expression for addresses", { expressions: [/^198\./] }, "eth1 198.51.100.1"],
    ["addresses before names", { expressions: [/^203|eth1/] }, "eth2 203.0.113.1"],
    ["an expression for names", { expressions: [/th[12]$/] }, "eth1 198.51.100.1"],
    ["names before expressions", { links: ["eth2"], expressions: [/eth1/] }, "eth2 203.0.113.1"],
    ["what leads to an address", { canReach: "203.0.113.77" }, "eth2 203.0.113.1"],
    [
      "expressions before what leads to an address",
      { expressions: [/eth1/], canReach: "203.0.113.77" },
      "eth1 198.51.100.1",
    ],
    [
      "an address of one family, with that of the other",
      { links: ["192.0.2.9"], networks: both },
      "eth0 192.0.2.9 2001:db8::1",
    ],
    ["the default route behind a NAT", { told: ["10.9.9.9"] }, "eth0 192.0.2.1=10.9.9.9"],
    ["a name behind a NAT", { links: ["eth1"], told: ["10.9.9.9"] }, "eth1 198.51.100.1=10.9.9.9"],
    ["a name, and which address", { links: ["eth0"], told: ["192.0.2.9"] }, "eth0 192.0.2.9"],
  ])("is found by %s", (_, given, expected) => {
    expect(choice(given)).toBe(expected);
  });

  it("may have a default route of one family only", () => {
    const expected = "eth0 192.0.2.1 2001:db8::1";
    expect(choice({ networks: both }, { defaults: { 4: 2, 6: undefined } })).toBe(expected);
  });

  const there =
    'links with addresses that others can reach are "eth0" (192.0.2.1, 192.0.2.9, 2001:db8::1), "eth1" (198.51.100.1), "eth2" (203.0.113.1, 2001:db8:2::1)';

  it.each<[string, Given, Partial<Surroundings>, string]>([
    ["a name", { links: ["eth9"] }, {}, `there is no link "eth9"; ${there}`],
    ["an address", { links: ["10.0.0.1"] }, {}, `there is no link with address 10.0.0.1; ${there}`],
    [
      "a link without an address",
      { links: ["down0"] },
      {},
      `link "down0" has no IPv4 address that others can reach; ${there}`,
    ],
    [
      "a link without one family",
      { links: ["eth1"], networks: both },
      {},
      `link "eth1" has no IPv6 address that others can reach; ${there}`,
    ],
    [
      "an expression",
      { expressions: [/^wlan/] },
      {},
      `there is no link with an address or a name that matches ^wlan; ${there}`,
    ],
    [
      "what leads nowhere",
      { canReach: "10.0.0.1" },
      { way: undefined },
      `there is no route to 10.0.0.1 by another link than "lo"; ${there}`,
    ],
    [
      "the default route",
      {},
      { defaults: { 4: undefined, 6: 2 } },
      `there is no default route (choose a link by --iface); ${there}`,
    ],
    [
      "default routes by two links",
      { networks: both },
      { defaults: { 4: 2, 6: 4 } },
      `there is no default route that both families have by one link (choose one by --iface); ${there}`,
    ],
    [
      "anything",
      { links: ["a", "b"] },
      { candidates: [] },
      'there is no link "a"; there is no link "b"; no link has an address that others can reach',
    ],
  ])("is not found by %s", (_, given, changed, state) => {
    expect(() => choice(given, changed)).toThrow(`Cannot find the link to other hosts: ${state}`);
  });
});

describe("an address is the better", () => {
  const of = (text: string, flags: number, scope = 0) =>
    rankOf({ cidr: { address: address(text), prefixLength: 64 }, flags, scope });

  it.each([
    ["the wider its scope", of("fd00::1", 0), of("fd00::2", 0x80, 253)],
    ["if it is permanent", of("fd00::1", 0x80), of("fd00::2", 0)],
    ["if it is not deprecated", of("fd00::1", 0), of("fd00::2", 0xa0)],
    ["if it is not temporary", of("fd00::1", 0), of("fd00::2", 0x81)],
  ])("%s", (_, better, worse) => {
    expect(better).toBeGreaterThan(worse);
  });

  it("and of IPv4 the second of a subnet is as good as the first", () => {
    expect(of("192.0.2.2", 0x81)).toBe(of("192.0.2.1", 0x80));
  });
});
