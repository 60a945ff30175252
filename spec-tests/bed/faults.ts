/** Every system call of a run, and runs in which one of them fails or is the last. */
import type { Bed } from "./bed.ts";
import { bridge, bridgeWith } from "./configs.ts";
import { plugins } from "./executables.ts";
import type { Config } from "./invocation.ts";
import type { Outcome } from "./outcome.ts";
import { partOf } from "./part.ts";
import { type Attachment, Stage } from "./stage.ts";
import { workingConfig } from "./subjects.ts";
import { isOfProcess, type SystemCall } from "./system-calls.ts";

/** A network and the state its host is in when an attachment comes. */
export interface Scenario {
  readonly title: string;
  /** The executable under test. */
  readonly program: string;
  readonly config: Config;
  /** True if nothing of the network exists yet; else another attachment of it does. */
  readonly firstUse: boolean;
  /** If the IPAM plugin is a file of its own, where strace sits: around whom. */
  readonly delegation?: "plugin" | "delegate";
  /** True if what is inside of the container does not count. */
  readonly onlyHost?: boolean;
  /** A shell script to run as the executable. */
  readonly standIn?: string;
  /** True if a veth pair already leads into the container, as after the plugin before. */
  readonly connected?: boolean;
  /** True to try every accident, and not today's part of them (part.ts). */
  readonly isWhole?: boolean;
}

const dualStack = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]],
};

/** What a bridge network may ask for, besides the plain one that every executable gets. */
const rich: Config = bridgeWith(dualStack, {
  isDefaultGateway: true,
  ipMasq: true,
  hairpinMode: true,
  portIsolation: true,
  macspoofchk: true,
  mtu: 1400,
});

/** Some plugins change a link that is there. */
function connected(program: string, config: Config): Scenario {
  const title = `${program}, everything, beside another`;
  const prevResult = {
    interfaces: [{ name: "veth-box1" }, { name: "eth0", sandbox: "/run/netns/box1" }],
    ips: [{ address: "10.1.2.2/24", interface: 1 }],
  };
  const whole = workingConfig(program, { ...config, prevResult });
  return { title, program, config: whole, firstUse: false, connected: true };
}

const limits: Config = {
  ingressRate: 8_000_000,
  ingressBurst: 800_000,
  egressRate: 4_000_000,
  egressBurst: 400_000,
};

const settings: Config = {
  sysctl: { "net.ipv4.ip_default_ttl": "33", "net.ipv4.conf.eth0.arp_notify": "1" },
  mac: "02:00:00:00:00:42",
  mtu: 1400,
  promisc: true,
  allmulti: true,
  txQLen: 77,
};

/** What is done by running other programs, whose outcome may stay unknown, too. */
function byIptables(program: string): Scenario {
  const title = `${program}, by iptables, beside another`;
  const masquerading = { ipMasq: true, ipMasqBackend: "iptables" };
  const config =
    program === "bridge"
      ? bridgeWith(dualStack, masquerading)
      : workingConfig(program, { backend: "iptables" });
  return { title, program, config, firstUse: false };
}

/** Every executable that can be asked for an attachment, with what it has to do at most. */
export function scenarios(): readonly Scenario[] {
  const ofPrograms = plugins().flatMap(({ name: program }) => {
    const configs: readonly (readonly [string, Config])[] = [
      ["plain", workingConfig(program)],
      ...(program === "bridge" ? [["everything", rich] as const] : []),
    ];
    return configs.flatMap(([what, config]) =>
      [false, true].map((firstUse): Scenario => {
        const title = `${program}, ${what}, ${firstUse ? "first use" : "beside another"}`;
        return { title, program, config, firstUse };
      }),
    );
  });
  const ofLinks = [connected("bandwidth", limits), connected("tuning", settings)];
  const others = ["bridge", "portmap", "firewall"].map(byIptables);
  return [...ofPrograms, ...ofLinks, ...others, delegating("plugin"), delegating("delegate")];
}

/** A bridge network whose address manager is another file, so that it is executed. */
function delegating(delegation: "plugin" | "delegate"): Scenario {
  const title = `bridge executing host-local, of the ${delegation}`;
  const config = bridge("10.1.2.0/24");
  return { title, program: "bridge", config, firstUse: false, delegation };
}

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
    ip -oneline link show type veth
    find /run/weft -type f ! -path '*/host-local/*' ! -name '*.lock' 2>/dev/null
    find /run/cni /var/lib/cni -type f ! -name lock ! -name 'last_reserved_ip.*' 2>/dev/null
    nft flush ruleset
    for kind in bridge vxlan; do
      links=$(ip -oneline link show type $kind | cut -d: -f2 | grep -v uplink0)
      for link in $links; do ip link delete $link; done
    done
    echo 0 | tee /proc/sys/net/ipv4/ip_forward >/proc/sys/net/ipv6/conf/all/forwarding
    rm -rf /run/weft /run/cni /var/lib/cni
    true`);
  return left === "" ? [] : [left.trim()];
}
