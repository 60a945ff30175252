/** One system call of an ADD fails: it fails as a whole, says so once, and leaves nothing. */
import { describe, expect } from "vitest";
import {
  type Attempt,
  delegation,
  injecting,
  leftBy,
  type Scenario,
  Stage,
  type SystemCall,
  scenarios,
} from "./bed/faults.ts";
import { it } from "./bed/it.ts";

/** What fails, how, and until which call of its kind, if more than one does. */
const faults = [
  ["a netlink send", /^sendto$/, "ENOBUFS", 0],
  ["a netlink receive", /^recvfrom$/, "EIO", 0],
  ["an answer is lost", /^recvfrom$/, "ENOBUFS", 3],
  ["the opening of a file", /^open(at)?$/, "EIO", 0],
  ["a write", /^p?write(64)?$/, "ENOSPC", 0],
  ["a change of a folder", /^(link|linkat|rename|mkdir|unlink)$/, "EROFS", 0],
  ["the lock", /^flock$/, "EIO", 0],
  ["the way into a namespace", /^setns$/, "EPERM", 0],
  ["memory", /^(mmap|brk|mremap)$/, "ENOMEM", 0],
] as const;

const named = new RegExp(faults.map(([, calls]) => calls.source).join("|"));
const all = [...faults, ["anything else", new RegExp(`^(?!${named.source})`), "EIO", 0]] as const;

describe.for([...scenarios(), delegation("plugin"), delegation("delegate")])(
  "$title: ADD",
  (scenario) => {
    it.for(all)("leaves nothing if %s fails", { timeout: 120_000 }, (fault) => {
      const [, calls, errno, further] = fault;
      const hit = recorded(scenario).filter(({ name }) => calls.test(name));
      const left = leftBy(scenario, hit, {
        attempt(stage, attempt) {
          const { call } = attempt;
          const last = further > 0 ? `..${call.nth + further}` : "";
          survive(stage, attempt, injecting(call, `error=${errno}`, last));
        },
      });
      expect(left).toEqual([]);
    });
  },
);

function recorded(scenario: Scenario): readonly SystemCall[] {
  const stage = new Stage(scenario);
  const calls = stage.record("ADD", stage.bed.container());
  stage.bed.dispose();
  return calls;
}

/** Success is taken back; a failure is one error object that names no bug of ours. */
function survive(stage: Stage, { box, config }: Attempt, strace: string): void {
  const run = stage.run("ADD", { box, config, strace });
  if (run.ok) {
    expect(stage.run("DEL", { box, config })).toMatchObject({ exitCode: 0, stdout: "" });
  } else {
    expect(run.exitCode, `${strace}: ${run.stderr}`).toBe(1);
    expect(run.error.code, `${strace}: ${run.stdout}`).not.toBe(999);
  }
}
