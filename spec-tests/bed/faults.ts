/** Runs in which one of all system calls fails, or is the last. */
import type { Bed } from "./bed.ts";
import type { Outcome } from "./outcome.ts";
import { partOf } from "./part.ts";
import type { Scenario } from "./scenarios.ts";
import { type Attachment, Stage } from "./stage.ts";
import { isOfProcess, type SystemCall } from "./system-calls.ts";

/* ---- what goes wrong ---- */

/** One thing that goes wrong in one run. */
interface Accident {
  readonly call: SystemCall;
  /** As strace is told: `error=EIO`, `signal=KILL`. */
  readonly fault: string;
  /** Which calls of the name, as strace is told: `3`, `3..6`, `3+`. */
  readonly when: string;
}

/** Which calls fail, how, and how many of the name after the first. */
const faults = [
  [/^sendto$/, "ENOBUFS", ""],
  [/^sendto$/, "ENOBUFS", "+"],
  [/^recvfrom$/, "EIO", ""],
  [/^recvfrom$/, "ENOBUFS", "..3"],
  [/^recvfrom$/, "ENOBUFS", "+"],
  [/^open(at)?$/, "EIO", ""],
  [/^p?write(64)?$/, "ENOSPC", ""],
  [/^(link|linkat|rename|mkdir|unlink)$/, "EROFS", ""],
  [/^flock$/, "EIO", ""],
  [/^setns$/, "EPERM", ""],
  [/^(mmap|brk|mremap)$/, "ENOMEM", ""],
] as const;

/**
 * A close(2) is not made to fail: strace would leave the call out, and the file would stay open, but
 * the kernel always closes it, whatever close returns.
 */
const neverFails = /^(close|exit_group)$/;

const named = new RegExp([...faults.map(([calls]) => calls), neverFails].map(source).join("|"));
const all = [...faults, [new RegExp(`^(?!${named.source})`), "EIO", ""] as const];

function source(expression: RegExp): string {
  return expression.source;
}

/** A call that concerns only the process does not depend on the state of the host: one is enough. */
function failures(calls: readonly SystemCall[], firstUse: boolean): readonly Accident[] {
  const told = /^(recvfrom|socket|setns|open|openat)$/;
  const fallible = calls.filter(({ name }) => !neverFails.test(name));
  const some = fallible.filter(({ name, isPrivate }) => !isPrivate || told.test(name));
  const hit = firstUse && some.length > 0 ? some : fallible;
  return hit.flatMap((call) =>
    all
      .filter(([names]) => names.test(call.name))
      .map(([, errno, further]) => ({
        call,
        fault: `error=${errno}`,
        when: further === "..3" ? `${call.nth}..${call.nth + 3}` : `${call.nth}${further}`,
      })),
  );
}

/** Death before each call but those behind a call that changed nothing: before that one is the same. */
function deaths(calls: readonly SystemCall[]): readonly Accident[] {
  return calls
    .filter((_, at) => calls[at - 1]?.isPrivate !== true)
    .map((call) => ({ call, fault: "signal=KILL", when: `${call.nth}` }));
}

function straceWith({ call: { name }, fault, when }: Accident): string {
  return `exec strace -qq -o /dev/null -e trace=${name} -e inject=${name}:${fault}:when=${when}`;
}

/* ---- loops: each returns what is wrong, one line each ---- */

/** Runs one attempt and returns what is wrong with how it ended. */
type Attempt = (stage: Stage, attachment: Attachment, accident: Accident) => readonly string[];

/** Each call of an ADD fails: it fails as a whole and leaves nothing, or it is a whole ADD. */
export function failingAdd(scenario: Scenario): readonly string[] {
  const accidents = tried(scenario, failures(recorded(scenario, "ADD"), scenario.firstUse));
  return inBatches(scenario, accidents, (stage, attachment, accident) => {
    const run = stage.run("ADD", attachment, straceWith(accident));
    const isLasting = accident.when.endsWith("+");
    const after = run.ok || isLasting ? succeeds(stage.run("DEL", attachment)) : [];
    return [...endsWell(run), ...after];
  });
}

/**
 * What comes instead of an answer of the kernel: strace writes over its beginning (length u32, type
 * u16, flags u16, sequence u32), or says that there were other bytes of it.
 */
const nonsense = [
  "poke_exit=@arg2=00000000",
  "poke_exit=@arg2=ffffffff",
  "poke_exit=@arg2=11000000",
  "poke_exit=@arg2=24000000ffffffff",
  "poke_exit=@arg2=2400000002000000ffffffff",
  "poke_exit=@arg2=240000000200000301000000",
  "retval=0",
  "retval=7",
  "retval=40000",
];

/** An answer of the kernel is nonsense: the ADD fails as a whole, or it is a whole ADD. */
export function confusedAdd(scenario: Scenario): readonly string[] {
  const calls = recorded(scenario, "ADD").filter(({ name }) => name === "recvfrom");
  const accidents = calls.flatMap((call) =>
    nonsense
      .filter((_, i) => (i + call.nth) % 3 === 0)
      .map((fault): Accident => ({ call, fault, when: `${call.nth}` })),
  );
  if (accidents.length === 0) return [];
  return inBatches(scenario, tried(scenario, accidents), (stage, attachment, accident) => {
    const run = stage.run("ADD", attachment, straceWith(accident));
    return [...endsWell(run), ...(run.ok ? succeeds(stage.run("DEL", attachment)) : [])];
  });
}

/** Each call of a DEL or GC fails: it says so and can be repeated, or has done its work. */
export function failingRemoval(scenario: Scenario, command: "DEL" | "GC"): readonly string[] {
  const accidents = tried(scenario, failures(recorded(scenario, command), scenario.firstUse));
  return inBatches(reachOf(scenario, command), accidents, (stage, attachment, accident) => {
    const added = stage.add(attachment);
    const run = stage.run(command, added, straceWith(accident));
    const again = run.ok ? [] : succeeds(stage.run(command, added));
    if (command === "GC") stage.endContainer();
    return [...endsWell(run), ...again];
  });
}

/** Each call of a CHECK or STATUS fails: it says so or not, but changes nothing. */
export function failingQuestion(
  scenario: Scenario,
  command: "CHECK" | "STATUS",
): readonly string[] {
  const accidents = tried(scenario, failures(recorded(scenario, command), scenario.firstUse));
  const stage = new Stage(scenario);
  const attachment = stage.add(stage.attachment("asked"));
  stage.begin();
  const wrong = accidents.flatMap((accident) => {
    const run = stage.run(command, attachment, straceWith(accident));
    return endsWell(run).map((line) => `${straceWith(accident)}: ${line}`);
  });
  return [...wrong, ...stage.end([attachment])];
}

/**
 * ADD or DEL dies before each of its calls: one DEL, or one GC, takes back what there is. Some
 * survive: where an index has an attachment depends on its name, and so does how often it is read.
 */
export function dying(
  scenario: Scenario,
  command: "ADD" | "DEL",
  remedy: "DEL" | "GC",
): readonly string[] {
  const accidents = tried(scenario, deaths(recorded(scenario, command)));
  let survivors = 0;
  const wrong = inBatches(reachOf(scenario, remedy), accidents, (stage, attachment, accident) => {
    const present = command === "DEL" ? stage.add(attachment) : attachment;
    const run = stage.run(command, present, straceWith(accident));
    if (run.signal !== "SIGKILL") survivors++;
    const after = succeeds(stage.run(remedy, attachment));
    if (remedy === "GC") stage.endContainer();
    return after;
  });
  // GC leaves things in the container, which a later DEL does not restore: that makes fewer calls.
  const some = Math.max(FEW, accidents.length / (remedy === "GC" ? 2 : 10));
  const most = scenario.delegation === "delegate" ? accidents.length : some;
  return survivors > most ? [...wrong, `${survivors} of ${accidents.length} did not die`] : wrong;
}

/** So many may survive though there are not many accidents. */
const FEW = 4;

/** GC is told of no namespace: what is inside of containers goes with them. */
function reachOf(scenario: Scenario, remedy: "DEL" | "GC"): Scenario {
  return remedy === "GC" ? { ...scenario, onlyHost: true } : scenario;
}

function recorded(scenario: Scenario, command: string): readonly SystemCall[] {
  const stage = new Stage(scenario);
  const attachment = stage.attachment("recorded");
  const needsOne = command !== "ADD" && command !== "STATUS";
  const calls = stage.record(command, needsOne ? stage.add(attachment) : attachment);
  stage.bed.dispose();
  return calls.filter(({ name }) => !isOfProcess.test(name));
}

/** A failure is one error object that names no bug of ours. */
function endsWell(run: Outcome): readonly string[] {
  if (run.ok) return [];
  if (run.exitCode !== 1) return [`exit code ${run.exitCode}: ${run.stdout}${run.stderr}`];
  try {
    return run.error.code === 999 ? [`a bug: ${run.stdout}`] : [];
  } catch (cause) {
    return [String(cause)];
  }
}

function succeeds(run: Outcome): readonly string[] {
  return run.ok && run.stdout === "" ? [] : [`what follows fails: ${run.stdout}${run.stderr}`];
}

/** The accidents that this run tries. */
function tried({ title, isWhole }: Scenario, accidents: readonly Accident[]): readonly Accident[] {
  if (accidents.length === 0) throw new Error(`${title}: no system call was recorded`);
  return isWhole ? accidents : partOf(accidents);
}

/** How many attempts share a machine and its snapshot. */
const BATCH = 60;

function inBatches(
  scenario: Scenario,
  accidents: readonly Accident[],
  attempt: Attempt,
): readonly string[] {
  const wrong: string[] = [];
  for (let at = 0; at < accidents.length; at += BATCH) {
    wrong.push(...wrongIn(scenario, accidents.slice(at, at + BATCH), attempt));
  }
  return wrong;
}

/** What is wrong after some attempts on one machine; what is left is traced to its attempt. */
function wrongIn(
  scenario: Scenario,
  accidents: readonly Accident[],
  attempt: Attempt,
): readonly string[] {
  const stage = new Stage(scenario);
  stage.begin();
  const attachments: Attachment[] = [];
  const wrong = accidents.flatMap((accident) => {
    const attachment = stage.attachment(`${accident.call.name}-${accident.call.nth}`);
    attachments.push(attachment);
    const lines = attempt(stage, attachment, accident);
    const left = scenario.firstUse ? freshen(stage.bed) : [];
    return [...lines, ...left].map((line) => `${straceWith(accident)}: ${line}`);
  });
  const left = stage.end(attachments, wrong.length === 0);
  const [first, ...others] = accidents;
  if (first && others.length === 0) {
    return [...wrong, ...left.map((line) => `${straceWith(first)}: ${line}`)];
  }
  if (left.length === 0) return wrong;
  const half = accidents.length >> 1;
  const early = wrongIn(scenario, accidents.slice(0, half), attempt);
  const traced = early.length > 0 ? early : wrongIn(scenario, accidents.slice(half), attempt);
  return traced.length > 0 ? [...wrong, ...traced] : [...wrong, ...left];
}

/**
 * Removes what attachments share, once it is sure that nobody's is among it. The addresses that an
 * overlay hears are the host's, as its device is.
 */
function freshen(bed: Bed): readonly string[] {
  const left = bed.host.sh(`
    nft list ruleset | awk '/^\tset .*-peers[46] /, /^\t}/ { next } /elements/'
    ip -oneline link show type veth | grep -v ': dev[0-9]'
    find /run/weft -type f ! -path '*/host-local/*' ! -name '*.lock' 2>/dev/null
    find /run/cni /var/lib/cni -type f ! -name lock ! -name 'last_reserved_ip.*' 2>/dev/null
    nft flush ruleset
    for kind in bridge vxlan; do
      links=$(ip -oneline link show type $kind | cut -d: -f2 | grep -v uplink0)
      for link in $links; do ip link delete $link; done
    done
    echo 0 | tee /proc/sys/net/ipv4/ip_forward >/proc/sys/net/ipv6/conf/all/forwarding
    rm -rf /run/weft /var/lib/cni
    for file in /run/cni/*; do case $file in */dhcp.*) ;; *) rm -rf $file ;; esac; done
    rmdir /run/cni 2>/dev/null
    true`);
  return left === "" ? [] : [left.trim()];
}
