/** What the agent does with what a cluster and the plugin tell: what is in the packet filter, and what is answered. */
import { describe, expect, it, vi } from "vitest";
import type { Ruleset } from "../../lib/filter/ruleset.ts";
import { FakeClock } from "../../lib/host/fake-clock.ts";
import { formatAddress, type IpAddress } from "../../lib/ip/address.ts";
import type { PodAttachment } from "../../lib/state/pod-attachments.ts";
import { Attaching, PATIENCE } from "./attaching.ts";
import { Enforcer, type PolicyFilter } from "./enforcer.ts";
import { contentsOf, FilterModel } from "./filter-model.ts";
import { Followed } from "./followed.ts";
import { NetworkPolicies } from "./network-policies.ts";
import { ToldPods } from "./told-pods.ts";

vi.mock("host", () => ({}));

const UID = "00000000-0000-4000-8000-000000000001";
const OTHER_UID = "00000000-0000-4000-8000-000000000002";

function modelOf({ sets, chains, addresses }: Ruleset): FilterModel {
  const model = new FilterModel();
  for (const [name, { hasPorts, elements }] of sets) {
    const texts = [...elements].map(({ address, port }) =>
      port === undefined ? formatAddress(address) : `${formatAddress(address)} ${port}`,
    );
    model.sets.set(name, { hasPorts, elements: new Set(texts) });
  }
  for (const [name, chain] of chains) model.chains.set(name, chain);
  for (const [text, judged] of addresses) model.addresses.set(text, judged);
  return model;
}

/** A packet filter that refuses what it is told to, and counts. */
class FakeFilter implements PolicyFilter {
  model = new FilterModel();
  pending = new Set<string>();
  refusals = 0;
  version = 1;
  readonly log: string[] = [];
  readonly lack = undefined;

  isElsewhere(): boolean {
    return false;
  }
  replace(ruleset: Ruleset, settled: readonly IpAddress[]): boolean {
    this.#step("replace");
    const model = modelOf(ruleset);
    const isOther = JSON.stringify(model.contents) !== JSON.stringify(this.model.contents);
    this.model = model;
    const own = [...ruleset.addresses.values()].map(({ address }) => address);
    const isChanged = this.#settle([...settled, ...own]) || isOther;
    if (isChanged) this.version++;
    return isChanged;
  }

  apply(changes: Parameters<PolicyFilter["apply"]>[0], settled: readonly IpAddress[]): void {
    this.#step("apply");
    this.model.apply(changes);
    this.#settle(settled);
    this.version++;
  }
  cut(): void {
    this.log.push("cut");
  }
  concerned(ruleset: Parameters<PolicyFilter["concerned"]>[0]): readonly IpAddress[] {
    return [...ruleset.addresses.values()].map(({ address }) => address);
  }
  isolate(addresses: readonly IpAddress[]): void {
    for (const each of addresses) this.pending.add(formatAddress(each));
    this.version++;
  }
  isolated(): ReadonlySet<string> {
    return new Set(this.pending);
  }
  generation(): number {
    return this.version;
  }
  #step(what: string): void {
    this.log.push(what);
    if (this.refusals > 0) {
      this.refusals--;
      throw new Error("the kernel says no");
    }
  }
  #settle(addresses: readonly IpAddress[]): boolean {
    return addresses.map((each) => this.pending.delete(formatAddress(each))).some((is) => is);
  }
}

class Files {
  readonly all = new Map<string, PodAttachment>();
  list = () => [...this.all.values()];
  write = (each: PodAttachment) => void this.all.set(each.containerID, each);
  remove = ({ containerID }: { readonly containerID: string }) => void this.all.delete(containerID);
}

function lab(files = new Files(), filter = new FakeFilter()) {
  const said: string[] = [];
  const tell = (event: string, words: string) => void said.push(`${event}: ${words}`);
  const clock = new FakeClock();
  const policies = new NetworkPolicies("here");
  const told = new ToldPods(policies, files);
  const followed = new Followed(policies, tell, told);
  const enforcer = new Enforcer({ policies, followed, told, filter, clock, tell });
  const attaching = new Attaching({ enforcer, followed, told, clock, tell });
  told.read(true);
  const turn = () => {
    enforcer.turn();
    attaching.turn();
  };
  /** As the plugin does it: written, isolated, asked. */
  const attach = (attachment: PodAttachment) => {
    const answers: string[] = [];
    files.write(attachment);
    for (const each of attachment.addresses) filter.pending.add(each);
    const leave = attaching.serve(JSON.stringify(attachment), (line) => answers.push(line));
    turn();
    return {
      leave,
      states: () => answers.map((each) => (JSON.parse(each) as { state: string }).state),
    };
  };
  return {
    said,
    clock,
    policies,
    told,
    followed,
    enforcer,
    attaching,
    filter,
    files,
    turn,
    attach,
  };
}

type Lab = ReturnType<typeof lab>;

function attachmentOf(name: string, more: Partial<PodAttachment> = {}): PodAttachment {
  return {
    ...{ network: "cbr0", containerID: `c-${name}`, ifName: "eth0", namespace: "shop", name },
    ...{ uid: UID, addresses: ["10.0.0.5"], whenUnknown: undefined, isIsolated: true },
    ...more,
  };
}

function podObject(name: string, ips: readonly string[] = [], uid = UID) {
  return {
    metadata: { namespace: "shop", name, uid, labels: { app: name } },
    spec: { nodeName: "here" },
    status: { phase: "Running", podIPs: ips.map((ip) => ({ ip })) },
  };
}

const denyAll = {
  metadata: { namespace: "shop", name: "deny" },
  spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
};

function known(
  { followed, turn }: Lab,
  policies: readonly object[] = [],
  pods: readonly object[] = [],
) {
  const lists = [
    ["NetworkPolicy", policies],
    ["Namespace", []],
    ["Pod", pods],
  ] as const;
  for (const [kind, items] of lists) {
    followed.onListBegin(kind);
    for (const item of items) followed.onObject(kind, item as never, false);
    followed.onListEnd(kind);
  }
  turn();
}

describe("enforcing", () => {
  it("touches nothing before all lists are known, then replaces the whole once", () => {
    const made = lab();
    made.filter.pending.add("10.0.0.9");
    made.turn();
    expect(made.filter.log).toEqual([]);
    known(made, [denyAll], [podObject("db", ["10.0.0.5"])]);
    expect(made.filter.log).toEqual(["replace", "cut"]);
    expect(made.filter.model.contents).toEqual(contentsOf(made.policies.ruleset()));
    expect([...made.filter.model.addresses.keys()]).toEqual(["10.0.0.5"]);
    // What nobody here was told of is isolated for nobody.
    expect([...made.filter.pending]).toEqual([]);
  });

  it("makes one change of what comes in one turn", () => {
    const made = lab();
    known(made);
    for (let i = 1; i < 9; i++) {
      made.followed.onObject("Pod", podObject(`p${i}`, [`10.0.0.${i}`]) as never, false);
    }
    made.followed.onObject("NetworkPolicy", denyAll as never, false);
    made.turn();
    made.turn();
    expect(made.filter.log).toEqual(["replace", "apply", "cut"]);
    expect(made.filter.model.addresses.size).toBe(8);
  });

  it("looks through connections once a second at most, for all changes since", () => {
    const made = lab();
    known(made, [denyAll], [podObject("db", ["10.0.0.5"])]);
    for (let i = 1; i < 4; i++) {
      made.followed.onObject("Pod", podObject(`p${i}`, [`10.0.0.${i}`]) as never, false);
      made.turn();
    }
    expect(made.filter.log).toEqual(["replace", "cut", "apply", "apply", "apply"]);
    made.clock.pass(999);
    expect(made.filter.log.at(-1)).toBe("apply");
    made.clock.pass(1);
    expect(made.filter.log.slice(-2)).toEqual(["apply", "cut"]);
  });

  it("replaces the whole where a change is refused, and tries again later each time", () => {
    const made = lab();
    known(made);
    made.filter.refusals = 4;
    made.followed.onObject("NetworkPolicy", denyAll as never, false);
    made.followed.onObject("Pod", podObject("db", ["10.0.0.5"]) as never, false);
    made.turn();
    expect(made.filter.log.slice(1)).toEqual(["apply", "replace"]);
    // Nobody is let through since the kernel will not have the rules.
    expect([...made.filter.pending]).toEqual(["10.0.0.5"]);
    expect(made.said.at(-1)).toContain("problem: Cannot enforce network policies: ");
    made.clock.pass(500);
    expect([...made.filter.pending]).toEqual(["10.0.0.5"]);
    made.clock.pass(999);
    expect(made.enforcer.isEnforced).toBe(false);
    made.clock.pass(1 + 2000);
    expect(made.enforcer.isEnforced).toBe(true);
    expect([...made.filter.pending]).toEqual([]);
    expect(made.filter.model.contents).toEqual(contentsOf(made.policies.ruleset()));
    expect(made.said.at(-1)).toContain("recovered: ");
  });

  it("makes right what others have changed, and tells of it", () => {
    const made = lab();
    known(made, [denyAll], [podObject("db", ["10.0.0.5"])]);
    made.enforcer.keep();
    expect(made.filter.log).toEqual(["replace", "cut"]);
    made.filter.model = new FilterModel();
    made.filter.version++;
    made.enforcer.keep();
    expect(made.filter.model.addresses.size).toBe(1);
    expect(made.enforcer.repairs).toBe(1);
    expect(made.said.at(-1)).toContain("changed: the rules of network policies");
    made.filter.version++;
    made.enforcer.keep();
    expect(made.enforcer.repairs).toBe(1);
  });

  it("isolates all who have rules where what others have changed cannot be made right", () => {
    const made = lab();
    known(made, [denyAll], [podObject("db", ["10.0.0.5"]), podObject("web", ["10.0.0.6"])]);
    made.filter.model = new FilterModel();
    made.filter.version++;
    made.filter.refusals = 1;
    made.enforcer.keep();
    expect([...made.filter.pending]).toEqual(["10.0.0.5", "10.0.0.6"]);
    made.clock.pass(500);
    expect([...made.filter.pending]).toEqual([]);
    expect(made.filter.model.addresses.size).toBe(2);
  });
});

describe("a pod that is attached", () => {
  it("is enforced once it is known and the kernel has its rules, by its address of ADD", () => {
    const made = lab();
    known(made, [denyAll]);
    const { states } = made.attach(attachmentOf("db"));
    expect(states()).toEqual([]);
    expect([...made.filter.pending]).toEqual(["10.0.0.5"]);
    made.followed.onObject("Pod", podObject("db") as never, false);
    made.turn();
    expect(states()).toEqual(["enforced"]);
    expect([...made.filter.pending]).toEqual([]);
    expect([...made.filter.model.addresses.keys()]).toEqual(["10.0.0.5"]);
    expect(made.files.list().map(({ isIsolated }) => isIsolated)).toEqual([false]);
    made.followed.onObject("Pod", podObject("db", ["10.0.0.5"]) as never, false);
    expect([...made.told.all]).toEqual([]);
    made.turn();
    expect([...made.filter.model.addresses.keys()]).toEqual(["10.0.0.5"]);
  });

  it("is known to an agent that starts anew by what is written", () => {
    const made = lab();
    known(made, [denyAll], [podObject("db")]);
    made.attach(attachmentOf("db"));
    const before = made.filter.model.contents;
    const again = lab(made.files, made.filter);
    again.turn();
    expect(again.filter.model.contents).toEqual(before);
    const { version } = again.filter;
    known(again, [denyAll], [podObject("db")]);
    expect(again.filter.model.contents).toEqual(before);
    expect(again.filter.version).toBe(version);
  });

  it.each([
    ["is isolated where its namespace has a policy", [denyAll], undefined, "isolated"],
    ["is let through where it has none", [], undefined, "open"],
    ["is isolated if that is wanted", [], "isolate", "isolated"],
    ["is let through if that is wanted", [denyAll], "allow", "open"],
  ] as const)("and not known in time %s", (_what, policies, whenUnknown, state) => {
    const made = lab();
    known(made, policies);
    const { states } = made.attach(attachmentOf("db", { whenUnknown }));
    made.clock.pass(PATIENCE - 1);
    made.turn();
    expect(states()).toEqual([]);
    expect([...made.filter.pending]).toEqual(["10.0.0.5"]);
    made.clock.pass(1);
    made.turn();
    expect(states()).toEqual([state]);
    expect(made.filter.pending.size).toBe(Number(state === "isolated"));
    const event = state === "open" ? "released" : state;
    expect(made.said.at(-1)).toContain(`${event}: pod shop/db (10.0.0.5)`);
    made.followed.onObject("Pod", podObject("db") as never, false);
    made.turn();
    expect([...made.filter.pending]).toEqual([]);
    expect(made.said.filter((each) => each.startsWith("released: "))).toHaveLength(1);
  });

  it("is isolated later where a policy comes before it is known", () => {
    const made = lab();
    known(made);
    made.attach(attachmentOf("db"));
    made.clock.pass(PATIENCE);
    made.turn();
    expect([...made.filter.pending]).toEqual([]);
    made.followed.onObject("NetworkPolicy", denyAll as never, false);
    made.turn();
    expect([...made.filter.pending]).toEqual(["10.0.0.5"]);
    expect(made.said.at(-1)).toContain("isolated: pod shop/db");
  });

  it("is isolated while nothing is known of the cluster", () => {
    const made = lab();
    const { states } = made.attach(attachmentOf("db"));
    made.clock.pass(PATIENCE);
    expect(states()).toEqual(["isolated"]);
    expect([...made.filter.pending]).toEqual(["10.0.0.5"]);
    known(made, [], [podObject("db")]);
    expect([...made.filter.pending]).toEqual([]);
  });

  it("is not one of the same name that was there before", () => {
    const made = lab();
    known(made, [denyAll], [podObject("db", ["10.0.0.4"], OTHER_UID)]);
    const { states } = made.attach(attachmentOf("db"));
    expect(states()).toEqual([]);
    made.followed.onObject("Pod", podObject("db", [], OTHER_UID) as never, true);
    made.turn();
    expect([...made.filter.pending]).toEqual(["10.0.0.5"]);
    made.followed.onObject("Pod", podObject("db") as never, false);
    made.turn();
    expect(states()).toEqual(["enforced"]);
  });

  it("of a file of the kubelet's has another uid there", () => {
    const made = lab();
    known(made, [denyAll], [podObject("db")]);
    const { states } = made.attach(attachmentOf("db", { uid: "0123456789abcdef0123456789abcdef" }));
    expect(states()).toEqual(["enforced"]);
  });

  it("that goes while it waits is forgotten, and so is its question", () => {
    const made = lab();
    known(made, [denyAll], [podObject("web", ["10.0.0.6"])]);
    const { leave, states } = made.attach(attachmentOf("db"));
    leave();
    made.attaching.serve(JSON.stringify({ ...attachmentOf("db"), isGone: true }), () => undefined);
    made.turn();
    made.followed.onObject("Pod", podObject("db") as never, false);
    made.turn();
    made.clock.pass(2 * PATIENCE);
    expect(states()).toEqual([]);
    expect(made.files.list()).toEqual([]);
    expect([...made.filter.model.addresses.keys()]).toEqual(["10.0.0.6"]);
  });

  it.each([
    ["has ended", { ...podObject("db", ["10.0.0.5"]), status: { phase: "Failed" } }, false],
    ["is deleted by force", podObject("db", ["10.0.0.5"]), true],
    ["is another one by now", podObject("db", [], OTHER_UID), false],
  ])("and %s is isolated until its attachment is gone", (_what, object, isGone) => {
    const made = lab();
    known(made, [denyAll], [podObject("db")]);
    made.attach(attachmentOf("db"));
    made.followed.onObject("Pod", podObject("db", ["10.0.0.5"]) as never, false);
    made.turn();
    made.followed.onObject("Pod", object as never, isGone);
    made.turn();
    expect(made.filter.model.addresses.size).toBe(0);
    expect([...made.filter.pending]).toEqual(["10.0.0.5"]);
    const again = lab(made.files, made.filter);
    known(again, [denyAll]);
    expect([...again.filter.pending]).toEqual(["10.0.0.5"]);
    made.attaching.serve(JSON.stringify({ ...attachmentOf("db"), isGone: true }), () => undefined);
    expect(made.files.list()).toEqual([]);
  });

  it("and deleted by force is let through where its namespace has no policy", () => {
    const made = lab();
    known(made, [], [podObject("db", ["10.0.0.5"])]);
    made.attach(attachmentOf("db"));
    made.followed.onObject("Pod", podObject("db", ["10.0.0.5"]) as never, true);
    made.turn();
    expect([...made.filter.pending]).toEqual([]);
    made.followed.onObject("NetworkPolicy", denyAll as never, false);
    made.turn();
    expect([...made.filter.pending]).toEqual(["10.0.0.5"]);
  });

  it.each([
    "",
    "{",
    "[]",
    "{}",
    '{"network":"a"}',
    JSON.stringify({ ...attachmentOf("db"), addresses: ["x"] }),
  ])("is no junk such as %s", (line) => {
    const made = lab();
    known(made);
    const answers: string[] = [];
    made.attaching.serve(line, (answer) => answers.push(answer));
    expect(answers).toEqual(['{"error":"it is no attachment of a pod"}']);
    expect([...made.told.all]).toEqual([]);
  });
});
