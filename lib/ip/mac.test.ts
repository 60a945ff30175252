import { describe, expect, it } from "vitest";
import { formatMac, isMulticastMac, isZeroMac, type Mac, parseMac } from "./mac.ts";

function mac(text: string): Mac {
  const parsed = parseMac(text);
  if (parsed === undefined) throw new Error(`not a MAC: ${text}`);
  return parsed;
}

describe("parseMac", () => {
  it.each(["02:00:5e:10:0A:fF", "02-00-5E-10-0a-FF", "0200.5e10.0AfF"])("reads %s", (text) => {
    expect(Array.from(mac(text))).toEqual([0x02, 0x00, 0x5e, 0x10, 0x0a, 0xff]);
    expect(formatMac(mac(text))).toBe("02:00:5e:10:0a:ff");
  });

  it.each([
    ..."|02:00:5e:10:0a|02:00:5e:10:0a:|02:00:5e:10:0a:ff:|:02:00:5e:10:0a:ff".split("|"),
    ..."02:00:5e:10:0a:ff:00:01|02:00:5e-10:0a:ff|2:0:5e:10:a:ff|02:00:5e:10:0a:fg".split("|"),
    ..."02005e100aff|0200:5e10:0aff|0200.5e10|0200.5e10.0aff.0001|02.00.5e.10.0a.ff".split("|"),
    ..." 02:00:5e:10:0a:ff|02:00:5e:10:0a:ff |02:00:5e:10:0a:ff\n|02 00 5e 10 0a ff".split("|"),
  ])("refuses %j", (text) => {
    expect(parseMac(text)).toBeUndefined();
  });
});

describe("kinds of MAC", () => {
  it.each([
    ["00:00:00:00:00:00", false, true],
    ["00:00:00:00:00:01", false, false],
    ["02:00:5e:10:00:ff", false, false],
    ["01:00:5e:00:00:01", true, false],
    ["33:33:00:00:00:01", true, false],
    ["ff:ff:ff:ff:ff:ff", true, false],
  ])("%s is multicast: %s, zero: %s", (text, multicast, zero) => {
    expect([isMulticastMac(mac(text)), isZeroMac(mac(text))]).toEqual([multicast, zero]);
  });
});
