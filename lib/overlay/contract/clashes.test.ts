import { expect, it } from "vitest";
import { parseAddress } from "../../ip/address.ts";
import { parseCidr } from "../../ip/cidr.ts";
import { parseMac } from "../../ip/mac.ts";
import { areApart, findClashes } from "./clashes.ts";
import type { End } from "./host.ts";
import { packEnd } from "./usual-peer.ts";
import { vtepMac } from "./vtep-mac.ts";

/** A host in words: its subnets, its address, its MAC unless that is to be computed. */
function hostOf(text: string): readonly End[] {
  const [subnets = "", address = "", mac = ""] = text.split(" ");
  const publicIP = parseAddress(address) ?? new Uint8Array();
  return [
    {
      subnets: subnets.split(",").flatMap((subnet) => parseCidr(subnet) ?? []),
      publicIP,
      mac: parseMac(mac) ?? vtepMac(publicIP, 1),
    },
  ];
}

const thisHost = "10.244.1.0/24 192.0.2.1";
const two = "10.244.2.0/24 192.0.2.2";

it.each<readonly [title: string, others: readonly string[], trusted: number, words: object]>([
  ["nobody", [two, "10.244.3.0/24 192.0.2.3"], 0, {}],
  ["one host under two entries", [two, "10.244.3.0/24 192.0.2.2"], 0, {}],
  [
    "who has a subnet of this host",
    ["10.244.1.0/25 192.0.2.2"],
    1,
    {
      1: "Cannot use peer 192.0.2.2 (10.244.1.0/25): its 10.244.1.0/25 overlaps 10.244.1.0/24 of this host",
    },
  ],
  [
    "who has the address of this host",
    ["10.244.2.0/24 192.0.2.1 02:00:00:00:00:02"],
    0,
    { 1: "Cannot use peer 192.0.2.1 (10.244.2.0/24): its address 192.0.2.1 is that of this host" },
  ],
  [
    "both with one MAC, unless one is trusted",
    [`${two} 02:00:00:00:00:02`, "10.244.3.0/24 192.0.2.3 02:00:00:00:00:02"],
    1,
    {
      2: "Cannot use peer 192.0.2.3 (10.244.3.0/24): its vtepMAC 02:00:00:00:00:02 is that of peer 192.0.2.2 (10.244.2.0/24)",
    },
  ],
  [
    "both with one address and two MACs",
    [two, "10.244.3.0/24 192.0.2.2 02:00:00:00:00:02"],
    0,
    {
      1: "Cannot use peer 192.0.2.2 (10.244.2.0/24): its address 192.0.2.2 is that of peer 192.0.2.2 (10.244.3.0/24), with another vtepMAC",
      2: "Cannot use peer 192.0.2.2 (10.244.3.0/24): its address 192.0.2.2 is that of peer 192.0.2.2 (10.244.2.0/24), with another vtepMAC",
    },
  ],
])("names %s", (_, others, trusted, words) => {
  const hosts = [thisHost, ...others].map(hostOf);
  const endsOf = (host: number) => hosts[host] ?? [];
  const found = findClashes({ count: hosts.length, trusted, endsOf });
  expect(Object.fromEntries(found)).toEqual(words);
  if (found.size > 0) expect(areApart(hosts.map((ends) => ends.map(packEnd)))).toBe(false);
});

it("sees that hosts share nothing, and that they do", () => {
  const apart = (...texts: readonly string[]) =>
    areApart(texts.map((text) => hostOf(text).map(packEnd)));
  const three = "10.244.3.0/24,fd10::/64 192.0.2.3";
  expect(apart(thisHost, two, three)).toBe(true);
  expect(apart(thisHost, two, "10.244.2.128/25 192.0.2.3")).toBe(false);
  expect(apart(thisHost, two, "10.244.3.0/24 10.244.2.9")).toBe(false);
  expect(apart(thisHost, two, "10.244.3.0/24 192.0.2.2")).toBe(false);
  const mac = "02:00:00:00:00:02";
  expect(apart(`${two} ${mac}`, `${three} ${mac}`)).toBe(false);
  const twice = [...hostOf(`${two} ${mac}`), ...hostOf(`${three} ${mac}`)];
  expect(areApart([twice.map(packEnd)])).toBe(true);
});
