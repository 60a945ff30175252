/** Links, addresses and routes, as iproute2 writes and the kernel tells them. */
import { describe, expect, it } from "vitest";
import { vector } from "../../tools/vector.ts";
import { CodecError, Reader } from "../bytes/codec.ts";
import { type AnyLayout, type Layout, read, type ValueOf, write } from "../bytes/layout.ts";
import { addressMessage, delAddress, IFA_F_NODAD, newAddress } from "./address.ts";
import {
  changeLink,
  delLink,
  IFF_UP,
  type LinkAttributes,
  linkMessage,
  newLink,
  wholeLinkMessage,
} from "./link.ts";
import { encodeRequests, type Received, type Request, splitMessages } from "./message.ts";
import { newRoute, routeMessage } from "./route.ts";
import { portVlansMessage } from "./vlan.ts";

const bridge = { index: 3, name: "br0" };
const veth = 2;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const ip4 = (...bytes: readonly number[]) => Uint8Array.from(bytes);
const ip6 = (a: number, b: number) => Uint8Array.of(0xfd, 0, 0, a, ...Array(11).fill(0), b);

function bytesOf({ body }: Received): Uint8Array {
  return body.bytes.slice(body.at, body.end);
}

function theOnly(datagram: Uint8Array): Received {
  const [message, ...more] = splitMessages(datagram);
  if (!message || more.length > 0) throw new Error("not one message");
  return message;
}

function link(what: string, index: number, attributes: LinkAttributes): Request {
  return changeLink(what, index, { attributes });
}

/** What iproute2 sends, and our request for the same. */
const sent: readonly (readonly [string, AnyLayout, Request])[] = [
  [
    "link-add-bridge",
    linkMessage,
    newLink("add", {
      name: "br0",
      linkInfo: { own: { kind: "bridge", data: { forwardDelay: 0, stpState: 0 } } },
    }),
  ],
  [
    "link-add-vrf",
    linkMessage,
    newLink("add", { name: "blue", linkInfo: { own: { kind: "vrf", data: { table: 10 } } } }),
  ],
  [
    "link-set-master",
    linkMessage,
    changeLink("set", veth, { set: IFF_UP, attributes: { master: bridge.index } }),
  ],
  ["link-set-alias", linkMessage, link("set", veth, { alias: "net box eth0" })],
  ["link-delete", linkMessage, delLink("delete", veth)],
  [
    "address-add",
    addressMessage,
    newAddress(bridge, { address: ip4(10, 1, 2, 1), prefixLength: 24 }, 0),
  ],
  [
    "address-delete",
    addressMessage,
    delAddress(bridge, { address: ip4(10, 1, 2, 1), prefixLength: 24 }),
  ],
  [
    "route-add",
    routeMessage,
    newRoute(
      bridge,
      {
        destination: { address: ip4(10, 9, 0, 0), prefixLength: 16 },
        gateway: ip4(10, 1, 2, 9),
        source: ip4(10, 1, 2, 1),
        priority: 7,
        mtu: 1300,
        advmss: 1200,
      },
      "exclusive",
    ),
  ],
  [
    "route-add-onlink",
    routeMessage,
    newRoute(
      bridge,
      {
        destination: { address: ip4(10, 8, 0, 0), prefixLength: 16 },
        gateway: ip4(10, 77, 0, 1),
        isOnLink: true,
        table: 1000,
      },
      "exclusive",
    ),
  ],
  [
    "route-add-ipv6",
    routeMessage,
    newRoute(
      bridge,
      {
        destination: { address: ip6(9, 0), prefixLength: 64 },
        gateway: ip6(1, 9),
      },
      "exclusive",
    ),
  ],
];

describe("what iproute2 sends", () => {
  /** Ours mark what is nested, iproute2 does not. */
  const flat = sent.filter(([name]) => !/bridge|vrf|route-add$/.test(name));

  it.each(flat)("%s: is written back as the same bytes", (name, codec) => {
    const message = theOnly(vector(name));
    const out = write(codec, read(codec, new Reader(bytesOf(message))) as never);
    expect(hex(out)).toBe(hex(bytesOf(message)));
  });

  it.each(sent)("%s: is what we ask for", (name, codec, request) => {
    const theirs = theOnly(vector(name));
    const ours = theOnly(encodeRequests([request], 1));
    expect(ours.type).toBe(theirs.type);
    expect(read(codec, ours.body)).toEqual(read(codec, theirs.body));
  });

  it("address-add-ipv6: is what we ask for, with the flag where there is room for more", () => {
    const address = { address: ip6(1, 1), prefixLength: 64 };
    const theirs = read(addressMessage, theOnly(vector("address-add-ipv6")).body);
    const ours = encodeRequests([newAddress(bridge, address, IFA_F_NODAD)], 1);
    const { header, attributes } = read(addressMessage, theOnly(ours).body);
    expect(theirs.header).toEqual({ ...header, flags: IFA_F_NODAD });
    expect({ ...theirs.attributes, flags: IFA_F_NODAD }).toEqual(attributes);
  });

  it("link-add-veth: the other end is a whole link message", () => {
    const { attributes } = read(linkMessage, theOnly(vector("link-add-veth")).body);
    expect(attributes).toMatchObject({
      name: "veth1",
      mtu: 1400,
      address: Uint8Array.of(2, 0, 0, 0, 0, 1),
      linkInfo: { own: { kind: "veth", data: { peer: { attributes: { name: "eth0" } } } } },
    });
  });
});

function readIn<T>(name: string, type: number, codec: Layout<never, T>): readonly T[] {
  return splitMessages(vector(name))
    .filter((message) => message.type === type)
    .map(({ body }) => read(codec, body));
}

it("a port's VLAN without a length ends the reading, instead of being read for ever", () => {
  const message = new Uint8Array(16 + 4 + 4);
  message.set([8, 0, 26, 0, 0, 0, 0, 0], 16);
  expect(() => read(portVlansMessage, new Reader(message))).toThrow(CodecError);
});

describe("what the kernel answers", () => {
  it("lists links by name", () => {
    const names = readIn("link-list", 16, linkMessage).map(({ attributes }) => attributes?.name);
    expect(names).toEqual(["lo", "veth1", "br0"]);
  });

  it("shows a port of a bridge: what it is, where its other end is, how it is a port", () => {
    const [shown] = readIn("link-show", 16, linkMessage);
    expect(shown).toMatchObject({
      header: { index: veth, flags: expect.any(Number) },
      attributes: {
        name: "veth1",
        mtu: 1400,
        alias: "net box eth0",
        master: bridge.index,
        linkNetnsid: 0,
        linkInfo: {
          own: { kind: "veth" },
          port: { kind: "bridge", data: { hairpin: 1, isolated: 1 } },
        },
      },
    });
    expect((shown?.header?.flags ?? 0) & IFF_UP).toBe(IFF_UP);
  });

  it("tells the sysctls of a link that is asked for by itself", () => {
    const [shown] = readIn("link-show", 16, wholeLinkMessage);
    const settings = { ipv4: { routeLocalnet: 0 }, ipv6: { acceptRa: 1 } };
    expect(shown).toMatchObject({ attributes: { name: "veth1", settings } });
  });

  it("lists both families of addresses", () => {
    const found = readIn("address-list", 20, addressMessage).map((each) => [
      each.header?.family,
      each.header?.prefixLength,
      each.attributes?.address,
    ]);
    expect(found).toContainEqual([2, 24, ip4(10, 1, 2, 1)]);
    expect(found).toContainEqual([10, 64, ip6(1, 1)]);
  });

  it("lists routes with gateway, metrics, table and next hops", () => {
    const routes = readIn("route-list", 24, routeMessage).map(({ attributes }) => attributes);
    expect(routes).toContainEqual(
      expect.objectContaining({
        destination: ip4(10, 9, 0, 0),
        gateway: ip4(10, 1, 2, 9),
        preferredSource: ip4(10, 1, 2, 1),
        outputInterface: bridge.index,
        priority: 7,
        metrics: expect.objectContaining({ mtu: 1300, advmss: 1200 }),
      }),
    );
    expect(routes).toContainEqual(
      expect.objectContaining({ destination: ip4(10, 8, 0, 0), table: 1000 }),
    );
    const spread = routes.find((route: ValueOf<typeof routeMessage>["attributes"]) => {
      return route?.destination?.join(".") === "10.7.0.0";
    });
    const hops = spread?.multipath?.map(({ attributes }) => attributes?.gateway);
    expect(hops).toEqual([ip4(10, 1, 2, 7), ip4(10, 1, 2, 8)]);
  });

  it("lists routes of IPv6", () => {
    const routes = readIn("route-list-ipv6", 24, routeMessage).map(({ attributes }) => attributes);
    expect(routes).toContainEqual(
      expect.objectContaining({ destination: ip6(9, 0), gateway: ip6(1, 9) }),
    );
  });
});
