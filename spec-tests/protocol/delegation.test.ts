/** P6: how bridge uses an address manager. */
import { createHash } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge, bridgeWith, hostLocal } from "../bed/configs.ts";
import { sharedBy } from "../bed/difference.ts";
import { it } from "../bed/it.ts";
import type { Answer, Recorder } from "../bed/recorder.ts";
import { reservations } from "../bed/store.ts";

const oneAddress = { cniVersion: "1.1.0", ips: [{ address: "10.1.2.7/24", gateway: "10.1.2.1" }] };
const config = bridgeWith({ type: "fake" });

/** A stand-in address manager that gives one address. */
function fakeIpam(bed: Bed, answers: Readonly<Record<string, Answer>> = {}): Recorder {
  const fake = bed.recorder("fake");
  fake.answer("ADD", { stdout: oneAddress });
  for (const [command, answer] of Object.entries(answers)) fake.answer(command, answer);
  return fake;
}

describe("P6 finding the delegate", () => {
  it("P6.01 takes the first in CNI_PATH", ({ bed }) => {
    const [first, second] = [bed.folder("first"), bed.folder("second")];
    const early = bed.recorder("fake", first);
    const late = bed.recorder("fake", second);
    early.answer("ADD", { stdout: oneAddress });

    const path = `/nope:${first}:${second}`;
    expect(bed.add("bridge", bed.container(), config, { path })).toSucceed();
    expect([early.commands, late.commands]).toEqual([["ADD"], []]);
  });

  it("P6.01 passes over a folder of that name", ({ bed }) => {
    bed.folder("first/fake");
    const second = bed.folder("second");
    bed.recorder("fake", second).answer("ADD", { stdout: oneAddress });
    const path = `/run/bed/first:${second}`;
    expect(bed.add("bridge", bed.container(), config, { path })).toSucceed();
  });

  it.for(["../fakes/fake", "/run/bed/fakes/fake", "./fake", "..", ".", "a/b"])(
    "P6.01 refuses the name %j without running anything",
    (type, { bed }) => {
      const fake = fakeIpam(bed);
      const box = bed.container();
      const before = bed.snapshot();
      const { error } = bed.add("bridge", box, bridgeWith({ type }));
      expect(error.code).toBe(7);
      expect(error.msg).toContain("ipam.type");
      expect(fake.commands).toEqual([]);
      expect(bed.leftovers(before)).toEqual([]);
    },
  );

  it.for(["ADD", "CHECK", "STATUS"])("P6.02 fails %s if there is none", (command, { bed }) => {
    const prevResult = { ...oneAddress, interfaces: [] };
    const nowhere = { ...bridgeWith({ type: "nosuch" }), prevResult };
    const { error } = bed.exec("bridge", { command, config: nowhere, container: bed.container() });
    expect(error.code).toBeGreaterThanOrEqual(50);
    expect(error.msg).toContain("nosuch");
  });

  it.for(["ADD", "DEL"])(
    "P6.15 waits for one that is being written, on %s",
    async (command, { bed }) => {
      const fake = fakeIpam(bed);
      const box = bed.container();
      const writer = openSync(bed.path("/run/bed/fakes/fake"), "a");
      const run = bed.start("bridge", { command, config, container: box });
      await new Promise((done) => setTimeout(done, 300));
      closeSync(writer);
      expect((await run).exitCode).toBe(0);
      expect(fake.commands).toEqual([command]);
    },
  );

  it("P6.02 without CNI_PATH says so", ({ bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    const { error } = bed.add("bridge", box, config, { env: { CNI_PATH: undefined } });
    expect(error.code).toBe(4);
    expect(error.msg).toContain("CNI_PATH");
    expect(bed.leftovers(before)).toEqual([]);
  });
});

describe("P6 what the delegate gets", () => {
  it("P6.03 the configuration, byte for byte", ({ bed }) => {
    const fake = fakeIpam(bed);
    const stdin = `\n ${JSON.stringify({ unknown: "é\u2028", ...config }, null, 3)}\t\n\n`;
    bed.add("bridge", bed.container(), config, { stdin }).result;
    expect(fake.calls[0]?.sha256).toBe(createHash("sha256").update(stdin).digest("hex"));
  });

  it("P6.04 the whole environment, with its own command", ({ bed }) => {
    const fake = fakeIpam(bed);
    const box = bed.container();
    const env = { MYVAR: "hello = world", CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAME=p" };
    bed.add("bridge", box, config, { env }).result;
    expect(fake.calls[0]?.env).toMatchObject({
      ...env,
      CNI_COMMAND: "ADD",
      CNI_CONTAINERID: box.containerID,
      CNI_NETNS: box.netns,
      CNI_IFNAME: "eth0",
      CNI_PATH: "/run/bed/bin:/run/bed/fakes",
    });
  });

  it("P6.06 the same command", ({ bed }) => {
    const fake = fakeIpam(bed);
    const box = bed.container();
    const prevResult = bed.add("bridge", box, config).result;
    expect(bed.check("bridge", box, { ...config, prevResult })).toSucceed();
    expect(bed.del("bridge", box, config)).toSucceed();
    expect(fake.commands).toEqual(["ADD", "CHECK", "DEL"]);
  });

  it("P6.07 P11.06 GC with the same list of attachments", ({ bed }) => {
    const fake = fakeIpam(bed);
    const valid = [{ containerID: "a", ifname: "eth0" }];
    const withList = { ...config, "cni.dev/valid-attachments": valid };
    expect(bed.gc("bridge", withList)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(fake.commands).toEqual(["GC"]);
    expect(JSON.parse(fake.calls[0]?.stdin ?? "")).toEqual(withList);
  });

  it("P6.08 P12.04 STATUS, and its error is the answer", ({ bed }) => {
    const fake = fakeIpam(bed);
    expect(bed.status("bridge", config)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(fake.commands).toEqual(["STATUS"]);
    const error = { cniVersion: "1.1.0", code: 50, msg: "no addresses", details: "all in use" };
    fake.answer("STATUS", { stdout: error, exitCode: 1 });
    expect(bed.status("bridge", config).error).toEqual(error);
  });
});

describe("P6 what the delegate answers", () => {
  it.for([0, 1])("P6.05 its stderr comes through if it exits with %i", (exitCode, { bed }) => {
    const stdout = exitCode === 0 ? oneAddress : { code: 111, msg: "no" };
    fakeIpam(bed, { ADD: { stdout, stderr: "marker\n", exitCode } });
    const run = bed.add("bridge", bed.container(), config);
    expect(run.exitCode).toBe(exitCode);
    expect(run.stderr).toContain("marker");
  });

  it("P3.11 its error object is passed on", ({ bed }) => {
    const error = { code: 11, msg: "again", details: "dd" };
    fakeIpam(bed, { ADD: { stdout: error, exitCode: 1 } });
    expect(bed.add("bridge", bed.container(), config).error).toMatchObject(error);
  });

  it("P3.12 without one, its stderr is in ours", ({ bed }) => {
    fakeIpam(bed, { ADD: { stderr: "boom", exitCode: 3 } });
    const { error } = bed.add("bridge", bed.container(), config);
    expect(error.code).toBeGreaterThanOrEqual(100);
    expect(`${error.msg} ${error.details}`).toContain("boom");
  });

  it("P1.01 if it is killed, that is a failure", ({ bed }) => {
    fakeIpam(bed).script("ADD", "kill -9 $$");
    const box = bed.container();
    const before = bed.snapshot();
    expect(bed.add("bridge", box, config).error.code).toBeGreaterThanOrEqual(100);
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it.for(["CHECK", "DEL", "GC", "STATUS"])(
    "P6.09 P10.07 its error on %s is passed on",
    (command, { bed }) => {
      const error = { code: 120, msg: "stuck" };
      fakeIpam(bed, { [command]: { stdout: error, exitCode: 1 } });
      const container = bed.container();
      const prevResult = bed.add("bridge", container, config).result;
      const lists = { prevResult, "cni.dev/valid-attachments": [] };
      const call = { command, container, config: { ...config, ...lists } };
      expect(bed.exec("bridge", call).error).toMatchObject({ code: 120 });
    },
  );

  it("P6.10 P3.08 if it fails on ADD, it gets DEL before we report", ({ bed }) => {
    const error = { code: 111, msg: "half done" };
    const fake = fakeIpam(bed, { ADD: { stdout: error, exitCode: 1 } });
    const box = bed.container();
    const before = bed.snapshot();
    expect(bed.add("bridge", box, config).error).toMatchObject(error);
    expect(fake.commands).toEqual(["ADD", "DEL"]);
    expect(fake.calls[1]?.env).toEqual({ ...fake.calls[0]?.env, CNI_COMMAND: "DEL" });
    expect(fake.calls[1]?.sha256).toBe(fake.calls[0]?.sha256);
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it("P6.11 if we fail after it, it gets DEL", ({ bed }) => {
    const stdout = { ...oneAddress, routes: [{ dst: "192.0.2.0/24", gw: "198.51.100.1" }] };
    const fake = fakeIpam(bed, { ADD: { stdout } });
    const box = bed.container();
    const before = bed.snapshot();
    expect(bed.add("bridge", box, config).error.msg).toContain("192.0.2.0/24");
    expect(fake.commands).toEqual(["ADD", "DEL"]);
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it.for(["{}", "null", '{"cniVersion":"1.1.0","ips":[]}'])(
    "P6.12 no address, %s, is an error",
    (stdout, { bed }) => {
      const fake = fakeIpam(bed, { ADD: { stdout } });
      const box = bed.container();
      const before = bed.snapshot();
      expect(bed.add("bridge", box, config).error.code).toBeGreaterThanOrEqual(100);
      expect(fake.commands).toEqual(["ADD", "DEL"]);
      expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    },
  );

  it.for(["notjson", "", "[]", "{", '{"cniVersion":"1.1.0","ips":[{"address":"10.1.2.300/24"}]}'])(
    "P6.13 %j on a successful ADD is an error",
    (stdout, { bed }) => {
      const fake = fakeIpam(bed, { ADD: { stdout } });
      expect(bed.add("bridge", bed.container(), config).error.code).toBeGreaterThanOrEqual(6);
      expect(fake.commands).toEqual(["ADD", "DEL"]);
    },
  );

  it("P6.13 P8.07 a NUL in its result is an error: DEL could not be given the result", ({
    bed,
  }) => {
    const fake = fakeIpam(bed, { ADD: { stdout: { ...oneAddress, dns: { domain: "a\0b" } } } });
    const box = bed.container();
    const before = bed.snapshot();
    const { error } = bed.add("bridge", box, config);
    expect(error).toMatchObject({ code: 102, msg: expect.stringContaining("NUL") });
    expect(fake.commands).toEqual(["ADD", "DEL"]);
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it("P6.13 what it prints on other commands is ignored", ({ bed }) => {
    const chatty = { stdout: "chat" };
    fakeIpam(bed, { CHECK: chatty, DEL: chatty, GC: chatty, STATUS: chatty });
    const box = bed.container();
    const prevResult = bed.add("bridge", box, config).result;
    const quiet = { exitCode: 0, stdout: "" };
    expect(bed.check("bridge", box, { ...config, prevResult })).toMatchObject(quiet);
    expect(bed.status("bridge", config)).toMatchObject(quiet);
    expect(bed.del("bridge", box, config)).toMatchObject(quiet);
    expect(bed.gc("bridge", { ...config, "cni.dev/valid-attachments": [] })).toMatchObject(quiet);
  });

  it("P6.14 without an address manager there are no addresses, and all commands work", ({
    bed,
  }) => {
    const { ipam: _, ...plain } = bridge("10.1.2.0/24");
    const box = bed.container();
    const before = bed.snapshot();
    const result = bed.add("bridge", box, plain).result;
    expect(result.ips).toEqual([]);
    expect(box.link("eth0").flags).toContain("UP");
    const checked = bed.check("bridge", box, { ...plain, prevResult: result });
    expect(checked).toSucceed();
    expect(bed.status("bridge", plain)).toSucceed();
    expect(bed.del("bridge", box, plain)).toSucceed();
    expect(bed.leftovers(before, sharedBy(plain))).toEqual([]);
  });

  it("P6.16 an address manager does not open the namespace", ({ bed }) => {
    const env = { CNI_NETNS: "/some/where" };
    const box = bed.container();
    const added = bed.add("host-local", box, hostLocal("10.1.2.0/24"), { env });
    expect(added.result.ips).toHaveLength(1);
    const deleted = bed.del("host-local", box, hostLocal("10.1.2.0/24"), { env });
    expect(deleted).toSucceed();
    expect(reservations(bed)).toEqual([]);
  });
});
