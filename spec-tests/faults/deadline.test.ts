/** An address manager that hangs: it is ended, and its clean-up is not waited for as long again. */
import { writeFileSync } from "node:fs";
import { expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridgeWith } from "../bed/configs.ts";
import { it } from "../bed/it.ts";
import { slowness, waitUntil } from "../bed/patience.ts";

const config = bridgeWith({ type: "fake" });
const oneAddress = { cniVersion: "1.1.0", ips: [{ address: "10.1.2.7/24" }] };
const hang = "echo $$ >>/tmp/hanging; exec sleep 1000";

/** Runs an ADD of bridge that fails, and tells how long it would have waited for its delegates. */
function failedAdd(bed: Bed, fault = "") {
  const folder = bed.folder("wrapped");
  const strace = `strace -qq -o ${folder}/waits -e trace=/^p?poll$ ${fault}`;
  const script = `#!/bin/sh\nexec ${strace} ${bed.bin}/bridge\n`;
  writeFileSync(bed.path(`${folder}/bridge`), script, { mode: 0o755 });
  const { error } = bed.add("bridge", bed.container(), config, { from: folder });
  const waits = [...bed.read(`${folder}/waits`).matchAll(/^poll\(.*, 2, (\d+)\)/gm)];
  return { error, waits: waits.map(([, milliseconds]) => Number(milliseconds)) };
}

/** Waits until the processes of the stand-in are gone. */
function awaitNoSurvivors(bed: Bed): void {
  const all = bed.read("/tmp/hanging").trim().split("\n");
  for (const pid of all) {
    waitUntil(`the end of ${pid}`, () => !bed.host.succeeds(`grep -q sleep /proc/${pid}/comm`));
  }
}

it("an ADD that hangs is ended after 90 s, its DEL after 10 s more", ({ bed }) => {
  const fake = bed.recorder("fake");
  fake.script("ADD", hang);
  fake.script("DEL", hang);
  // Long enough for the stand-in to begin.
  const over = `-e inject=/^p?poll$:retval=0:delay_enter=${Math.ceil(300 * slowness())}ms`;
  const { error, waits } = failedAdd(bed, over);
  expect(error.msg).toContain('Cannot finish "/run/bed/fakes/fake" within 90 s: ETIMEDOUT');
  expect(JSON.stringify(error)).toContain("within 10 s: ETIMEDOUT");
  // Less is left where somebody else had the processor in between.
  const [first = 0, second = 0, ...more] = waits;
  expect([first > 10_000 && first <= 90_000, second > 0 && second <= 10_000]).toEqual([true, true]);
  expect(more).toEqual([]);
  awaitNoSurvivors(bed);
});

it("a DEL because a later step failed has 10 s, too", ({ bed }) => {
  const fake = bed.recorder("fake");
  fake.answer("ADD", { stdout: { ...oneAddress, routes: [{ dst: "0.0.0.0/0", gw: "10.9.9.9" }] } });
  const { error, waits } = failedAdd(bed);
  expect(error.code).toBe(100);
  expect(fake.commands).toEqual(["ADD", "DEL"]);
  const [patient, impatient] = [
    waits.filter((ms) => ms > 10_000),
    waits.filter((ms) => ms <= 10_000),
  ];
  expect(patient.length).toBeGreaterThan(0);
  expect(impatient.length).toBeGreaterThan(0);
  expect(waits.at(-1)).toBe(impatient.at(-1));
  expect(patient.length + impatient.length).toBe(waits.length);
});
