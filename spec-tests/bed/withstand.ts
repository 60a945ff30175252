/** Attacks an executable with many runs, and tells which of them does harm. */
import fc from "fast-check";
import { seed } from "./part.ts";
import { type Attack, cut, Target } from "./target.ts";

/** What is wrong after all these attacks, one line each; none should be. */
export function withstand(
  program: string,
  attacks: readonly Attack[],
  standIn?: string,
): readonly string[] {
  const target = prepared(program, standIn);
  const wrong = attacks.flatMap((attack) =>
    target.attempt(attack).map((line) => `${describe(attack)}: ${line}`),
  );
  const left = target.leftovers();
  target.dispose();
  if (left.length === 0) return wrong;
  const trace = (some: readonly Attack[]): readonly string[] | undefined =>
    traced(prepared(program, standIn), some, trace);
  return [...wrong, ...(trace(attacks) ?? left)];
}

/** What is left after one of the attacks, behind its words; undefined if all are needed for it. */
function traced(
  target: Target,
  attacks: readonly Attack[],
  trace: (attacks: readonly Attack[]) => readonly string[] | undefined,
): readonly string[] | undefined {
  for (const attack of attacks) target.attempt(attack);
  const left = target.leftovers();
  target.dispose();
  const [first] = attacks;
  if (left.length === 0 || first === undefined) return undefined;
  if (attacks.length === 1) return left.map((line) => `${describe(first)}: ${line}`);
  const half = attacks.length >> 1;
  return trace(attacks.slice(0, half)) ?? trace(attacks.slice(half)) ?? left;
}

/**
 * The same with attacks that are made up: the least that fails is told. The machine is compared
 * once; only if it is not as it was, all is done again, and it is compared after each.
 */
export function withstandAll(
  program: string,
  attacks: fc.Arbitrary<Attack>,
  runs: number,
): readonly string[] {
  return checked(program, { attacks, runs, isThorough: false });
}

interface Plan {
  readonly attacks: fc.Arbitrary<Attack>;
  readonly runs: number;
  readonly isThorough: boolean;
}

function checked(program: string, { attacks, runs, isThorough }: Plan): readonly string[] {
  let target = prepared(program);
  const property = fc.property(attacks, (attack) => {
    const wrong = [...target.attempt(attack), ...(isThorough ? target.leftovers() : [])];
    if (wrong.length === 0) return;
    if (isThorough) {
      target.dispose();
      target = prepared(program);
    }
    throw new Error(wrong.join("\n"));
  });
  const { failed, counterexample, errorInstance, numShrinks } = fc.check(property, {
    seed: seed(),
    numRuns: runs,
  });
  const left = failed || isThorough ? [] : target.leftovers();
  target.dispose();
  if (left.length > 0) return [...left, ...checked(program, { attacks, runs, isThorough: true })];
  if (!failed || counterexample === null) return [];
  return [`${describe(counterexample[0])} (shrunk ${numShrinks} times): ${errorInstance}`];
}

function prepared(program: string, standIn?: string): Target {
  const target = new Target(program, standIn);
  const folder = target.bed.folder("attack");
  target.bed.host.sh(`
    mkfifo ${folder}/fifo
    ln -s loop ${folder}/loop
    mkdir ${folder}/host-local ${folder}/socket`);
  return target;
}

function describe({ command, what, stdin, env = {} }: Attack): string {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${shown(value)}`);
  const rest =
    variables.length > 0 ? variables : [what === undefined ? shown(stdin) : cut(what, 400)];
  return [command, ...rest].join(" ");
}

function shown(value: string | Uint8Array | undefined): string {
  if (value instanceof Uint8Array) return `<${cut(Buffer.from(value).toString("hex"), 300)}>`;
  return value === undefined ? "(not set)" : cut(JSON.stringify(value), 400);
}
