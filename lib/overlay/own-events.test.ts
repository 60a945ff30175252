import { describe, expect, it, vi } from "vitest";
import { type IpAddress, parseAddress } from "../ip/address.ts";
import { parseCidr } from "../ip/cidr.ts";
import { parseMac } from "../ip/mac.ts";
import type { Link } from "../net/link.ts";
import { newAddress } from "../netlink/address.ts";
import { changeLink, IFF_UP, linkMessage, RTM_NEWLINK } from "../netlink/link.ts";
import { encodeRequests, type Received, type Request, splitMessages } from "../netlink/message.ts";
import * as neighbour from "../netlink/neighbour.ts";
import { newRoute } from "../netlink/route.ts";
import { type Key, keyOf } from "./entry-key.ts";
import { OwnEvents } from "./own-events.ts";

vi.mock("host", () => ({}));

const address = (text: string): IpAddress => parseAddress(text) ?? new Uint8Array(4);
const mac = (text: string) => parseMac(text) ?? new Uint8Array(6);
const pair = (host: string, end: number) => ({
  address: address(host),
  mac: mac(`02:00:00:00:00:0${end}`),
});

const device = { index: 3, name: "weft.1", mac: mac("02:00:00:00:00:01"), mtu: 1450, alias: "a" };
const uplink = { index: 2, name: "eth0", mac: mac("06:00:00:00:00:01"), mtu: 1500, alias: "" };
const subnet = parseCidr("10.244.1.0/24") ?? { address: address("10.244.1.0"), prefixLength: 24 };

function ownEvents({ isNew = false } = {}): OwnEvents {
  const events = new OwnEvents();
  const links = { device: device as unknown as Link, uplink: uplink as unknown as Link };
  events.addDevice({ ...links, isNew, subnets: [subnet] });
  return events;
}

/** An event is laid out as the request that makes it. */
function eventOf(request: Request): Received {
  const [event] = splitMessages(encodeRequests([request], 1));
  if (!event) throw new Error("no message");
  return event;
}

const fdb = (host: string, end: number): Key => keyOf({ kind: "fdb", ...pair(host, end) });

describe("an event of an entry", () => {
  it("is one's own if it says what was set, or of what was taken away that it is gone", () => {
    const events = ownEvents();
    events.addEntries(3, { set: [fdb("192.0.2.2", 2)], removed: [fdb("192.0.2.3", 3)] });
    expect(events.has(eventOf(neighbour.setFdbEntry(device, pair("192.0.2.2", 2))))).toBe(true);
    expect(events.has(eventOf(neighbour.delFdbEntry(device, pair("192.0.2.3", 3))))).toBe(true);
    events.forgetEntries();
    expect(events.has(eventOf(neighbour.setFdbEntry(device, pair("192.0.2.2", 2))))).toBe(false);
  });

  it.each([
    ["leads to another host", neighbour.setFdbEntry(device, pair("192.0.2.9", 2))],
    ["is gone", neighbour.delFdbEntry(device, pair("192.0.2.2", 2))],
    ["is another device's", neighbour.setFdbEntry(uplink, pair("192.0.2.2", 2))],
    ["was taken away, and is there", neighbour.setFdbEntry(device, pair("192.0.2.3", 3))],
    ["was not set", neighbour.setFdbEntry(device, pair("192.0.2.4", 4))],
    ["is a neighbour", neighbour.setNeighbour(device, pair("192.0.2.2", 2))],
    ["is a route", newRoute(device, { destination: subnet }, "create")],
  ])("is somebody else's if it %s", (_, request) => {
    const events = ownEvents();
    events.addEntries(3, { set: [fdb("192.0.2.2", 2)], removed: [fdb("192.0.2.3", 3)] });
    expect(events.has(eventOf(request))).toBe(false);
  });

  it("is somebody else's if it is not permanent any more", () => {
    const events = ownEvents();
    const set = keyOf({ kind: "neighbour", ...pair("10.244.2.0", 2) });
    events.addEntries(3, { set: [set], removed: [] });
    const event = eventOf(neighbour.setNeighbour(device, pair("10.244.2.0", 2)));
    expect(events.has(event)).toBe(true);
    event.body.bytes[event.body.at + 8] = 2; // NUD_REACHABLE
    expect(events.has(event)).toBe(false);
  });
});

describe("an event of a link", () => {
  function linkEvent(link: typeof device, { isUp = true, ...other }: LinkState = {}): Received {
    const { name, mac: hardware, mtu, alias, index } = { ...link, ...other };
    const attributes = { name, address: hardware, mtu, ...(alias === "" ? {} : { alias }) };
    const set = isUp ? IFF_UP : 0;
    const { value, ...rest } = changeLink("", index, { attributes, set });
    return eventOf({ ...rest, codec: linkMessage, type: RTM_NEWLINK, value });
  }
  type LinkState = Partial<typeof device> & { readonly isUp?: boolean };

  it.each([
    ["is as it was made", device, {}, true],
    ["is down", device, { isUp: false }, false],
    ["has another hardware address", device, { mac: mac("02:00:00:00:00:09") }, false],
    ["has another MTU", device, { mtu: 1400 }, false],
    ["has another alias", device, { alias: "b" }, false],
    ["is the uplink as it was", uplink, {}, true],
    ["is the uplink with another MTU", uplink, { mtu: 9000 }, false],
    ["is the uplink, and down", uplink, { isUp: false }, false],
    ["is another link", { ...uplink, index: 7 }, {}, false],
  ])("that %s", (_, link, state, isOwn) => {
    expect(ownEvents().has(linkEvent(link, state))).toBe(isOwn);
  });

  it("that is not up yet is one's own only before it has been up", () => {
    const events = ownEvents({ isNew: true });
    expect(events.has(linkEvent(device, { isUp: false }))).toBe(true);
    expect(events.has(linkEvent(device))).toBe(true);
    expect(events.has(linkEvent(device, { isUp: false }))).toBe(false);
  });

  it("may have the alias that was written last, or the one before", () => {
    const events = ownEvents();
    events.addAlias(3, "b");
    events.addAlias(3, "c");
    expect(["a", "b", "c"].map((alias) => events.has(linkEvent(device, { alias })))).toEqual([
      false,
      true,
      true,
    ]);
  });

  it("that is not there any more is nobody's", () => {
    const events = ownEvents();
    events.keepDevices([4]);
    expect(events.devices).toEqual([]);
    expect(events.has(linkEvent(device))).toBe(false);
  });
});

describe("an event of an address", () => {
  it.each([
    ["10.244.1.0", true],
    ["10.244.1.1", false],
  ])("%s", (text, isOwn) => {
    const cidr = { address: address(text), prefixLength: 32 };
    expect(ownEvents().has(eventOf(newAddress(device, cidr, 0)))).toBe(isOwn);
  });
});
