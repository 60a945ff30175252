/** An address manager that answers nonsense: a documented error, and nothing is left of the ADD. */
import { writeFileSync } from "node:fs";
import { describe, expect } from "vitest";
import { plugins } from "../bed/executables.ts";
import { resultPaths, wrongInputs } from "../bed/hostile-inputs.ts";
import { withText, wrongValues } from "../bed/hostile-values.ts";
import type { Config } from "../bed/invocation.ts";
import { someOf } from "../bed/part.ts";
import { itWorks, workingConfig } from "../bed/subjects.ts";
import type { Attack } from "../bed/target.ts";
import { withstand } from "../bed/withstand.ts";

const good = {
  cniVersion: "1.1.0",
  ips: [{ address: "10.1.2.7/24", gateway: "10.1.2.1" }],
  routes: [{ dst: "0.0.0.0/0", gw: "10.1.2.1" }],
  dns: { nameservers: ["10.1.2.1"] },
};

/** A script that plays the address manager; on DEL it is content. */
const standIn = `#!/bin/sh
[ "$CNI_COMMAND" = ADD ] && . "$0.answer"
exit 0
`;

const say = `cat "$0.text"`;
const text = JSON.stringify(good);

const wrongScripts: readonly string[] = [
  "exit 1",
  "exit 255",
  "kill -9 $$",
  "exec >&- 2>&-",
  "yes",
  "yes >&2; exit 1",
  "cat /dev/zero",
  "cat /dev/urandom",
  `for i in $(seq 2000); do printf ' '; done; echo '${text}'`,
  `echo '${text}' >&2`,
  'echo \'{"code":"x","msg":7}\'; exit 1',
  'echo \'{"code":-1,"msg":""}\'; exit 1',
  'echo \'{"code":1e999,"msg":null,"details":[]}\'; exit 1',
  'printf \'{"code":7,"msg":"a\\\\nb\\\\u001b[2J"}\'; exit 1',
  "printf '{\"code\":7,\"msg\":\"'; head -c 1000000 /dev/zero | tr '\\0' x; printf '\"}'; exit 1",
  "head -c 1000000 /dev/urandom >&2; exit 1",
  "seq 200000 >&2; exit 1",
];

/** The plugins that ask an address manager. */
const delegating = plugins()
  .map(({ name }) => name)
  .filter((program) => {
    const { ipam, type } = workingConfig(program, { type: program });
    const isOwn = type === "host-local" || (workingConfig(program).prevResult ?? ipam) !== ipam;
    return ipam !== undefined && !isOwn;
  });

describe.each(delegating)("%s", (program) => {
  const it = itWorks(program);
  const config: Config = { ...workingConfig(program), ipam: { type: "attack" } };
  const stdin = JSON.stringify(config);
  const attack = (what: string, answer: string, output: string | Uint8Array): Attack => ({
    command: "ADD",
    what,
    stdin,
    env: { CNI_PATH: "/run/bed/attack:/run/bed/bin" },
    prepare(bed) {
      const file = bed.path("/run/bed/attack/attack");
      writeFileSync(file, standIn, { mode: 0o755 });
      writeFileSync(`${file}.answer`, `${answer}\n`);
      writeFileSync(`${file}.text`, output);
    },
  });

  it("withstands scripts that misbehave", () => {
    const attacks = wrongScripts.map((script) => attack(script, script, ""));
    expect(withstand(program, attacks)).toEqual([]);
  });

  it("withstands answers that are no result", () => {
    const attacks = wrongInputs(good).map((output, i) => attack(`answer ${i}`, say, output));
    expect(withstand(program, attacks)).toEqual([]);
  });

  it("withstands results with every wrong value", () => {
    const wrong = wrongValues.filter((value) => value.length < 2000);
    const attacks = resultPaths.flatMap((path) =>
      wrong.map((value) => attack(`${path.join(".")}: ${value}`, say, withText(good, path, value))),
    );
    expect(withstand(program, someOf(attacks, 50, program.length))).toEqual([]);
  });
});
