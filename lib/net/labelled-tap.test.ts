import { beforeEach, describe, expect, it, vi } from "vitest";
import { EACCES, EINVAL, ENOENT } from "../host/errno.ts";
import { commandLine, findContextFault, makeLabelledTap } from "./labelled-tap.lazy.ts";

/** What was written to attr/exec, and what the kernel and another process do. */
const told: string[] = [];
const outcomes = { open: 7, write: 1, hasSelinux: true, spawn: 42, status: 0, ioctl: 0 };

vi.mock("host", () => ({
  encode: (text: string) => new TextEncoder().encode(text),
  open: () => outcomes.open,
  close: () => 0,
  write: (_: number, bytes: Uint8Array) => {
    told.push(new TextDecoder().decode(bytes));
    return bytes.length === 0 ? 0 : outcomes.write;
  },
  stat: () => (outcomes.hasSelinux ? 0 : -ENOENT),
  pipe: () => 0,
  spawn: (path: string, args: readonly string[]) => {
    told.push([path, ...args].join(" "));
    return outcomes.spawn;
  },
  monotonic: () => 0,
  poll: () => 3,
  read: () => 0,
  processHandle: () => -ENOENT,
  wait: () => outcomes.status,
  ioctl: () => outcomes.ioctl,
}));

const context = "system_u:system_r:container_t:s0";
const tap = { name: "eth0", multiQueue: true, selinuxContext: context };
const again = "/proc/self/exe tap make eth0 multi-queue";

beforeEach(() => {
  told.length = 0;
  Object.assign(outcomes, {
    open: 7,
    write: 1,
    hasSelinux: true,
    spawn: 42,
    status: 0,
    ioctl: 0,
  });
});

describe("a context", () => {
  it("is set, and taken back when the other process has ended", () => {
    expect(makeLabelledTap(3, tap)).toBeCloseTo(0);
    expect(told).toEqual([context, again, ""]);
  });

  it("is taken back when the other process failed, whose error number is told", () => {
    outcomes.status = 16;
    expect(makeLabelledTap(3, tap)).toBe(-16);
    expect(told).toEqual([context, again, ""]);
  });

  it("that no process may run in is named, and taken back", () => {
    outcomes.spawn = -EACCES;
    expect(() => makeLabelledTap(3, tap)).toThrow(/"eth0": SELinux context ".*container_t.*policy/);
    expect(told).toEqual([context, again, ""]);
  });

  it.each([
    [{ write: -EINVAL }, "the policy has no such context"],
    [{ write: -EACCES }, "does not let"],
    [{ write: -EINVAL, hasSelinux: false }, "without SELinux"],
    [{ open: -ENOENT, hasSelinux: false }, "without SELinux"],
    [{ write: -5 }, "EIO"],
  ])("is refused before anything is run: %o", (more, word) => {
    Object.assign(outcomes, more);
    expect(() => makeLabelledTap(3, tap)).toThrow(word);
    expect(findContextFault(context)?.message).toContain(word);
    expect(told).not.toContain(again);
  });

  it("is tried without running anything", () => {
    expect(findContextFault(context)).toBeUndefined();
    expect(told).toEqual([context, ""]);
  });
});

describe("the other process", () => {
  it("ends with the error number of the kernel", () => {
    outcomes.ioctl = -EACCES;
    expect(commandLine(["make", "eth0", ""])).toBe(EACCES);
  });

  it("does nothing else", () => {
    expect(commandLine(["help"])).not.toBe(0);
    expect(told.join()).toContain("without arguments");
  });
});
