// Runs tests and keeps their numbers:  node tools/test.mjs unit|spec [FILTER…]
// `node tools/test.mjs summary [STATUS]` prints one closing line over all runs that were kept.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, "node_modules/.weft-tests");
const suites = {
  unit: { config: "vitest.config.ts", reporters: ["default"] },
  spec: {
    config: "spec-tests/vitest.config.ts",
    reporters: ["./spec-tests/bed/not-here-reporter.ts", "default"],
  },
};

function run(name, filters) {
  const { config, reporters } = suites[name];
  const file = join(folder, `${name}.json`);
  mkdirSync(folder, { recursive: true });
  rmSync(file, { force: true });
  const options = [...reporters, "json"].map((reporter) => `--reporter=${reporter}`);
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", "--config", config, ...options, `--outputFile.json=${file}`];
  return spawnSync(process.execPath, [...args, ...filters], { cwd: root, stdio: "inherit" });
}

/** A file that could not be loaded has no tests, and is one failure. */
function count({ numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults }) {
  const broken = testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  );
  return [numPassedTests, numFailedTests + broken.length, numPendingTests + numTodoTests];
}

/** A step that failed without a failed test, such as a type error, counts as one failure. */
function summarise(status) {
  const files = Object.keys(suites).map((name) => join(folder, `${name}.json`));
  const counts = files.filter((file) => existsSync(file)).map((file) => count(readJson(file)));
  const [passed, failed, skipped] = [0, 1, 2].map((i) => counts.reduce((sum, c) => sum + c[i], 0));
  const failures = failed === 0 && status !== 0 ? 1 : failed;
  console.log(`${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
}

function readJson(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

const [command = "", ...rest] = process.argv.slice(2);
if (command === "summary") summarise(Number(rest[0] ?? 0));
else if (command in suites) process.exitCode = run(command, rest).status ?? 1;
else throw new Error(`Cannot run tests "${command}": the suites are unit and spec`);
