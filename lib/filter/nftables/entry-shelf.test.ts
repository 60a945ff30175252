import { describe, expect, it } from "vitest";
import { Reader } from "../../bytes/codec.ts";
import { write } from "../../bytes/layout.ts";
import { collect } from "../../net/inventory.ts";
import type { Netns } from "../../net/netns.ts";
import { ownerText } from "../../net/owner.ts";
import { type Request, say } from "../../netlink/message.ts";
import type { NftSet } from "../../netlink/nft-request.ts";
import { chainMessage } from "../../netlink/nftables.ts";
import { leavesWith } from "./dispatcher.ts";
import { entryShelf } from "./entry-shelf.ts";
import { addressMap, inetTable as table } from "./sets.ts";

const map: NftSet = addressMap(table, "map4", 4);
const dispatcher = { table, maps: [map], chains: () => [], leaves: leavesWith(1) };
const owner = (containerID: string) => ({ network: "net", containerID, ifName: "eth0" });

/** Addresses of 10.0.0.0/8 by their last byte, the container that has each, and their chain. */
type Elements = { readonly [last: number]: string };

function chainOfUse(use: number): Reader {
  return new Reader(write(chainMessage, { header: {}, attributes: { use } }));
}

/** nf_tables with one map, whose elements may change after they have been listed once. */
function fake(first: Elements, then: Elements = first) {
  let lists = 0;
  const changes: string[] = [];
  const dump = () => {
    const elements = Object.entries(lists++ === 0 ? first : then).map(([last, containerID]) => ({
      key: { value: Uint8Array.of(10, 0, 0, Number(last)) },
      data: { verdict: { chain: "leaf" } },
      notes: { comment: ownerText(owner(containerID)) },
    }));
    return [{ attributes: { elements } }];
  };
  const uses = () => chainOfUse(1 + Object.keys(then).length);
  const generation = () => new Reader(Uint8Array.of(0, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 1));
  const netfilter = {
    dump,
    get: () => ({ attributes: { id: 1 } }),
    attempt: (...requests: readonly Request[]) =>
      requests.map(({ what }) => ({
        what,
        bodies: [say(what) === "use nftables" ? generation() : uses()],
      })),
    transaction: (requests: readonly Request[]) => {
      for (const { what, value } of requests.slice(1, -1)) {
        const { elements = [] } = (value as { attributes: { elements?: Deleted[] } }).attributes;
        const keys = elements.map(({ key }) => key.value[3]).join();
        changes.push(`${say(what).split(" of ")[0]?.replace(" chain", "")} ${keys}`.trim());
      }
    },
  };
  return { ns: { netfilter } as unknown as Netns, changes };
}

interface Deleted {
  readonly key: { readonly value: Uint8Array };
}

function collectFrom(
  kernel: ReturnType<typeof fake>,
  ...valid: readonly string[]
): readonly string[] {
  const removed: string[] = [];
  const shelf = entryShelf(kernel.ns, {
    dispatcher,
    keyInWords: ({ key }) => `address ${key[3]}`,
    afterwards: (elements) => removed.push(...elements.map(({ key }) => `${key[3]}`)),
  });
  collect(shelf, "net", valid.map(owner));
  return removed;
}

describe("what is on the shelf of a dispatcher", () => {
  it("goes in one transaction unless its owner is valid, and its chain with the last", () => {
    const some = fake({ 1: "a", 2: "b", 3: "c" });
    expect(collectFrom(some, "b")).toEqual(["1", "3"]);
    expect(some.changes).toEqual(["delete elements 1,3"]);
    const all = fake({ 1: "a", 2: "b" });
    expect(collectFrom(all)).toEqual(["1", "2"]);
    expect(all.changes).toEqual(["delete elements 1,2", 'delete "leaf"']);
  });

  it("stays if it has changed hands since it was listed", () => {
    const kernel = fake({ 1: "a", 2: "b" }, { 1: "c", 2: "b" });
    expect(collectFrom(kernel)).toEqual(["2"]);
    expect(kernel.changes).toEqual(["delete elements 2"]);
  });

  it("is left alone if everybody is valid", () => {
    const kernel = fake({ 1: "a" });
    expect(collectFrom(kernel, "a")).toEqual([]);
    expect(kernel.changes).toEqual([]);
  });

  it("is named for people", () => {
    const { ns } = fake({ 1: "a" });
    const shelf = entryShelf(ns, { dispatcher, keyInWords: ({ key }) => `address ${key[3]}` });
    const [thing] = shelf.list("net");
    expect(thing && shelf.inWords(thing)).toBe("address 1 in map4 of nf_tables");
    expect(shelf.list("other")).toEqual([]);
  });
});
