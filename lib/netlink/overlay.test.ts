/** Vxlan devices, neighbours and fdb entries, as iproute2 writes and the kernel tells them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { vector } from "../../tools/vector.ts";
import { CodecError, Reader } from "../bytes/codec.ts";
import { type AnyLayout, read, write } from "../bytes/layout.ts";
import { AF_BRIDGE, linkMessage, newLink } from "./link.ts";
import { encodeRequests, type Received, type Request, splitMessages } from "./message.ts";
import {
  delFdbEntry,
  delNeighbour,
  NUD_PERMANENT,
  neighbourMessage,
  setFdbEntry,
  setNeighbour,
} from "./neighbour.ts";

const RTM_NEWLINK = 16;

const device = { index: 4, name: "weft.1" };
const mac = Uint8Array.of(2, 0xbb, 0, 0, 0, 2);
const ipv4 = Uint8Array.of(10, 244, 2, 0);
const ipv6 = Uint8Array.of(0xfd, 0x10, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0);
const host = Uint8Array.of(192, 0, 2, 2);

const weft1 = {
  name: "weft.1",
  mtu: 1450,
  address: Uint8Array.of(2, 0xaa, 0, 0, 0, 1),
  linkInfo: {
    own: {
      kind: "vxlan",
      data: { id: 77, uplink: 3, local: Uint8Array.of(192, 0, 2, 1), learning: 0, port: 8472 },
    },
  },
} as const;

const weft2 = {
  name: "weft.2",
  linkInfo: {
    own: {
      kind: "vxlan",
      data: {
        id: 78,
        uplink: 3,
        local6: Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
        learning: 0,
        port: 8473,
        noChecksum6: 1,
      },
    },
  },
} as const;

const sent: readonly (readonly [name: string, ours: readonly Request[]])[] = [
  ["vxlan-add", [newLink("create a device", weft1)]],
  ["vxlan-add-ipv6", [newLink("create a device", weft2)]],
  [
    "neighbour-add",
    [setNeighbour(device, { address: ipv4, mac }), setNeighbour(device, { address: ipv6, mac })],
  ],
  [
    "neighbour-delete",
    [
      delNeighbour(device, {
        address: Uint8Array.of(10, 244, 3, 0),
        mac: Uint8Array.of(2, 0xbb, 0, 0, 0, 3),
      }),
    ],
  ],
  ["forwarding-add", [setFdbEntry(device, { address: host, mac })]],
  ["forwarding-delete", [delFdbEntry(device, { address: host, mac })]],
];
/** Links are not among them: iproute2 neither ends their kind with NUL, nor marks what is nested. */
const pairs = sent.map(([name]) => name).filter((name) => !name.startsWith("vxlan"));
const received = ["vxlan-show", "neighbour-list", "forwarding-list"];

function layoutOf({ type }: Received): AnyLayout {
  return type === RTM_NEWLINK ? linkMessage : neighbourMessage;
}

function bytesOf({ body }: Received): Uint8Array {
  return body.bytes.slice(body.at, body.end);
}

function decode(message: Received): unknown {
  return read(layoutOf(message), new Reader(bytesOf(message)));
}

describe("what iproute2 sends", () => {
  it.each(pairs)("%s: is written back as the same bytes", (name) => {
    for (const message of splitMessages(vector(name))) {
      const out = write(layoutOf(message), decode(message) as never);
      expect(Buffer.from(out).toString("hex")).toBe(Buffer.from(bytesOf(message)).toString("hex"));
    }
  });

  it.each(sent)("%s: says what ours says", (name, ours) => {
    const theirs = splitMessages(vector(name));
    const own = splitMessages(encodeRequests(ours, 1));
    expect(own.map(({ type }) => type)).toEqual(theirs.map(({ type }) => type));
    expect(own.map(decode)).toEqual(theirs.map(decode));
  });

  it.each(sent.filter(([name]) => name.endsWith("-add")))("%s: with our flags", (name, ours) => {
    const flags = (messages: readonly Received[]) => messages.map((each) => each.flags & ~4);
    expect(flags(splitMessages(encodeRequests(ours, 1)))).toEqual(
      flags(splitMessages(vector(name))),
    );
  });
});

describe("what the kernel tells", () => {
  it("of a vxlan device", () => {
    const [message] = splitMessages(vector("vxlan-show")).map((each) =>
      read(linkMessage, each.body),
    );
    expect(message?.attributes).toMatchObject({
      name: "weft.1",
      mtu: 1450,
      address: weft1.address,
      linkInfo: { own: { kind: "vxlan", data: { ...weft1.linkInfo.own.data, checksum: 1 } } },
    });
  });

  it("of permanent neighbours", () => {
    const found = splitMessages(vector("neighbour-list")).map((each) =>
      read(neighbourMessage, each.body),
    );
    for (const address of [ipv4, ipv6]) {
      expect(found).toContainEqual(
        expect.objectContaining({
          header: expect.objectContaining({ index: device.index, state: NUD_PERMANENT }),
          attributes: expect.objectContaining({ destination: address, mac }),
        }),
      );
    }
  });

  it("of fdb entries", () => {
    const [found] = splitMessages(vector("forwarding-list")).map((each) =>
      read(neighbourMessage, each.body),
    );
    expect(found?.header).toMatchObject({ family: AF_BRIDGE, index: device.index });
    expect(found?.attributes).toMatchObject({ destination: host, mac });
  });
});

describe("a message cut short or changed", () => {
  it.each([...sent.map(([name]) => name), ...received])("%s: is read or refused", (name) => {
    const messages = splitMessages(vector(name));
    fc.assert(
      fc.property(
        fc.constantFrom(...messages),
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
        (message, length, changes) => {
          const bytes = bytesOf(message).slice(0, length % (bytesOf(message).length + 1));
          for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
          try {
            read(layoutOf(message), new Reader(bytes));
          } catch (cause) {
            expect(cause).toBeInstanceOf(CodecError);
          }
        },
      ),
    );
  });
});
