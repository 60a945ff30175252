import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAddress } from "../ip/address.ts";
import { parseCidr } from "../ip/cidr.ts";
import { type Direction, type Flow, lets, type PolicyRule, type Ports } from "./policy-rules.ts";

function cidr(text: string) {
  const found = parseCidr(text);
  if (!found) throw new Error(`"${text}" is no network`);
  return found;
}

/** `10.1.0.0/16 !10.1.2.0/24 tcp:80-90`: networks, exceptions and ports in any order. */
function rule(text: string): PolicyRule {
  const words = text.split(" ").filter((word) => word !== "");
  const networks = words.filter((word) => /^[\da-f:.]+\/\d+$/.test(word)).map(cidr);
  const except = words.filter((word) => word.startsWith("!")).map((word) => cidr(word.slice(1)));
  const ports = words.flatMap((word): Ports[] => {
    const [, protocol, first, last = first] = /^([a-z]+)(?::(\d+)(?:-(\d+))?)?$/.exec(word) ?? [];
    if (protocol === undefined) return [];
    const range = first === undefined ? undefined : ([Number(first), Number(last)] as const);
    return [{ protocol: protocol as Ports["protocol"], range }];
  });
  return {
    networks: networks.length > 0 ? networks : undefined,
    except,
    ports: ports.length > 0 ? ports : undefined,
  };
}

function flow(text: string): Flow {
  const [peer = "", protocol, port] = text.split(" ");
  return {
    peer: parseAddress(peer) ?? new Uint8Array(4),
    protocol: Number(protocol),
    port: port === undefined ? undefined : Number(port),
  };
}

const listed = (list: readonly string[] | undefined) => list?.map(rule);
const direction = (deny: readonly string[], allow?: readonly string[]): Direction => ({
  deny: deny.map(rule),
  allow: listed(allow),
});

describe("a direction", () => {
  it.each([
    ["nothing said lets through", direction([]), "10.1.2.3 6 80", true],
    ["nothing allowed lets nothing through", direction([], []), "10.1.2.3 6 80", false],
    ["an empty entry is everything", direction([], [""]), "fd00::1 99", true],
    [
      "what is denied is denied, whatever is allowed",
      direction(["tcp:80"], [""]),
      "::1 6 80",
      false,
    ],
    ["an exception is not meant", direction(["10.0.0.0/8 !10.1.0.0/16"]), "10.1.2.3 6 80", true],
    ["but what is beside it", direction(["10.0.0.0/8 !10.1.0.0/16"]), "10.2.2.3 6 80", false],
    ["of the other family nothing is meant", direction(["0.0.0.0/0"]), "fd00::1 6 80", true],
    ["the first port of a range", direction([], ["udp:5-9"]), "10.1.2.3 17 5", true],
    ["the last one", direction([], ["udp:5-9"]), "10.1.2.3 17 9", true],
    ["the one behind it", direction([], ["udp:5-9"]), "10.1.2.3 17 10", false],
    ["another protocol with that port", direction([], ["udp:5-9"]), "10.1.2.3 6 5", false],
    ["all ports of a protocol", direction([], ["sctp"]), "10.1.2.3 132 1", true],
    ["icmp of IPv4", direction([], ["icmp"]), "10.1.2.3 1", true],
    ["icmp of IPv6", direction([], ["icmp"]), "fd00::1 58", true],
    ["an unknown port is none", direction([], ["tcp:1-65535"]), "10.1.2.3 6", false],
  ] as const)("%s", (_what, said, asked, verdict) => {
    expect(lets(said, flow(asked))).toBe(verdict);
  });

  const words = fc.constantFrom("", "10.0.0.0/8", "10.1.0.0/16 tcp", "udp:5-9", "::/0 icmp");
  const lists = fc.array(words, { maxLength: 4 });
  const flows = fc
    .constantFrom("10.1.2.3 6 80", "10.9.2.3 17 7", "fd00::1 58", "192.0.2.1 17 5")
    .map(flow);

  it("lets through less by every entry of deny, and more by every entry of allow", () => {
    fc.assert(
      fc.property(lists, lists, words, flows, (deny, allow, more, asked) => {
        const before = lets(direction(deny, allow), asked);
        if (lets(direction([...deny, more], allow), asked)) expect(before).toBe(true);
        if (before) expect(lets(direction(deny, [...allow, more]), asked)).toBe(true);
      }),
    );
  });

  it("does not go by the order of entries", () => {
    fc.assert(
      fc.property(lists, lists, flows, (deny, allow, asked) => {
        const turned = direction([...deny].reverse(), [...allow].reverse());
        expect(lets(turned, asked)).toBe(lets(direction(deny, allow), asked));
      }),
    );
  });
});
