import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isoTime } from "../host/iso-time.ts";
import { LONGEST_LINE, type LoggedCall, logLine, parseTrace } from "./log-line.ts";

const call: LoggedCall = {
  time: 0,
  command: "ADD",
  plugin: "bridge",
  version: "1.2.3",
  cniVersion: "1.1.0",
  network: "pods",
  owner: { containerID: "box", ifName: "eth0", netns: "/run/netns/box" },
  pid: 7,
  parent: "runtime",
  trace: undefined,
  ms: 1.5,
  steps: [{ step: "veth pair", ms: 1 }],
  moreSteps: 0,
  error: undefined,
  result: { ips: [{ address: "10.1.2.3/24" }] },
};

describe("a line of the log", () => {
  it("is one JSON object with all that is known", () => {
    expect(JSON.parse(logLine(call))).toEqual({
      ...{ time: "1970-01-01T00:00:00.000Z", command: "ADD", plugin: "bridge", version: "1.2.3" },
      ...{ cniVersion: "1.1.0", network: "pods", owner: call.owner, pid: 7, parent: "runtime" },
      ...{ ms: 1.5, steps: call.steps, result: call.result },
    });
  });

  it("has neither an owner nor a network nor a parent that is not known", () => {
    const owner = { containerID: "", ifName: "", netns: "" };
    const line = JSON.parse(logLine({ ...call, owner, network: undefined, parent: "" }));
    for (const key of ["owner", "network", "parent"]) expect(line).not.toHaveProperty(key);
  });

  it("shows the begin of a result that is too long, and says that it is cut", () => {
    const result = { ips: Array.from({ length: 999 }, () => ({ address: "10.1.2.3/24" })) };
    const text = logLine({ ...call, result });
    const line = JSON.parse(text);
    expect(text.length).toBeLessThanOrEqual(LONGEST_LINE);
    expect(line).toMatchObject({ isCut: true, steps: call.steps, owner: call.owner });
    expect(line.result).toMatch(/^\{"ips":\[\{"address":"10\.1\.2\.3\/24"\}.*…$/);
  });

  it("is never longer than it may be, never two lines, and tells its command, whatever is in it", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("\n".repeat(9999), '"'.repeat(9999), "\ud800".repeat(9999), "é".repeat(9999)),
    );
    const some = fc.record({
      network: text,
      parent: text,
      owner: fc.record({ containerID: text, ifName: text, netns: text }),
      steps: fc.array(fc.record({ step: text.map((each) => each.slice(0, 100)), ms: fc.nat() }), {
        maxLength: 40,
      }),
      error: fc.option(fc.record({ code: fc.nat(), message: text, details: text }), {
        nil: undefined,
      }),
      result: fc.option(text, { nil: undefined }),
    });
    fc.assert(
      fc.property(some, (more) => {
        const line = logLine({ ...call, ...more });
        expect(line.length).toBeLessThanOrEqual(LONGEST_LINE);
        expect(line).not.toContain("\n");
        expect(JSON.parse(line)).toMatchObject({ command: "ADD", plugin: "bridge", ms: 1.5 });
      }),
    );
  });
});

describe("a time", () => {
  it("is written as JavaScript's own dates write it", () => {
    const from1900to2200 = { min: -2_208_988_800_000, max: 7_258_118_400_000 };
    fc.assert(
      fc.property(fc.integer(from1900to2200), (time) => {
        expect(isoTime(time)).toBe(new Date(time).toISOString());
      }),
    );
    for (const day of ["2000-02-29", "2024-02-29", "2024-12-31", "2100-02-28", "2100-03-01"]) {
      expect(isoTime(Date.parse(day))).toBe(`${day}T00:00:00.000Z`);
    }
  });
});

describe("TRACEPARENT", () => {
  const [trace, span] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];

  it("names a trace and a span, also in a later version with more behind", () => {
    const expected = { traceID: trace, spanID: span };
    expect(parseTrace(`00-${trace}-${span}-01`)).toEqual(expected);
    expect(parseTrace(`cc-${trace}-${span}-01-what-ever`)).toEqual(expected);
  });

  it.each([
    "",
    "00",
    `00-${trace}-${span}`,
    `00-${trace}-${span}-1`,
    `00-${trace}-${span}-01-more`,
    `ff-${trace}-${span}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${"0".repeat(32)}-${span}-01`,
    `00-${trace}-${"0".repeat(16)}-01`,
    ` 00-${trace}-${span}-01`,
  ])("is ignored if it is %j", (text) => {
    expect(parseTrace(text)).toBeUndefined();
  });
});
