import { describe, expect, it } from "vitest";
import { parseAddress } from "../../lib/ip/address.ts";
import { isLost, lossOf, type Mapping, requireOneTarget, withoutTwins } from "./mappings.ts";

/** `8080@127.0.0.1>80`: host port, host IP and container port, as a list in configuration. */
function mappings(...texts: readonly string[]): readonly Mapping[] {
  return texts.map((text, place) => {
    const [, protocol = "tcp", port, hostIP = "", target] =
      /^(?:(udp):)?(\d+)(?:@([^>]+))?>(\d+)$/.exec(text) ?? [];
    const address = parseAddress(hostIP);
    const isAny = hostIP === "0.0.0.0" || hostIP === "::";
    return {
      place,
      protocol: protocol as Mapping["protocol"],
      port: Number(port),
      containerPort: Number(target),
      family: address && (address.length === 4 ? 4 : 6),
      address: isAny ? undefined : address,
    };
  });
}

function places(kept: readonly Mapping[]): readonly number[] {
  return kept.map(({ place }) => place);
}

describe("two mappings of one target", () => {
  it.each([
    [["8080>80", "8080>80"], [0]],
    [["8080>80", "8080@127.0.0.1>80"], [0]],
    [["8080@127.0.0.1>80", "8080>80"], [1]],
    [["8080>80", "8080@::>80"], [0]],
    [["8080@::>80", "8080>80"], [1]],
    [["8080>80", "8080@0.0.0.0>80", "8080@::>80"], [0]],
    [["8080@0.0.0.0>80", "8080@192.0.2.1>80"], [0]],
    [["8080@192.0.2.1>80", "8080@192.0.2.1>80"], [0]],
    [["8080@fd00::1>80", "8080@FD00:0:0::1>80", "8080@::>80"], [2]],
  ])("%j are one", (texts, kept) => {
    expect(places(withoutTwins(mappings(...texts)))).toEqual(kept);
    expect(() => requireOneTarget(mappings(...texts), texts)).not.toThrow();
  });

  it.each([
    [["8080@0.0.0.0>80", "8080@::>80"]],
    [["8080@192.0.2.1>80", "8080@192.0.2.2>81"]],
    [["8080@::>80", "8080@192.0.2.1>81"]],
    [["8080>80", "udp:8080>81"]],
    [["8080>80", "8081>80"]],
  ])("%j are two", (texts) => {
    expect(places(withoutTwins(mappings(...texts)))).toEqual([0, 1]);
    expect(() => requireOneTarget(mappings(...texts), texts)).not.toThrow();
  });

  it.each([
    [["8080>80", "8080>81"]],
    [["8080>80", "8080@127.0.0.1>81"]],
    [["8080@127.0.0.1>81", "8080>80"]],
    [["8080@0.0.0.0>80", "8080>81"]],
    [["8080@fd00::1>80", "8080@::>81"]],
  ])("%j exclude each other", (texts) => {
    expect(() => requireOneTarget(mappings(...texts), texts)).toThrow(/portMappings\[1\] must be/);
  });
});

describe("a mapping that leads nowhere", () => {
  it.each([
    ["8080@192.0.2.1>80", [6], "the container has no IPv4 address"],
    ["8080@::>80", [4], "the container has no IPv6 address"],
    ["8080>80", [], "the container has no address"],
    ["8080@::1>80", [4, 6], "nothing leads from there"],
  ])("%s for families %j", (text, families, words) => {
    const [mapping] = mappings(text);
    expect(mapping && isLost(mapping, families)).toBe(true);
    expect(mapping && lossOf(mapping)).toContain(words);
  });

  it.each([
    ["8080>80", [6]],
    ["8080@0.0.0.0>80", [4]],
    ["8080@127.0.0.1>80", [4, 6]],
  ])("not %s for families %j", (text, families) => {
    const [mapping] = mappings(text);
    expect(mapping && isLost(mapping, families)).toBe(false);
  });
});
