/**
 * The table of a cluster's policies, however it came to be: after each change it is what a fresh one
 * would be, as `nft` shows it, whatever others did to it before it is replaced.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isThorough, seed } from "../bed/part.ts";
import { buildDriver, Driver } from "./driver.ts";

let driver: ReturnType<typeof buildDriver>;
beforeAll(() => {
  driver = buildDriver();
});
afterAll(() => driver.remove());

/* Few of everything, so that what concerns each other is met often. */
const spaces = fc.constantFrom("a", "b");
const ips = ["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2", "fd00::1", "fd00::2", "fd00::1:1"];
const labels = fc.dictionary(fc.constantFrom("app", "tier"), fc.constantFrom("x", "y"), {
  maxKeys: 2,
});
const selector = fc.record({ matchLabels: labels });
const named = fc.constantFrom(
  { name: "web", containerPort: 80 },
  { name: "web", containerPort: 8080 },
  { name: "dns", containerPort: 53, protocol: "UDP" },
);
const peer = fc.oneof(
  fc.record({ podSelector: selector }),
  fc.record({ namespaceSelector: selector, podSelector: selector }),
  fc.constantFrom(
    { ipBlock: { cidr: "10.0.0.0/8", except: ["10.0.1.0/24", "10.0.0.2/32"] } },
    { ipBlock: { cidr: "0.0.0.0/0" } },
    { ipBlock: { cidr: "255.255.255.255/32" } },
    { ipBlock: { cidr: "0.0.0.0/0", except: ["0.0.0.0/1"] } },
    { ipBlock: { cidr: "::/0", except: ["fd00::/64"] } },
  ),
);
const port = fc.constantFrom<object>(
  { port: 80 },
  { port: 80, endPort: 90 },
  { port: "web" },
  { port: "dns", protocol: "UDP" },
  { protocol: "SCTP" },
  { port: 1, endPort: 65535, protocol: "UDP" },
);
const rules = (key: string) =>
  fc.array(
    fc.record(
      { [key]: fc.array(peer, { maxLength: 3 }), ports: fc.array(port, { maxLength: 2 }) },
      { requiredKeys: [] },
    ),
    { maxLength: 2 },
  );

const name = fc.constantFrom("p", "q", "r", "s");
const space = fc
  .record({ name: spaces, labels })
  .map((metadata) => ({ kind: "Namespace", metadata }));
const pod = fc
  .record({
    metadata: fc.record({ namespace: spaces, name, labels }),
    nodeName: fc.constantFrom("here", "here", "there"),
    ips: fc.uniqueArray(fc.constantFrom(...ips), { maxLength: 2 }),
    ports: fc.array(named, { maxLength: 2 }),
  })
  .map(({ metadata, nodeName, ips: all, ports }) => ({
    kind: "Pod",
    metadata,
    spec: { nodeName, containers: [{ ports }] },
    status: { phase: "Running", podIPs: all.map((ip) => ({ ip })) },
  }));
const policy = fc
  .record({
    metadata: fc.record({ namespace: spaces, name }),
    spec: fc.record(
      { podSelector: selector, ingress: rules("from"), egress: rules("to") },
      { requiredKeys: ["podSelector"] },
    ),
  })
  .map((each) => ({ kind: "NetworkPolicy", ...each }));

const table = "inet weft-cluster";
/** What others do: each is for `nft`, and may fail. */
const damage = fc.constantFrom(
  "flush ruleset",
  `flush chain ${table} egress`,
  `flush chain ${table} ingress-drop`,
  `flush map ${table} egress4`,
  `flush set ${table} ingress-drops6`,
  `add rule ${table} ingress accept`,
  `add chain ${table} ingress-0123`,
  `add element ${table} own4 { 192.0.2.1 . 192.0.2.1 }`,
  `add element ${table} egress4 { 192.0.2.1 : drop }`,
  `add set ${table} pods4-0123 { type ipv4_addr; elements = { 10.0.0.1 } }; add chain ${table} a; add chain ${table} b; add rule ${table} a ip saddr @pods4-0123 goto b; add map ${table} m { type ipv4_addr : verdict; elements = { 10.0.0.1 : jump a } }`,
  `destroy table ${table}; add table ${table}; add set ${table} pending4 { type ipv6_addr; }`,
  `delete table ${table}; add table ${table}; add chain ${table} egress { type filter hook forward priority 7; }`,
  `delete table ${table}; add table ${table}; add chain ${table} egress { type filter hook input priority -15; policy drop; }; add map ${table} egress4 { type ipv4_addr : verdict; flags interval; }`,
);

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ set: pod }) },
    { weight: 4, arbitrary: fc.record({ set: policy }) },
    { weight: 1, arbitrary: fc.record({ set: space }) },
    { weight: 1, arbitrary: fc.record({ deletePod: fc.tuple(spaces, name) }) },
    { weight: 1, arbitrary: fc.record({ deletePolicy: fc.tuple(spaces, name) }) },
    { weight: 2, arbitrary: fc.record({ damage }) },
    { weight: 4, arbitrary: fc.constant({ apply: [] }) },
  ),
  { minLength: 20, maxLength: 30 },
);

/** What a driver that knows nothing else makes of all that is there. */
async function freshTable(objects: Iterable<object>): Promise<readonly string[]> {
  const fresh = new Driver(driver.program);
  await fresh.take({ take: [...objects] });
  await fresh.take({ replace: [] });
  const made = fresh.table();
  await fresh.end();
  return made;
}

type Step = Readonly<Record<string, unknown>>;

/** Keeps the objects that are there, as the driver does. */
function keep(objects: Map<string, object>, step: Step): void {
  const [[verb, value] = ["", undefined]] = Object.entries(step);
  if (verb === "set") {
    const { kind, metadata } = value as { kind: string; metadata: Record<string, string> };
    objects.set(`${kind} ${metadata.namespace ?? ""} ${metadata.name}`, value as object);
  } else if (verb.startsWith("delete")) {
    const kind = verb === "deletePod" ? "Pod" : "NetworkPolicy";
    objects.delete(`${kind} ${(value as readonly string[]).join(" ")}`);
  }
}

function tamper(tested: Driver, text: string): void {
  try {
    tested.run("nft", text);
  } catch {
    // What is not there cannot be damaged.
  }
}

async function play(all: readonly Step[]): Promise<void> {
  const tested = new Driver(driver.program);
  const objects = new Map<string, object>();
  let isDamaged = true;
  try {
    for (const step of [...all, { apply: [] }]) {
      if ("damage" in step) {
        tamper(tested, `${step.damage}`);
        isDamaged = true;
      } else if ("apply" in step) {
        await tested.take(isDamaged ? { replace: [] } : { apply: [] });
        isDamaged = false;
        expect(tested.table()).toEqual(await freshTable(objects.values()));
        expect(await tested.take({ replace: [] })).toBe(false);
      } else {
        await tested.take(step);
        keep(objects, step);
      }
    }
  } finally {
    await tested.end();
  }
}

describe("the table of a cluster's policies", () => {
  it("is the same, however it came to be", async () => {
    const property = fc.asyncProperty(steps, play);
    await fc.assert(property, {
      seed: seed(),
      numRuns: isThorough() ? 100 : 12,
      endOnFailure: true,
    });
  });
});
