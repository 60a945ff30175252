/** The attacks are seen to do harm where they do: executables that fail under them are found. */
import { expect, it } from "vitest";
import { withstand } from "../bed/withstand.ts";

const error = (code: number, msg: string) =>
  `printf '%s' '{"code":${code},"msg":"${msg}"}'; exit 1`;

/** With sanitizers nothing is measured. */
const isMeasured = process.env.WEFT_SANITIZED !== "1";

const harms = [
  ["a crash", "kill -SEGV $$", /SIGSEGV/],
  ["another exit code", "exit 99", /ends with 99/],
  ["nothing on stdout", "exit 1", /did not print one JSON document/],
  ["two documents", "echo '{}{}'; exit 1", /did not print one JSON document/],
  ["a bug", error(999, "x"), /a bug/],
  ["a code of its own", error(42, "x"), /no documented error/],
  ["two lines", error(7, "a\\nb"), /not one line/],
  ["a long error", error(7, "x".repeat(5000)), /an error of/],
  ["success without a result", "exit 0", /prints no object/],
  ["a sleep", `exec sleep 1000`, /it hung/],
  [
    "a loop",
    `i=0; while [ $i -lt 8000000 ]; do i=$((i+1)); done; ${error(7, "x")}`,
    /computed for/,
  ],
  ["memory", `x=$(head -c 60000000 /dev/zero | tr '\\0' x); ${error(7, "x")}`, /KB/],
  [
    "a file that it leaves",
    `echo >/var/lib/left; ${error(7, "x")}`,
    /CHECK.*file \/var\/lib\/left/,
  ],
  ["what another loses", `rm -rf /var/lib/cni; ${error(7, "x")}`, /CHECK.*- file .*10\.1\.2\.2/],
] as const;

const measured = /computed|KB/;
const found = harms.filter(([, , finding]) => isMeasured || !measured.test(finding.source));

it.each(found)("%s", (_, script, finding) => {
  const attacks = ["ADD", "CHECK", "DEL"].map((command) => ({ command, stdin: "{" }));
  const standIn = `[ $CNI_COMMAND = CHECK ] || exec "$real"\n${script}`;
  const succeeds = script === "exit 0";
  const lines = withstand("host-local", attacks, succeeds ? script : standIn);
  expect(lines.join("\n")).toMatch(finding);
});
