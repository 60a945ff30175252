import { describe, expect, it } from "vitest";
import { EEXIST, ENODEV } from "../host/errno.ts";
import type { Outcome } from "../netlink/connection.ts";
import { isRefusal, NetlinkError } from "../netlink/error.ts";
import { getLink } from "../netlink/link.ts";
import { say } from "../netlink/message.ts";
import { Netns } from "./netns.ts";
import { performNamed, performSteps } from "./together.ts";

/** A namespace whose kernel refuses the requests of these names, and notes all it was asked. */
function kernel(refusals: Readonly<Record<string, number>> = {}) {
  const asked: string[] = [];
  const ns = new Netns(-1, "");
  ns.route.attempt = (...requests) =>
    requests.map(({ what }): Outcome => {
      const words = say(what);
      asked.push(words);
      const errno = Object.entries(refusals).find(([name]) => words.includes(`"${name}"`))?.[1];
      return { what, bodies: [], ...(errno ? { error: new NetlinkError(words, errno) } : {}) };
    });
  return { ns, asked };
}

const step = (name: string) => ({ request: getLink(name) });

describe("steps in one datagram", () => {
  it("are all sent, and nothing is thrown if none is refused", () => {
    const { ns, asked } = kernel();
    performSteps(ns, ["a", "b", "c"].map(step));
    expect(asked).toEqual(['find link "a"', 'find link "b"', 'find link "c"']);
  });

  it("throw the first refusal that is not tolerated", () => {
    const { ns } = kernel({ a: EEXIST, b: ENODEV, c: ENODEV });
    const tolerates = (error: NetlinkError) => isRefusal(error, EEXIST);
    const steps = ["a", "b", "c"].map((name) => ({ ...step(name), tolerates }));
    expect(() => performSteps(ns, steps)).toThrow('Cannot find link "b": ENODEV');
    expect(() => performSteps(ns, steps.slice(0, 1))).not.toThrow();
  });

  it("throw what their own step says of a refusal", () => {
    const { ns } = kernel({ b: ENODEV });
    const explain = (error: NetlinkError) => new Error(`because of ${error.errno}`);
    const steps = ["a", "b"].map((name) => ({ ...step(name), explain }));
    expect(() => performSteps(ns, steps)).toThrow(`because of ${ENODEV}`);
  });

  it("are found by their names", () => {
    const { ns } = kernel();
    const { two } = performNamed(ns, { one: step("a"), two: step("b") });
    expect(say(two.what)).toBe('find link "b"');
  });
});
