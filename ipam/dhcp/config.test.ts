/** dhcp's configuration, and what of it is sent to servers. */
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../lib/cni/json.ts";
import { clientIdentifier, optionsToSend, parseDhcpConfig } from "./config.ts";

const attachment = { network: "net", containerID: "c1", ifName: "eth0" };

function parse(ipam: JsonObject, strict = true) {
  return parseDhcpConfig({ ipam: { type: "dhcp", ...ipam } }, strict);
}

function sent(provide: readonly JsonObject[], args = ""): Record<string, string> {
  const options = optionsToSend(parse({ provide }), attachment, args);
  return Object.fromEntries(
    [...options].map(([code, value]) => [code, Buffer.from(value).toString()]),
  );
}

describe("the configuration", () => {
  it("may be empty", () => {
    expect(parse({})).toEqual({
      socketPath: "/run/cni/dhcp.sock",
      provide: [],
      request: [1, 121, 3, 6, 15, 119, 26],
      priority: 0,
      broadcast: false,
      detectsConflicts: false,
    });
  });

  it("is read as it is given", () => {
    const provide = [{ option: "host-name", value: "a", fromArg: "K8S_POD_NAME" }];
    const given = { daemonSocketPath: "/x", priority: 5, broadcast: true, conflictDetection: true };
    expect(parse({ ...given, provide })).toMatchObject({
      socketPath: "/x",
      provide: [{ option: 12, value: "a", fromArg: "K8S_POD_NAME" }],
      priority: 5,
      broadcast: true,
      detectsConflicts: true,
    });
  });

  it("is not in the way of DEL", () => {
    const wrong = { provide: [{ option: "x" }], request: [{ option: "x" }] };
    expect(parse({ ...wrong, daemonSocketPath: "/x" }, false)).toMatchObject({
      socketPath: "/x",
      provide: [],
      request: [],
    });
  });
});

describe("what is asked for", () => {
  it.each([
    ["first", [{ option: "42" }], [42, 1, 121, 3, 6, 15, 119, 26]],
    ["once", [{ option: "3" }, { option: "routers" }], [3, 1, 121, 6, 15, 119, 26]],
    [
      "by name",
      [{ option: "host-name" }, { option: "user-class" }, { skipDefault: true }],
      [12, 77],
    ],
    ["alone", [{ option: "121", skipDefault: true }], [121]],
    ["by nothing", [{ skipDefault: true }], []],
    ["by the default alone", [{ skipDefault: false }], [1, 121, 3, 6, 15, 119, 26]],
  ])("is asked for %s", (_how, request, expected) => {
    expect(parse({ request }).request).toEqual(expected);
  });

  it.each(["0", "255", "256", "-1", "1.5", " 1", "0x1", "1000", "Routers", "hostname"])(
    "is no option %j",
    (option) => {
      const message = `ipam.request[1].option must be a number from 1 to 254 as text, or one of dhcp-client-identifier, subnet-mask, routers, host-name, user-class, vendor-class-identifier, got "${option}"`;
      expect(() => parse({ request: [{ option: "1" }, { option }] })).toThrow(
        `Cannot use this configuration: ${message}`,
      );
    },
  );
});

describe("what is sent", () => {
  const identifier = "\0c1/net/eth0";

  it.each([
    ["the identifier", [], "", {}],
    ["a value", [{ option: "60", value: "weft" }], "", { 60: "weft" }],
    ["an argument", [{ option: "host-name", fromArg: "NAME" }], "IP=;NAME=a=b", { 12: "a=b" }],
    [
      "an argument rather than a value",
      [{ option: "12", value: "v", fromArg: "N" }],
      "N=a",
      { 12: "a" },
    ],
    [
      "a value without its argument",
      [{ option: "12", value: "v", fromArg: "N" }],
      "M=a",
      { 12: "v" },
    ],
    [
      "a value for an empty argument",
      [{ option: "12", value: "v", fromArg: "N" }],
      "N=",
      { 12: "v" },
    ],
    ["nothing without both", [{ option: "12", fromArg: "N" }], "bad;;=;x", {}],
    ["no argument that is every object's", [{ option: "12", fromArg: "toString" }], "", {}],
    ["the bytes of a text", [{ option: "12", value: "ä" }], "", { 12: "ä" }],
    [
      "the last of two",
      [
        { option: "12", value: "a" },
        { option: "host-name", value: "b" },
      ],
      "",
      { 12: "b" },
    ],
  ])("is %s", (_what, provide, args, expected) => {
    expect(sent(provide, args)).toEqual({ 61: identifier, ...expected });
  });

  it("may be another identifier", () => {
    expect(sent([{ option: "dhcp-client-identifier", value: "me" }])).toEqual({ 61: "me" });
  });

  it("is at most 255 bytes long", () => {
    const long = "ä".repeat(127);
    expect(sent([{ option: "12", value: `${long}a` }])[12]).toBe(`${long}a`);
    expect(() => sent([{ option: "12", value: `${long}ab` }])).toThrow("(value too long)");
    expect(() => sent([{ option: "12", value: "a\0b" }])).toThrow("at most 255 bytes of text");
    expect(() => sent([{ option: "12", fromArg: "N" }], `N=${"a".repeat(256)}`)).toThrow(
      'Cannot use CNI_ARGS: the value of "N" is too long for a DHCP option, 255 bytes at most',
    );
  });

  it("fits in a frame", () => {
    const values = [220, 220, 220, 218].map((length) => "a".repeat(length));
    const provide = values.map((value, i) => ({ option: `${200 + i}`, value }));
    expect(Object.keys(sent(provide)).length).toBe(5);
    const more = [...provide.slice(1), { option: "200", value: "a".repeat(221) }];
    expect(() => sent(more)).toThrow(
      "Cannot use this configuration: ipam.provide must be options of 900 bytes in all at most, got 901",
    );
  });

  it.each(["50", "52", "53", "54", "55", "57"])("is never option %s", (option) => {
    expect(() => sent([{ option, value: "x" }])).toThrow(
      `ipam.provide[0].option must be an option that the client does not set itself, got "${option}"`,
    );
  });
});

describe("the client identifier", () => {
  it("is the reference's", () => {
    expect(Buffer.from(clientIdentifier(attachment)).toString("latin1")).toBe("\0c1/net/eth0");
  });

  it("is cut where the reference cuts it", () => {
    const long = clientIdentifier({ ...attachment, containerID: "c".repeat(253) });
    expect(Buffer.from(long).toString("latin1")).toBe(`\0${"c".repeat(253)}/`);
  });
});
