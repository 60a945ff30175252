/** Hostile input to every executable: a documented error within 1 s and 50 MB, and no harm done. */
import fc from "fast-check";
import { describe, expect } from "vitest";
import { plugins } from "../bed/executables.ts";
import { hugeInputs, keyPaths, resultPaths, wrongInputs } from "../bed/hostile-inputs.ts";
import {
  type Path,
  withText,
  wrongStrings,
  wrongValues,
  wrongVariables,
} from "../bed/hostile-values.ts";
import type { Config } from "../bed/invocation.ts";
import { isThorough, someOf } from "../bed/part.ts";
import { itWorks, workingConfig } from "../bed/subjects.ts";
import type { Attack } from "../bed/target.ts";
import { withstand, withstandAll } from "../bed/withstand.ts";

/** What lets each executable take other items of a list. */
function turnOf(program: string): number {
  return Array.from(program).reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
}

const commands = ["ADD", "CHECK", "DEL", "GC", "STATUS"];
const anyCommand = fc.constantFrom("ADD", ...commands, "VERSION");

/** What each executable is sent usually; CHECK needs a result, and GC may not delete the other. */
function usual(program: string): Config {
  const prevResult = {
    cniVersion: "1.1.0",
    interfaces: [{ name: "br0" }, { name: "eth0", sandbox: "/run/netns/box1" }],
    ips: [{ address: "10.1.2.2/24", gateway: "10.1.2.1", interface: 1 }],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  const attachments = [{ containerID: "other-id", ifname: "eth0" }];
  return { prevResult, ...workingConfig(program), "cni.dev/valid-attachments": attachments };
}

/** A list of what may be kept, changed and still readable, may say that nothing is. */
function deletesByRight(command: string, path: Path): boolean {
  return command === "GC" && /^(cni\.dev|name)/.test(`${path[0]}`);
}

describe.each(plugins().map(({ name }) => name))("%s", (program) => {
  const it = itWorks(program);
  const config = usual(program);
  const good = JSON.stringify(config);
  const sent = (command: string, path: Path, text: string): Attack => {
    const what = `${path.join(".")}: ${text}`;
    return { command, what, stdin: withText(config, path, text) };
  };
  /** Only what has its turn is made: some of it has millions of bytes. */
  const harm = (attacks: readonly (() => Attack)[], count: number) =>
    withstand(
      program,
      someOf(attacks, count, turnOf(program)).map((make) => make()),
    );
  const harmOfAny = (attacks: fc.Arbitrary<Attack>) =>
    withstandAll(program, attacks, isThorough() ? 5000 : 50);
  const paths = keyPaths(program);
  const anyPath = fc.constantFrom(...paths);
  const anyText = fc.oneof(
    fc.constantFrom(...wrongValues),
    fc.json({ maxDepth: 3, stringUnit: "binary" }),
    fc.integer().map(String),
    fc.constantFrom(...wrongStrings).map((text) => JSON.stringify([text])),
  );

  it("withstands standard input that is no configuration", () => {
    const attacks = wrongInputs(config).flatMap((stdin) =>
      commands.map((command) => () => ({ command, stdin })),
    );
    expect(harm(attacks, 50)).toEqual([]);
  });

  it("withstands standard input of megabytes", () => {
    const attacks = hugeInputs(config).flatMap((make) =>
      ["ADD", "CHECK", "DEL"].map((command) => () => ({ command, stdin: make() })),
    );
    expect(harm(attacks, 12)).toEqual([]);
  });

  it("withstands every key with every wrong value", () => {
    const attacks = paths.flatMap((path) =>
      wrongValues.map((text) => () => sent("ADD", path, text)),
    );
    expect(harm(attacks, 75)).toEqual([]);
  });

  it("withstands any JSON in any key, with any command", () => {
    const attack = fc
      .record({ command: anyCommand, path: anyPath, text: anyText })
      .filter(({ command, path }) => !deletesByRight(command, path))
      .map(({ command, path, text }) => sent(command, path, text));
    expect(harmOfAny(attack)).toEqual([]);
  });

  it("withstands any text with damaged bytes", () => {
    const damage = fc.record({
      at: fc.nat(good.length - 1),
      length: fc.nat(12),
      bytes: fc.uint8Array({ maxLength: 6 }),
    });
    const attack = fc
      .record({
        command: anyCommand.filter((command) => command !== "GC"),
        damages: fc.array(damage, { minLength: 1, maxLength: 3 }),
      })
      .map(({ command, damages }): Attack => {
        const stdin = damages.reduce(
          (text, { at, length, bytes }) =>
            Buffer.concat([text.subarray(0, at), bytes, text.subarray(at + length)]),
          Buffer.from(good),
        );
        return { command, stdin };
      });
    expect(harmOfAny(attack)).toEqual([]);
  });

  it("withstands a result of ADD with every wrong value", () => {
    const wrong = wrongValues.filter((text) => text.length < 2000);
    const attacks = resultPaths.flatMap((path) =>
      wrong.map(
        (text, i) => () =>
          sent(["ADD", "CHECK", "DEL"][i % 3] ?? "", ["prevResult", ...path], text),
      ),
    );
    expect(harm(attacks, 75)).toEqual([]);
  });

  it("withstands every variable with every wrong value", () => {
    const attacks = Object.entries(wrongVariables).flatMap(([name, values]) =>
      values.flatMap((value) =>
        commands.map((command) => () => ({ command, stdin: good, env: { [name]: value } })),
      ),
    );
    expect(harm(attacks, 50)).toEqual([]);
  });

  it("withstands any bytes in any variable", () => {
    const anyValue = fc.oneof(
      fc.string({ unit: "binary", maxLength: 30 }).map((text) => text.replaceAll("\0", "")),
      fc.uint8Array({ min: 1, maxLength: 30 }),
      fc
        .array(
          fc.constantFrom("IP=", "MAC=", "K8S_POD_NAME=", ";", "=", "1", ":", "10.1.2.9", "x"),
          {
            maxLength: 8,
          },
        )
        .map((parts) => parts.join("")),
    );
    const attack = fc
      .record({
        command: fc.constantFrom(...commands),
        name: fc.constantFrom("CNI_CONTAINERID", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH", "CNI_NETNS"),
        value: anyValue,
      })
      .map(({ command, name, value }) => ({ command, stdin: good, env: { [name]: value } }));
    expect(harmOfAny(attack)).toEqual([]);
  });
});
