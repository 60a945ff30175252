import { expect, it } from "vitest";
import { parseAddress } from "../../ip/address.ts";
import { formatMac } from "../../ip/mac.ts";
import { vtepMac } from "./vtep-mac.ts";

it.each([
  ["192.0.2.2", 1, "02:aa:da:6d:78:e4"],
  ["192.0.2.2", 2, "02:79:f6:de:32:12"],
  ["2001:db8::2", 1, "02:21:2c:64:be:6c"],
])("of %s with VNI %d is what every version computes", (address, vni, mac) => {
  expect(formatMac(vtepMac(parseAddress(address) ?? new Uint8Array(), vni))).toBe(mac);
});
