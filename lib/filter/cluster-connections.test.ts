import { createHash } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { parseAddress } from "../ip/address.ts";
import type { Netns } from "../net/netns.ts";
import type { Request } from "../netlink/message.ts";
import { ElementList } from "./element-list.ts";
import type { Chain, KnownRuleset, RulesetChanges } from "./ruleset.ts";

const sysctl = vi.hoisted(() => ({ count: "9" as string | undefined }));
vi.mock("host", () => ({
  agent: () => ({
    digestOfText: (text: string) => createHash("sha256").update(text).digest("hex"),
  }),
}));
vi.mock("../net/sysctl.ts", () => ({ findSysctl: () => sysctl.count }));
vi.mock("../net/address.ts", () => ({ listLocalAddresses: () => [bytes("10.0.0.254")] }));

const { cutForbidden } = await import("./cluster-connections.ts");

function bytes(text: string): Uint8Array {
  return parseAddress(text) ?? new Uint8Array(0);
}

interface Tracked {
  readonly from: string;
  readonly to: string;
  readonly protocol?: number;
  readonly port?: number;
}

/** A connection as the kernel lists it. */
function message({ from, to, protocol = 6, port = 80 }: Tracked, id: number) {
  const isFour = !from.includes(":");
  const ends = (source: string, destination: string) =>
    isFour
      ? { source4: bytes(source), destination4: bytes(destination) }
      : { source6: bytes(source), destination6: bytes(destination) };
  const original = {
    addresses: ends(from, to),
    ports: { protocol, source: 999, destination: port },
  };
  const reply = { addresses: ends(to, from), ports: { protocol, source: port, destination: 999 } };
  return { header: { family: isFour ? 2 : 10 }, attributes: { original, reply, id } };
}

/** A namespace with these connections; `cut` has the numbers of those that were deleted. */
function hostWith(...all: readonly Tracked[]) {
  const cut: number[] = [];
  const attempt = (...requests: readonly Request[]) =>
    requests.map(({ value }) => {
      cut.push((value as { attributes: { id: number } }).attributes.id);
      return {};
    });
  const dump = (_: unknown, __: unknown, pick = (each: unknown) => each) =>
    all.map((each, i) => pick(message(each, i)));
  return { ns: { netfilter: { attempt, dump } } as unknown as Netns, cut };
}

const db = "10.0.0.5";
const web = "10.0.1.1";
const chain: Chain = {
  direction: "ingress",
  allows: [
    { policy: "a/n", peers: { set: "web" }, ports: [{ protocol: "TCP", range: [80, 90] }] },
    { policy: "a/n", destinations: "named", protocol: "UDP" },
    {
      policy: "a/n",
      peers: {
        block: { address: bytes("192.0.2.0"), prefixLength: 24 },
        except: [{ address: bytes("192.0.2.128"), prefixLength: 25 }],
      },
      ports: undefined,
    },
  ],
};
const known: KnownRuleset = {
  addressAt: (text) =>
    text === db ? { address: bytes(db), ingress: "in", egress: undefined } : undefined,
  chainNamed: (name) => (name === "in" ? chain : undefined),
  addressesBy: (chains) => (chains.has("in") ? [db] : []),
  isIn: (set, address, port) => (set === "web" ? address === web : address === db && port === 53),
};
const none: RulesetChanges = { sets: new Map(), chains: new Map(), addresses: new Map() };
const changed: RulesetChanges = { ...none, chains: new Map([["in", chain]]) };

describe("connections that are forbidden now", () => {
  it("are cut, whatever of the rule does not fit", () => {
    const fine: Tracked[] = [
      { from: web, to: db },
      { from: web, to: db, port: 90 },
      { from: "10.0.9.9", to: db, protocol: 17, port: 53 },
      { from: "192.0.2.1", to: db, protocol: 1 },
      { from: db, to: "198.51.100.1" },
      { from: "10.0.9.9", to: web },
    ];
    const forbidden: Tracked[] = [
      { from: "10.0.9.9", to: db },
      { from: web, to: db, port: 91 },
      { from: web, to: db, protocol: 17 },
      { from: "10.0.9.9", to: db, protocol: 6, port: 53 },
      { from: "192.0.2.129", to: db, protocol: 1 },
    ];
    const { ns, cut } = hostWith(...fine, ...forbidden);
    expect(cutForbidden(ns, known, changed)).toBe(forbidden.length);
    expect(cut).toEqual(forbidden.map((_, i) => fine.length + i));
  });

  it("are not those of the host, and of a pod with itself", () => {
    const { ns, cut } = hostWith({ from: "10.0.0.254", to: db }, { from: db, to: db });
    expect(cutForbidden(ns, known, changed)).toBe(0);
    expect(cut).toEqual([]);
  });

  it("are looked for at what left a set, and at what is judged anew, but not at what was added", () => {
    const nothing = new ElementList(false);
    const left = ElementList.of(false, [{ address: bytes("10.0.9.9"), port: undefined }]);
    const set = { state: "changed", hasPorts: false, added: nothing, removed: nothing } as const;
    const judged = { address: bytes(db), ingress: "in", egress: undefined };
    const forbidden = { from: "10.0.9.9", to: db };
    const cutBy = (changes: Partial<RulesetChanges>) =>
      cutForbidden(hostWith(forbidden).ns, known, { ...none, ...changes });
    expect(cutBy({ sets: new Map([["web", { ...set, removed: left }]]) })).toBe(1);
    expect(cutBy({ addresses: new Map([[db, judged]]) })).toBe(1);
    expect(cutBy({ sets: new Map([["web", { ...set, added: left }]]) })).toBe(0);
    expect(cutBy({ addresses: new Map([[db, undefined]]) })).toBe(0);
  });

  it("cost no walk where nothing is tracked", () => {
    sysctl.count = "0";
    const dump = () => expect.fail("a walk");
    const ns = { netfilter: { dump } } as unknown as Netns;
    expect(cutForbidden(ns, known, changed)).toBe(0);
    sysctl.count = "9";
  });
});
