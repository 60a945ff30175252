/** Qdiscs and filters, as tc writes and the kernel tells them. */
import { describe, expect, it } from "vitest";
import { vector } from "../../tools/vector.ts";
import { Reader } from "../bytes/codec.ts";
import { read, write } from "../bytes/layout.ts";
import { anyPacket, filterMessage, newFilter, redirectOf } from "./filter.ts";
import { ETH_P_ALL } from "./if-ether.ts";
import { encodeRequests, type Received, type Request, splitMessages } from "./message.ts";
import {
  delQdisc,
  qdiscMessage,
  replaceQdisc,
  TC_H_INGRESS,
  TC_H_ROOT,
  tokenBucket,
} from "./qdisc.ts";

const RTM_NEWTFILTER = 44;

/** The link of the vectors, the device they redirect to, and the rate they ask for: 1 Mbit/s. */
const link = { index: 3, name: "s0" };
const ifb = 4;
const bucket = { rate: 125_000, burst: 10_240, limit: 10_240 + 3_125 };

function readAny(message: Received) {
  return message.type >= RTM_NEWTFILTER
    ? read(filterMessage, message.body)
    : read(qdiscMessage, message.body);
}

function ours(...requests: readonly Request[]) {
  return splitMessages(encodeRequests(requests, 1)).map(readAny);
}

function theirs(name: string) {
  return splitMessages(vector(name)).map(readAny);
}

describe("what tc sends", () => {
  it.each(["qdisc-tbf-add", "qdisc-delete", "qdisc-ingress-add", "qdisc-clsact-add"])(
    "%s: is written back as the same bytes, but for the note of what is nested",
    (name) => {
      for (const message of splitMessages(vector(name))) {
        const { body } = message;
        const bytes = body.bytes.slice(body.at, body.end);
        const out = write(qdiscMessage, read(qdiscMessage, new Reader(bytes)));
        const plain = (all: Uint8Array) => {
          const copy = all.slice();
          for (
            let at = 20;
            at + 4 <= copy.length;
            at += ((copy[at] ?? 4) + 256 * (copy[at + 1] ?? 0) + 3) & ~3
          ) {
            copy[at + 3] = (copy[at + 3] ?? 0) & 0x7f;
          }
          return Buffer.from(copy).toString("hex");
        };
        const written = plain(out);
        // tc neither pads texts nor ends them with NUL: lengths of what we write may be 1 larger.
        expect(written.length).toBeGreaterThanOrEqual(plain(bytes).length);
        expect(read(qdiscMessage, new Reader(out))).toEqual(read(qdiscMessage, new Reader(bytes)));
      }
    },
  );

  it("limits by the same numbers as we do", () => {
    const [own] = ours(
      replaceQdisc(link, { parent: TC_H_ROOT, handle: 0x10000 }, tokenBucket(bucket)),
    );
    const [tc] = theirs("qdisc-tbf-add");
    expect(own?.header).toMatchObject({ index: 3, parent: TC_H_ROOT, handle: 0x10000 });
    expect(tc?.header).toMatchObject({ index: 3, parent: TC_H_ROOT, handle: 0x10000 });
    const of = (found: typeof own) => {
      const { kind, data } = (found ?? { attributes: {} }).attributes as {
        readonly kind: string;
        readonly data: TokenBucket;
      };
      const { rate, limit } = data.parameters;
      return { kind, rate: rate.rate, limit, burst: data.burst };
    };
    expect(of(own)).toEqual(of(tc));
  });

  it("deletes and adds as we do", () => {
    const deleted = ours(delQdisc(link, { parent: TC_H_ROOT }));
    expect(deleted.map(({ header }) => header)).toEqual(
      theirs("qdisc-delete").map(({ header }) => header),
    );
    const added = ours(
      replaceQdisc(link, { parent: TC_H_INGRESS, handle: 0xffff0000 }, { kind: "ingress" }),
    );
    expect(added.map(({ header }) => header)).toEqual(
      theirs("qdisc-ingress-add").map(({ header }) => header),
    );
    const place = { parent: TC_H_INGRESS, handle: 0xffff0000 };
    const both = ours(replaceQdisc(link, place, { kind: "clsact" }));
    expect(both).toEqual(theirs("qdisc-clsact-add"));
  });

  it.each([
    ["u32", "filter-redirect-add", { keys: anyPacket }],
    ["matchall", "filter-matchall-add", {}],
  ] as const)("redirects by the same action of %s", (kind, name, keys) => {
    const spec = { parent: 0xffff0000, priority: 1, protocol: ETH_P_ALL, ...keys };
    const [own] = ours(newFilter(link, spec, { redirect: ifb }));
    const [tc] = theirs(name);
    expect([own?.attributes, tc?.attributes]).toMatchObject([{ kind }, { kind }]);
    expect(own?.header).toEqual(tc?.header);
    const filter = (found: typeof own) => found?.attributes as Parameters<typeof redirectOf>[0];
    expect(redirectOf(filter(tc))).toBe(ifb);
    expect(redirectOf(filter(own))).toBe(ifb);
    expect(filter(own).data?.actions).toEqual(filter(tc).data?.actions);
  });
});

interface TokenBucket {
  readonly parameters: { readonly rate: { readonly rate: number }; readonly limit: number };
  readonly burst: number;
}

describe("what the kernel tells", () => {
  it("of a token bucket", () => {
    const [found] = theirs("qdisc-tbf-list");
    expect(found?.header).toMatchObject({ index: 3, parent: TC_H_ROOT });
    expect(found?.attributes).toMatchObject({
      kind: "tbf",
      data: { parameters: { rate: { rate: bucket.rate }, limit: bucket.limit } },
    });
  });

  it("of a redirection", () => {
    const found = theirs("filter-redirect-list").map(
      ({ attributes }) => attributes as Parameters<typeof redirectOf>[0],
    );
    expect(found.map(redirectOf).filter((link) => link !== undefined)).toEqual([ifb]);
  });
});
