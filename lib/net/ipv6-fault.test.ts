import { beforeEach, expect, it, vi } from "vitest";
import { findIpv6Fault } from "./ipv6-fault.lazy.ts";
import type { Netns } from "./netns.ts";

const kernel = vi.hoisted(() => ({ socket: 3, mtu: 1500, disabled: "0" as string | undefined }));

vi.mock("host", () => ({ socket: () => kernel.socket, close: () => 0 }));
vi.mock("./link.ts", () => ({ findLink: () => ({ mtu: kernel.mtu }) }));
vi.mock("./sysctl.ts", () => ({ findSysctl: () => kernel.disabled }));

beforeEach(() => Object.assign(kernel, { socket: 3, mtu: 1500, disabled: "0" }));

it.each([
  [{ socket: -97 }, "this kernel has no IPv6, or it was started with ipv6.disable=1"],
  [{ socket: -24, mtu: 1279 }, 'the MTU of "eth0" is 1279, and IPv6 takes at least 1280'],
  [
    { disabled: "1" },
    'IPv6 is switched off on "eth0" (sysctl net/ipv6/conf/eth0/disable_ipv6 is 1)',
  ],
  [{ mtu: 1280, disabled: undefined }, undefined],
  [{}, undefined],
])("the reason why there is no IPv6 under %j: %s", (state, fault) => {
  Object.assign(kernel, state);
  expect(findIpv6Fault({} as Netns, { index: 2, name: "eth0" })).toBe(fault);
});
