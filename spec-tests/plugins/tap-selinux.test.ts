/**
 * tap in an SELinux context. Few machines have SELinux, so in some of these tests the kernel seems to
 * take the context: strace keeps it from being written, and everything else is done.
 */
import { describe, expect } from "vitest";
import type { Config } from "../bed/invocation.ts";
import { needs } from "../bed/kernel.ts";
import { attaching, MULTI_QUEUE, NO_PI } from "../bed/machine.ts";

const it = needs("a kernel without SELinux");

const selinuxContext = "system_u:system_r:container_t:s0";
const config: Config = { cniVersion: "1.1.0", name: "net", type: "tap", selinuxContext };

/** The first two writes are the context, and taking it back. */
const taken = `write:retval=${selinuxContext.length}:when=1..2`;

describe("a kernel without SELinux", () => {
  it("is named by ADD, which leaves nothing", ({ bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    const { code, msg } = bed.add("tap", box, config).error;
    expect(code).toBe(100);
    expect(msg).toContain(`"${selinuxContext}" cannot be used: this kernel runs without SELinux`);
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("is named by STATUS, by its own code", ({ bed }) => {
    const { error } = bed.status("tap", config);
    expect(error).toMatchObject({ code: 50, msg: expect.stringContaining("without SELinux") });
  });

  it("is good enough for DEL, and for a tap without a context", ({ bed }) => {
    const box = bed.container();
    expect(bed.add("tap", box, { ...config, selinuxContext: "" })).toSucceed();
    expect(bed.del("tap", box, config)).toSucceed();
    expect(box.links()).toEqual(["lo"]);
  });
});

describe("a context that the kernel takes", () => {
  it.for([false, true])("is that of a tap like any other, multiQueue %s", (multiQueue, { bed }) => {
    const box = bed.container();
    const whole = { ...config, multiQueue, owner: 107, mtu: 1400 };
    const prevResult = bed.add("tap", box, whole, { fail: taken }).result;
    expect(box.link("eth0")).toMatchObject({
      mtu: 1400,
      linkinfo: { info_data: { type: "tap", persist: true, multi_queue: multiQueue } },
    });
    expect(bed.check("tap", box, { ...whole, prevResult })).toSucceed();
    const flags = multiQueue ? NO_PI | MULTI_QUEUE : NO_PI;
    expect(attaching(box, { tap: "eth0", user: 107, flags })).toBe("");
  });

  it("is given to one process, which does nothing but make the tap, and is taken back", ({
    bed,
  }) => {
    const names = "execve,write,ioctl";
    const inject = ["-e", `trace=${names}`, "-e", `inject=${taken}`];
    const as = ["strace", "-f", "-qq", "-o", "/tmp/calls", ...inject];
    bed.add("tap", bed.container(), config, { as }).result;
    const calls = bed.read("/tmp/calls").split("\n");
    const [own = ""] = calls[0]?.split(" ") ?? [];
    const others = calls.filter((call) => !call.startsWith(own));
    expect(others.flatMap((call) => /^\d+ +(\w+\([^,)]*)/.exec(call)?.[1] ?? [])).toEqual([
      'execve("/proc/self/exe"',
      "ioctl(0",
    ]);
  });

  it("is tried by STATUS", ({ bed }) => {
    expect(bed.status("tap", config, { fail: taken })).toSucceed();
  });
});

it("an executable with arguments is for its own process, and says so to others", ({ bed }) => {
  expect(bed.host.sh(`${bed.bin}/tap help 2>&1 || true`)).toContain("without arguments");
  expect(bed.host.succeeds(`${bed.bin}/tap make eth0 </dev/null`)).toBe(false);
});
