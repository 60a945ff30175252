/** Rules, and routes to be moved, as iproute2 writes and the kernel tells them. */
import { describe, expect, it } from "vitest";
import { vector } from "../../tools/vector.ts";
import { type Layout, read, write } from "../bytes/layout.ts";
import { encodeRequests, type Received, type Request, splitMessages } from "./message.ts";
import { outputsOf, RTM_NEWROUTE } from "./route.ts";
import { delRule, newRule, policyRuleMessage, RTM_NEWRULE } from "./rule.ts";
import { delRouteAgain, routeAgain, type WholeRoute, wholeRouteMessage } from "./whole-route.ts";

const ip4 = (...bytes: readonly number[]) => Uint8Array.from(bytes);
const source = ip4(10, 9, 0, 2);
const source6 = Uint8Array.of(0xfd, 0, 0, 9, ...Array(11).fill(0), 2);
const rule = { source, table: 100, priority: 0, protocol: 87 };

const sent: readonly (readonly [name: string, ours: Request])[] = [
  ["rule-add", newRule(rule)],
  ["rule-add-ipv6", newRule({ source: source6, table: 1000, priority: 7, protocol: 87 })],
  ["rule-delete", delRule({ ...rule, priority: 32765 })],
];

function theOnly(datagram: Uint8Array): Received {
  const [message, ...more] = splitMessages(datagram);
  if (!message || more.length > 0) throw new Error("not one message");
  return message;
}

function bytesOf({ body }: Received): string {
  return Buffer.from(body.bytes.slice(body.at, body.end)).toString("hex");
}

function written(codec: typeof policyRuleMessage, message: Received): string {
  const out = write(codec, read(codec, message.body) as never);
  return Buffer.from(out).toString("hex");
}

describe("what iproute2 sends", () => {
  it.each(sent)("%s: is written back as the same bytes", (name) => {
    const message = theOnly(vector(name));
    expect(written(policyRuleMessage, message)).toBe(bytesOf(message));
  });

  it.each(sent)("%s: is what we ask for", (name, request) => {
    const theirs = theOnly(vector(name));
    const ours = theOnly(encodeRequests([request], 1));
    expect(ours.type).toBe(theirs.type);
    expect(ours.flags).toBe(theirs.flags);
    expect(read(policyRuleMessage, ours.body)).toEqual(read(policyRuleMessage, theirs.body));
  });
});

/** What a captured answer has of one kind of message. */
function readIn<T>(name: string, kind: number, decoder: Layout<never, T>): readonly T[] {
  const messages = splitMessages(vector(name)).filter(({ type }) => type === kind);
  return messages.map(({ body }) => read(decoder, body));
}

const rulesIn = (name: string) => readIn(name, RTM_NEWRULE, policyRuleMessage);

describe("what the kernel tells", () => {
  it("of rules: their table, their maker, and what they match", () => {
    const rules = rulesIn("rule-list");
    expect(rules.map(({ attributes }) => [attributes.priority, attributes.table])).toEqual([
      [undefined, 255],
      [32764, 200],
      [32765, 100],
      [32766, 254],
      [32767, 253],
    ]);
    expect(rules[1]?.attributes).toMatchObject({ inputInterface: "lo", mark: 7 });
    expect(rules[2]).toMatchObject({
      header: { sourceLength: 32, action: 1 },
      attributes: { source, protocol: 87 },
    });
  });

  it("of rules of IPv6", () => {
    const [, own] = rulesIn("rule-list-ipv6");
    expect(own).toMatchObject({
      header: { sourceLength: 128 },
      attributes: { source: source6, table: 1000, priority: 7 },
    });
  });
});

/** What a request for a route says. */
function asAsked(request: Request): WholeRoute {
  return read(wholeRouteMessage, theOnly(encodeRequests([request], 1)).body);
}

function stateless({ header, attributes: { multipath, ...rest } }: WholeRoute) {
  return {
    header: { ...header, flags: 0 },
    rest,
    hops: multipath?.map(({ attributes }) => attributes),
  };
}

describe("a route as it was told", () => {
  const routes = readIn("route-list", RTM_NEWROUTE, wholeRouteMessage);
  const spread = routes.find(({ attributes }) => attributes.destination?.join(".") === "10.7.0.0");

  it("is said again with all that it said, but for its state", () => {
    for (const route of routes) {
      const again = asAsked(routeAgain(route));
      expect(stateless(again)).toEqual(stateless(route));
    }
  });

  it("says nothing of what the kernel thinks of its links, nor of those of its next hops", () => {
    if (!spread?.attributes.multipath) throw new Error("no route of several next hops");
    const { header, attributes } = spread;
    const hop = (flags: number) => [
      { header: { length: 8, flags, hops: 3, outputInterface: 7 }, attributes: {} },
    ];
    const multipath = hop(0x15);
    const down = { header: { ...header, flags: 0x14 }, attributes: { ...attributes, multipath } };
    for (const request of [routeAgain(down), delRouteAgain(down)]) {
      const again = asAsked(request);
      expect(again.header.flags).toBe(4);
      expect(again.attributes.multipath).toEqual(hop(4));
    }
  });

  it("leads to the links of all its next hops", () => {
    expect(outputsOf(spread?.attributes ?? {})).toEqual([3, 3]);
    expect(outputsOf({ outputInterface: 2 })).toEqual([2]);
    expect(outputsOf({ multipath: [{ header: { outputInterface: 7 } }, {}] })).toEqual([7]);
  });
});
