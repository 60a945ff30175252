/** What the alias of a device says while it is away, and what is not believed. */
import { describe, expect, it, vi } from "vitest";
import { movedAlias, readMovedAlias } from "./moved-alias.ts";

vi.mock("host", async (original) => ({
  ...(await original<object>()),
  encode: (text: string) => new TextEncoder().encode(text),
}));

const owner = { network: "net", containerID: "c1", ifName: "eth0" };
const home = { name: "dev0", isUp: true, mtu: 1500, mac: "02:00:00:00:00:01", alias: "" };

describe("the alias of a device that is away", () => {
  it("is for people, too", () => {
    expect(movedAlias(owner, home)).toBe("weft-device dev0 up 1500 02:00:00:00:00:01 net c1 eth0");
  });

  const long = { network: "n".repeat(200), containerID: "c".repeat(64), ifName: "e".repeat(15) };
  it.each([
    ["a device that is up", owner, home],
    ["one that is down", owner, { ...home, isUp: false }],
    ["one without an address", owner, { ...home, mac: "" }],
    ["one with an alias", owner, { ...home, alias: 'to "rack" 3\nport 7' }],
    ["a name of 15 bytes", owner, { ...home, name: "ü".repeat(7) }],
    ["InfiniBand", owner, { ...home, mac: "80:00:00:00".repeat(5).replace(/00(?=80)/g, "00:") }],
    ["long names and an alias of 60", long, { ...home, mtu: 65535, alias: "a".repeat(60) }],
  ])("says all of %s", (_, of, device) => {
    const alias = movedAlias(of, device);
    expect(new TextEncoder().encode(alias).length).toBeLessThan(256);
    expect(readMovedAlias(alias)).toMatchObject(device);
  });

  it("has no part of an alias that does not fit", () => {
    const alias = movedAlias(owner, { ...home, alias: "ü".repeat(100) });
    expect(readMovedAlias(alias)).toMatchObject(home);
  });

  it("differs for owners whose names are cut alike", () => {
    const other = { ...long, ifName: "f".repeat(15) };
    const marks = [long, other].map((of) => readMovedAlias(movedAlias(of, home))?.mark);
    expect(marks[0]).not.toBe(marks[1]);
  });
});

describe("an alias that a container has written", () => {
  const text = movedAlias(owner, home);
  it.each([
    "",
    "dev0",
    "weft net c1 eth0",
    text.replace("dev0", "a/b"),
    text.replace("dev0", ".."),
    text.replace("dev0", "d".repeat(16)),
    text.replace("up", "on"),
    text.replace("1500", "-1"),
    text.replace("02:", "zz:"),
    "weft-device dev0 up 1500 -",
  ])("is none of a device: %j", (alias) => {
    expect(readMovedAlias(alias)).toBeUndefined();
  });

  it.each(["weft net c2 eth0", "weft-overlay net", "weft-device dev1 up 1500 - net c2 eth0"])(
    "cannot give the device the alias of another's link: %j",
    (alias) => {
      expect(readMovedAlias(`${text} "${alias}"`)?.alias).toBe("");
    },
  );
});
