/** No run takes more instructions than before: bench/README.md says how they are counted. */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { expect, it } from "vitest";

const script = resolve(import.meta.dirname, "../../bench/instructions.mjs");

/** The sanitizers' own instructions are more than the product's. */
const isMeasured = process.env.WEFT_SANITIZED !== "1";

it.runIf(isMeasured)("ADD, CHECK and DEL take no more instructions than are written down", () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [script, "--check"], {
    encoding: "utf8",
  });
  expect(`${stdout}${stderr}`).not.toContain("TOO MANY");
  expect(status, stderr).toBe(0);
});
