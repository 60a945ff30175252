import { describe, expect, it } from "vitest";
import { Reader } from "../bytes/codec.ts";
import { ENOENT, EOPNOTSUPP, EPERM, ERESTART } from "../host/errno.ts";
import type { Netns } from "../net/netns.ts";
import type { Outcome } from "../netlink/connection.ts";
import { NetlinkError } from "../netlink/error.ts";
import { type Request, say } from "../netlink/message.ts";
import { getTable } from "../netlink/nft-request.ts";
import { ask, changeTables, type Question, transact, whereThere } from "./nft-transaction.ts";

/** nfgenmsg, and NFTA_GEN_ID with this number. */
function generation(id: number): Reader {
  return new Reader(Uint8Array.of(0, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, id));
}

const nothing = () => new Reader(new Uint8Array(0));

interface Kernel {
  /** What comes back for each request, by its words; one body unless something is said. */
  readonly answers?: { readonly [what: string]: Partial<Outcome> };
  /** How many transactions are refused before one is made. */
  readonly busy?: number;
}

/** A namespace that answers as told, and keeps the words of the transactions. */
function fake({ answers = {}, busy = 0 }: Kernel) {
  const made: string[][] = [];
  let refusals = 0;
  const wordsOf = (requests: readonly Request[]) => requests.map(({ what }) => say(what));
  const attempt = (...requests: readonly Request[]) =>
    wordsOf(requests).map((what) => {
      const bodies = [what === "use nftables" ? generation(made.length + 7) : nothing()];
      return { what, bodies, ...answers[what] };
    });
  const transaction = (requests: readonly Request[]) => {
    if (refusals++ < busy) throw new NetlinkError("change nftables", ERESTART);
    made.push(wordsOf(requests.slice(1, -1)));
  };
  return { ns: { netfilter: { attempt, transaction } } as unknown as Netns, made };
}

const table = (name: string) => getTable({ family: 2, name });
const words = (name: string) => `find nftables table "ip ${name}"`;
const isThere = (name: string): Question<boolean> => whereThere(table(name), () => true, false);
const refusal = (errno: number) => ({ error: new NetlinkError("refused", errno), bodies: [] });

describe("questions in groups", () => {
  it("have their answers under the same names, in the same order", () => {
    const { ns } = fake({ answers: { [words("b")]: { bodies: [] } } });
    const length: Question<number> = { request: table("c"), read: ({ what }) => say(what).length };
    const found = ask(ns, { tables: ["a", "b"].map(isThere), none: [], lengths: [length] });
    expect(found).toEqual({ tables: [true, false], none: [], lengths: [words("c").length] });
  });

  it("say which refusals are an answer, and throw others", () => {
    expect(isThere("a").request.tolerates).toEqual([ENOENT]);
    const { ns } = fake({ answers: { [words("a")]: refusal(EPERM) } });
    expect(() => ask(ns, { tables: [isThere("a")] })).toThrow("refused");
  });
});

describe("a change", () => {
  const plan = ({ tables }: { tables: readonly boolean[] }) => ({
    requests: tables[0] ? [table("new")] : [],
    result: tables,
  });

  it("is planned by the answers, and what was planned last is returned", () => {
    const { ns, made } = fake({});
    expect(transact(ns, { tables: [isThere("a")] }, plan)).toEqual([true]);
    expect(made).toEqual([[words("new")]]);
  });

  it("is nothing if nothing is planned", () => {
    const { ns, made } = fake({ answers: { [words("a")]: { bodies: [] } } });
    expect(transact(ns, { tables: [isThere("a")] }, plan)).toEqual([false]);
    expect(made).toEqual([]);
  });

  it("is planned anew while others change the tables", () => {
    const { ns, made } = fake({ busy: 2 });
    let plans = 0;
    const isDone = changeTables(ns, {
      questions: [table("a")],
      plan: ([answer]) => (answer ? [table(`plan ${++plans}`)] : []),
    });
    expect(isDone).toBe(true);
    expect(made).toEqual([[words("plan 3")]]);
  });

  it("is not planned where there are no nf_tables", () => {
    const { ns } = fake({ answers: { "use nftables": refusal(EOPNOTSUPP) } });
    const never = () => expect.unreachable();
    expect(transact(ns, {}, never)).toBeUndefined();
    expect(changeTables(ns, { questions: [], plan: never })).toBe(false);
  });
});
