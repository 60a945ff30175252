import { expect, it } from "vitest";
import type { Outcome } from "../netlink/connection.ts";
import { getLink } from "../netlink/link.ts";
import { say } from "../netlink/message.ts";
import { Netns } from "./netns.ts";
import { performNamed } from "./together.ts";

it("finds answers by the names of their requests, whatever their order", () => {
  const ns = new Netns(-1, "");
  ns.route.perform = (...requests) => requests.map(({ what }): Outcome => ({ what, bodies: [] }));
  const { b, a } = performNamed(ns, { a: getLink("one"), b: getLink("two") });
  expect([a, b].map(({ what }) => say(what))).toEqual(['find link "one"', 'find link "two"']);
});
