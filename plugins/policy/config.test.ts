import { describe, expect, it, vi } from "vitest";
import type { JsonObject } from "../../lib/cni/json.ts";
import { formatCidr } from "../../lib/ip/cidr.ts";
import { parsePolicyConfig } from "./config.ts";

const files = vi.hoisted(() => new Map<string, unknown>());
vi.mock("../../lib/state/record.ts", () => ({ readJson: (path: string) => files.get(path) }));

const parsed = (json: JsonObject) => parsePolicyConfig(json, true).policy;
const refusal = (json: JsonObject) => () => parsePolicyConfig(json, true);

describe("the lists", () => {
  it("that are left out say nothing", () => {
    expect(parsed({})).toEqual({ ingress: undefined, egress: undefined });
    expect(parsed({ ingress: null })).toEqual({ ingress: undefined, egress: undefined });
  });

  it("that are empty are not the same as none", () => {
    expect(parsed({ ingress: {} }).ingress).toEqual({ deny: [], allow: undefined });
    expect(parsed({ ingress: { allow: [] } }).ingress).toEqual({ deny: [], allow: [] });
  });

  it("have networks, addresses, exceptions and ports", () => {
    const from = ["10.1.0.0/16", "192.0.2.7", "fd00::/64"];
    const ports = ["80/tcp", "8000-8999/udp", "icmp"];
    const { ingress } = parsed({ ingress: { allow: [{ from, except: ["10.1.2.0/24"], ports }] } });
    const [rule] = ingress?.allow ?? [];
    expect(rule?.networks?.map(formatCidr)).toEqual(["10.1.0.0/16", "192.0.2.7/32", "fd00::/64"]);
    expect(rule?.except.map(formatCidr)).toEqual(["10.1.2.0/24"]);
    expect(rule?.ports).toEqual([
      { protocol: "tcp", range: [80, 80] },
      { protocol: "udp", range: [8000, 8999] },
      { protocol: "icmp", range: undefined },
    ]);
  });

  it("of egress say `to`, and those of ingress `from`", () => {
    expect(parsed({ egress: { deny: [{ to: ["::/0"] }] } }).egress?.deny).toHaveLength(1);
    expect(refusal({ egress: { deny: [{ from: ["::/0"] }] } })).toThrow("egress.deny[0].from");
    expect(refusal({ ingress: { deny: [{ to: ["::/0"] }] } })).toThrow("ingress.deny[0].to");
  });

  it("do not matter for what goes", () => {
    const open = { ingress: undefined, egress: undefined };
    expect(parsePolicyConfig({ ingress: 7, file: "nowhere" }, false).policy).toEqual(open);
  });
});

describe("a file", () => {
  it("has both directions", () => {
    files.set("/lists.json", { egress: { allow: [] } });
    expect(parsed({ file: "/lists.json" })).toEqual({
      ingress: undefined,
      egress: { deny: [], allow: [] },
    });
  });

  it.each([
    ["that is none", undefined, "there is no such file"],
    ["with a list", [], "must be an object"],
    ["with another key", { ingres: {} }, "/lists.json: ingres"],
    [
      "with a fault",
      { ingress: { allow: [{ ports: ["http"] }] } },
      "/lists.json: ingress.allow[0]",
    ],
  ])("%s is refused by its name", (_what, content, words) => {
    files.set("/lists.json", content);
    expect(refusal({ file: "/lists.json" })).toThrow(words);
  });
});

const ports = Array.from({ length: 40 }, (_, i) => `${i + 1}/tcp`);
const from = Array.from({ length: 25 }, (_, i) => `10.${i}.0.0/16`);

it("a thousand rules are taken, and one more is not", () => {
  expect(parsed({ ingress: { allow: [{ from, ports }] } }).ingress?.allow).toHaveLength(1);
  expect(refusal({ ingress: { allow: [{ from, ports }], deny: [{}] } })).toThrow("got 1001");
});
