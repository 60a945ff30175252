/** Which entries make which peer. */
import { expect, it } from "vitest";
import { formatAddress, parseAddress } from "../ip/address.ts";
import { formatCidr, parseCidr } from "../ip/cidr.ts";
import { parseMac } from "../ip/mac.ts";
import type { Entry } from "./entry.ts";
import { peersIn } from "./seen-device.ts";

const address = (text: string) => parseAddress(text) ?? new Uint8Array(4);
const mac = (text: string) => parseMac(text) ?? new Uint8Array(6);

function route(subnet: string, gateway: string, isDirect = false): Entry {
  const destination = parseCidr(subnet) ?? { address: address(""), prefixLength: 0 };
  return { kind: "route", destination, gateway: address(gateway), isDirect };
}

function pair(kind: "neighbour" | "fdb", on: string, lladdr: string): Entry {
  return { kind, address: address(on), mac: mac(lladdr) };
}

function peers(...entries: readonly Entry[]) {
  return peersIn(entries).map(({ publicIP, subnets, isDirect }) =>
    [formatAddress(publicIP), ...subnets.map(formatCidr), ...(isDirect ? ["direct"] : [])].join(
      " ",
    ),
  );
}

it("follows a route over the neighbour to the host that has its MAC", () => {
  const found = peers(
    route("10.244.2.0/24", "10.244.2.0"),
    route("fd10:0:0:2::/64", "fd10:0:0:2::"),
    route("10.244.3.0/24", "10.244.3.0"),
    pair("neighbour", "10.244.2.0", "02:00:00:00:00:02"),
    pair("neighbour", "fd10:0:0:2::", "02:00:00:00:00:02"),
    pair("neighbour", "10.244.3.0", "02:00:00:00:00:03"),
    pair("fdb", "192.0.2.2", "02:00:00:00:00:02"),
    pair("fdb", "192.0.2.3", "02:00:00:00:00:03"),
  );
  expect(found).toEqual(["192.0.2.2 10.244.2.0/24 fd10:0:0:2::/64", "192.0.2.3 10.244.3.0/24"]);
});

it("takes the gateway of a direct route for the host", () => {
  expect(peers(route("10.244.2.0/24", "192.0.2.2", true))).toEqual([
    "192.0.2.2 10.244.2.0/24 direct",
  ]);
});

it("leaves out what leads to nobody", () => {
  const lost = [
    route("10.244.2.0/24", "10.244.2.0"),
    pair("neighbour", "10.244.2.0", "02:00:00:00:00:02"),
  ];
  expect(peers(...lost)).toEqual([]);
  expect(peers(pair("fdb", "192.0.2.2", "02:00:00:00:00:02"))).toEqual([]);
});
