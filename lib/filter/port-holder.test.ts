import { describe, expect, it } from "vitest";
import { hostVethName } from "../net/veth.ts";
import { noteOf } from "./port-holder.ts";

const owner = { network: "net", containerID: "box", ifName: "eth0" };
const netns = "/run/netns/box";
const own = hostVethName(owner);

describe("what is noted of a holder", () => {
  it("is its veth and its namespace", () => {
    expect(noteOf({ owner, netns, links: ["br0", own] })).toBe(`${own} ${netns}`);
  });

  it("is its veth also if the first name was taken", () => {
    const second = hostVethName(owner, 1);
    expect(noteOf({ owner, netns, links: [second] })).toBe(`${second} ${netns}`);
  });

  it.each([
    ["no link on the host", { links: [] }],
    ["a link of another suite", { links: ["br0", "veth0a1b2c3d"] }],
    ["the veth of another interface", { links: [hostVethName({ ...owner, ifName: "eth1" })] }],
    ["no namespace", { netns: "" }],
    ["a path with a space", { netns: "/run/netns/a b" }],
    ["a path that ends a comment", { netns: '/run/netns/a"' }],
    ["a path with a backslash", { netns: "/run/netns/a\\b" }],
    ["a path that is relative", { netns: "box" }],
    ["a path of other letters", { netns: "/run/netns/é" }],
  ])("is nothing with %s", (_, less) => {
    expect(noteOf({ owner, netns, links: [own], ...less })).toBeUndefined();
  });
});
