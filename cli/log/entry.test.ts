import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Entry, heading, isMeant, parseEntry, rowOf, stepsOf } from "./entry.ts";

const call = {
  time: "2026-11-27T08:04:20.382Z",
  command: "ADD",
  plugin: "bridge",
  network: "pods",
  owner: { containerID: "0123456789abcdef", ifName: "eth0", netns: "/run/netns/x" },
  ms: 7.43,
  steps: [{ step: "veth pair", ms: 2.23 }],
  result: { ips: [{ address: "10.1.2.3/24" }, { address: "fd00::3/64" }] },
};

function entry(more: object = {}): Entry {
  const found = parseEntry(JSON.stringify({ ...call, ...more }));
  if (!found) throw new Error("no entry");
  return found;
}

describe("a call", () => {
  it("is one line beneath the heading, with addresses, an error, or neither", () => {
    const at = (what: string) => heading.indexOf(what);
    const row = rowOf(entry());
    expect(row.slice(at("NETWORK"))).toMatch(
      /^pods +0123456789abc +eth0 +7\.4 {2}10\.1\.2\.3\/24, fd00::3\/64$/,
    );
    expect(row.slice(at("OUTCOME"))).toBe("10.1.2.3/24, fd00::3/64");
    expect(rowOf(entry({ result: undefined }))).toMatch(/ ok$/);
    expect(rowOf(entry({ error: { code: 103, msg: "Cannot" } }))).toMatch(/ {2}error 103: Cannot$/);
    expect(rowOf(entry({ result: { ip4: { ip: "10.1.2.9/24" } } }))).toMatch(/ 10\.1\.2\.9\/24$/);
    expect(rowOf(entry({ owner: undefined }))).toMatch(/ pods +- +- +7\.4 /);
  });

  it("is one line without what a terminal obeys, whatever is in it", () => {
    const keys = ["time", "plugin", "network", "owner", "ms", "error", "result", "steps"];
    const any = fc.dictionary(fc.constantFrom(...keys), fc.jsonValue());
    fc.assert(
      fc.property(any, (more) => {
        const odd = entry({ ...more, command: "\x1b[31m\nADD" });
        for (const line of [rowOf(odd), ...stepsOf(odd)]) expect(line).not.toMatch(/\p{Cc}/u);
      }),
    );
  });

  it("has its steps, and what none of them accounts for", () => {
    expect(stepsOf(entry())).toEqual(["       2.230  veth pair", "       5.200  else"]);
    expect(stepsOf(entry({ moreSteps: 3 })).at(-1)).toBe(
      "       5.200  3 more steps, and between them",
    );
  });

  it("is meant by its network, the begin of its container's ID, and its error", () => {
    const all = { network: undefined, container: "", isFailed: false };
    expect(isMeant(entry(), all)).toBe(true);
    expect(isMeant(entry(), { ...all, network: "pods", container: "01234" })).toBe(true);
    expect(isMeant(entry(), { ...all, network: "pod" })).toBe(false);
    expect(isMeant(entry(), { ...all, container: "1234" })).toBe(false);
    expect(isMeant(entry(), { ...all, isFailed: true })).toBe(false);
    expect(isMeant(entry({ error: { code: 1 } }), { ...all, isFailed: true })).toBe(true);
  });
});

describe("a line of a log", () => {
  it("may lie behind a part of another", () => {
    const line = JSON.stringify(call);
    expect(parseEntry(line.slice(0, 99) + line)).toEqual({ line, call });
  });

  it.each(["", "x", "[]", "1", '{"time":"x"}', '{"time":"x","command":1}', '{"time":"x","comm'])(
    "is none that is %j",
    (text) => {
      expect(parseEntry(text)).toBeUndefined();
    },
  );
});
