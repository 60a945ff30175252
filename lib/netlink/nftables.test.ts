import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { vector } from "../../tools/vector.ts";
import { CodecError, Reader } from "../bytes/codec.ts";
import { type AnyLayout, read, write } from "../bytes/layout.ts";
import { encodeRequests, type Received, splitMessages } from "./message.ts";
import { batch } from "./nft-batch.ts";
import {
  changeMark,
  comparedValues,
  destinationNatBy,
  goWhere,
  iptablesComment,
  jumpTarget,
  jumpTo,
  loadClient,
  loadHostPort,
  loadMeta,
  loadSource,
  masquerade,
  matchDestination,
  matchFamily,
  matchIn,
  matchLocalDestination,
  matchMark,
  matchMeta,
  matchOtherSource,
  NF_DROP,
  NFPROTO_BRIDGE,
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFT_GOTO,
  NFT_META_IIFNAME,
  NFT_META_L4PROTO,
  NFT_RETURN,
  verdictOf,
} from "./nft-expression.ts";
import type { Expression } from "./nft-layout.ts";
import {
  delChain,
  delElements,
  delRule,
  getElement,
  NF_BR_PRE_ROUTING,
  NF_INET_POST_ROUTING,
  newChain,
  newElements,
  newRule,
  newSet,
  newTable,
} from "./nft-request.ts";
import {
  batchMessage,
  chainMessage,
  elementsMessage,
  ruleMessage,
  setMessage,
  tableMessage,
} from "./nftables.ts";

/** Which layout a message has: its type without the subsystem. */
const layouts = new Map<number, AnyLayout>([
  [16, batchMessage],
  [17, batchMessage],
  [0xa00, tableMessage],
  [0xa03, chainMessage],
  [0xa06, ruleMessage],
  [0xa09, setMessage],
  [0xa0c, elementsMessage],
]);

const sent = ["nft-masquerade", "nft-spoofcheck", "nft-hostports"];
const received = ["nft-list-map", "nft-list-rules", "nft-list-chains", "nft-list-iptables-rules"];

function layoutOf({ type }: Received): AnyLayout {
  const layout = layouts.get(type);
  if (!layout) throw new Error(`no layout for message type ${type}`);
  return layout;
}

function bytesOf({ body }: Received): Uint8Array {
  return body.bytes.slice(body.at, body.end);
}

function decode(message: Received): unknown {
  return read(layoutOf(message), new Reader(bytesOf(message)));
}

function rulesIn(datagram: Uint8Array): readonly (readonly Expression[])[] {
  return splitMessages(datagram)
    .filter(({ type }) => type === 0xa06)
    .map(({ body }) => read(ruleMessage, body).attributes?.expressions ?? []);
}

/** `nft` refers to sets of the same transaction by number as well. */
function withoutNumbers(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, member) => {
      if (key === "setId" || key === "id" || key === "userData") return undefined;
      return member instanceof Uint8Array ? Array.from(member) : member;
    }),
  );
}

/** What the steps of a rule are and compare: `nft` chooses other registers, and another order. */
function kindsAndTargets(rule: readonly Expression[]): unknown {
  const steps = rule.map((step) => {
    const { kind, data = {} } = step;
    const own = Object.entries(data)
      .filter(([key]) => !/^(source|target|address|port)$/.test(key))
      .sort();
    return JSON.stringify(withoutNumbers([kind, Object.fromEntries(own)]));
  });
  return steps.sort();
}

const first4 = Uint8Array.of(10, 1, 2, 0);
const groups4 = Uint8Array.of(224, 0, 0, 0);
const first6 = Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
const second6 = Uint8Array.of(0xfd, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
const mac = Uint8Array.of(0x0a, 0x58, 0x0a, 0x01, 0x02, 0x03);

function leave(family: number, first: Uint8Array, length: number): readonly Expression[] {
  return [...matchFamily(family), ...matchDestination(first, length), verdictOf(NFT_RETURN)];
}

/** Of maps and address translation nft says more than has to be said, which is not read. */
const whole = sent.filter((name) => name !== "nft-hostports");

describe("what nft sends", () => {
  it.each(whole)("%s: is written back as the same bytes", (name) => {
    for (const message of splitMessages(vector(name))) {
      const out = write(layoutOf(message), decode(message) as never);
      expect(Buffer.from(out).toString("hex")).toBe(Buffer.from(bytesOf(message)).toString("hex"));
    }
  });

  it("masquerades by the rules that we write", () => {
    expect(withoutNumbers(rulesIn(vector("nft-masquerade")))).toEqual(
      withoutNumbers([
        leave(NFPROTO_IPV4, first4, 24),
        leave(NFPROTO_IPV4, groups4, 4),
        [masquerade],
        leave(NFPROTO_IPV6, first6, 64),
        leave(NFPROTO_IPV6, second6, 17),
        [...matchFamily(NFPROTO_IPV4), loadSource(4), goWhere("masquerade4")],
        [...matchFamily(NFPROTO_IPV6), loadSource(16), goWhere("masquerade6")],
      ]),
    );
  });

  it("leads ports to containers by the rules that we write", () => {
    const isIpv4 = matchFamily(NFPROTO_IPV4);
    const map = "hostports4-any";
    const bit = 0x1000;
    const [lookup = [], entrance = [], clients = []] = rulesIn(vector("nft-hostports"));
    const ours = [...isIpv4, ...loadHostPort(0), ...destinationNatBy(map, 4, bit)];
    expect(kindsAndTargets(lookup)).toEqual(kindsAndTargets(ours));
    expect(withoutNumbers(entrance)).toEqual(
      withoutNumbers([...matchLocalDestination(), jumpTo("hostports")]),
    );
    const snat = [
      ...matchMark(bit),
      ...isIpv4,
      ...matchMeta(NFT_META_L4PROTO, Uint8Array.of(6)),
      ...loadClient(4, 24),
      matchIn("hostports4-near"),
      ...changeMark(bit, false),
      masquerade,
    ];
    expect(kindsAndTargets(clients)).toEqual(kindsAndTargets(snat));
  });

  it("drops foreign MACs by the rules that we write", () => {
    expect(withoutNumbers(rulesIn(vector("nft-spoofcheck")))).toEqual(
      withoutNumbers([
        [...matchOtherSource(mac), verdictOf(NF_DROP)],
        [loadMeta(NFT_META_IIFNAME), goWhere("spoofcheck")],
      ]),
    );
  });
});

describe("our transaction", () => {
  const table = { family: NFPROTO_BRIDGE, name: "weft" };
  const map = {
    table,
    name: "spoofcheck",
    keyType: 41,
    keyLength: 16,
    leadsTo: "verdicts" as const,
    userData: Uint8Array.of(0, 4, 1, 0, 0, 0),
  };
  const chain = { table, name: "mac-0a-58-0a-01-02-03" };
  const base = { type: "filter", hook: NF_BR_PRE_ROUTING, priority: -300 };
  const prerouting = { table, name: "prerouting", base };
  const key = new Uint8Array(16);
  key.set(Buffer.from("veth1"));
  const element = {
    key: { value: key },
    data: { verdict: { code: NFT_GOTO, chain: chain.name } },
    notes: { comment: "net box eth0" },
  };

  it("says the same as nft does", () => {
    const ours = batch([
      newTable(table),
      newSet(map),
      newChain(chain),
      newRule(chain, [...matchOtherSource(mac), verdictOf(NF_DROP)]),
      newChain(prerouting),
      newRule(prerouting, [loadMeta(NFT_META_IIFNAME), goWhere(map.name)]),
      newElements(map, [element]),
    ]);
    const messages = splitMessages(encodeRequests(ours, 1));
    const theirs = splitMessages(vector("nft-spoofcheck"));
    expect(messages.map(({ type }) => type)).toEqual(theirs.map(({ type }) => type));
    for (const [i, message] of messages.entries()) {
      const expected = withoutNumbers(decode(theirs[i] ?? message));
      // The kernel's default, which nft spells out.
      if (message.type === 0xa00) Object.assign(Object(expected), { attributes: { name: "weft" } });
      expect(withoutNumbers(decode(message))).toEqual(expected);
    }
  });

  it("carries the number of the transaction it builds on", () => {
    const [begin] = splitMessages(encodeRequests(batch([], 7), 1));
    expect(begin && decode(begin)).toEqual({
      header: { family: 0, version: 0, resource: 10 },
      attributes: { generation: 7 },
    });
  });

  it("names in its errors what a request is about", () => {
    const inet = { family: NFPROTO_INET, name: "weft" };
    const hook = { type: "nat", hook: NF_INET_POST_ROUTING, priority: 100 };
    const requests = [
      newTable(inet),
      newChain({ table: inet, name: "postrouting", base: hook }),
      delChain(chain),
      delRule(chain, 3),
      getElement(map, key),
      delElements(map, [key]),
    ];
    expect(requests.map(({ what }) => what)).toEqual([
      'add nftables table "inet weft"',
      'add chain "postrouting" to nftables table "inet weft"',
      'delete chain "mac-0a-58-0a-01-02-03" of nftables table "bridge weft"',
      'delete rules of chain "mac-0a-58-0a-01-02-03" of nftables table "bridge weft"',
      'find elements of set "spoofcheck" of nftables table "bridge weft"',
      'delete elements of set "spoofcheck" of nftables table "bridge weft"',
    ]);
  });

  it("refuses a comment that does not fit its length byte", () => {
    const long = newElements(map, [{ ...element, notes: { comment: "x".repeat(255) } }]);
    expect(() => encodeRequests([long], 1)).toThrow(
      /NFTA_SET_ELEM_USERDATA: u8 must be an integer from 0 to 255, got 256$/,
    );
  });
});

describe("what the kernel answers", () => {
  it("shows an element with its owner and its chain", () => {
    const [message] = splitMessages(vector("nft-list-map"));
    expect(message && withoutNumbers(decode(message))).toMatchObject({
      attributes: {
        table: "weft",
        set: "masquerade4",
        elements: [
          {
            key: { value: [10, 1, 2, 3] },
            data: { verdict: { code: NFT_GOTO, chain: "masq-10.1.2.0/24" } },
            notes: { comment: "net box eth0" },
          },
        ],
      },
    });
  });

  it("shows our rules as we wrote them", () => {
    expect(withoutNumbers(rulesIn(vector("nft-list-rules")))).toEqual(
      withoutNumbers([
        leave(NFPROTO_IPV4, first4, 24),
        leave(NFPROTO_IPV4, groups4, 4),
        [masquerade],
      ]),
    );
  });

  it("counts the rules of a chain and the elements that lead to it", () => {
    const uses = splitMessages(vector("nft-list-chains")).map(({ body }) => {
      const { name, use } = read(chainMessage, body).attributes ?? {};
      return [name, use];
    });
    expect(uses).toEqual(
      expect.arrayContaining([
        ["masq-10.1.2.0/24", 4],
        ["postrouting", 2],
      ]),
    );
  });

  it("shows the rules of iptables: comment, address and jump", () => {
    const [accept = [], jump = []] = rulesIn(vector("nft-list-iptables-rules"));
    expect(iptablesComment(jump)).toBe('name: "net" id: "box"');
    expect(comparedValues(jump)).toEqual([Uint8Array.of(10, 1, 2, 3)]);
    expect(jump.map(jumpTarget).filter(Boolean)).toEqual(["CNI-x"]);
    expect(accept.map(jumpTarget).filter(Boolean)).toEqual([]);
  });
});

describe("a damaged message", () => {
  const messages = [...sent, ...received].flatMap((name) => splitMessages(vector(name)));

  function expectCodecErrorOrValue(message: Received, damaged: Uint8Array): void {
    try {
      read(layoutOf(message), new Reader(damaged));
    } catch (cause) {
      expect(cause).toBeInstanceOf(CodecError);
    }
  }

  it("is read or refused with CodecError, wherever it ends", () => {
    for (const message of messages) {
      const whole = bytesOf(message);
      for (let end = 0; end < whole.length; end++) {
        expectCodecErrorOrValue(message, whole.slice(0, end));
      }
    }
  });

  it("is read or refused with CodecError, whichever byte is wrong", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...messages),
        fc.nat(),
        fc.integer({ min: 0, max: 255 }),
        (message, position, byte) => {
          const damaged = bytesOf(message);
          damaged[position % damaged.length] = byte;
          expectCodecErrorOrValue(message, damaged);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
