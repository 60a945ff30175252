/**
 * `weft inventory` names all that an attachment leaves on the host: whatever the snapshot of the
 * machine sees that was not there before, it tells, or the table below says why it need not.
 */
import { describe, expect } from "vitest";
import { Chain } from "../bed/chain.ts";
import { sharedBy, withoutShared } from "../bed/difference.ts";
import {
  everything,
  inventory,
  isNamedBy,
  isOne,
  limit,
  ofAttachments,
  type Thing,
} from "../bed/inventory.ts";
import { it } from "../bed/it.ts";
import { type Scenario, scenarios } from "../bed/scenarios.ts";
import type { Snapshot } from "../bed/snapshot.ts";
import { Stage } from "../bed/stage.ts";
import { itWorks, workingConfig } from "../bed/subjects.ts";

/* ---- what bears no mark ---- */

/** What the inventory does not name, and why; `links` are those that it names. */
const unmarked: readonly (readonly [
  reason: string,
  is: (key: string, links: readonly string[]) => boolean,
])[] = [
  [
    "it is in the container, and goes with the container's namespace",
    (key) => !/^(host|file|folder|link) /.test(key),
  ],
  [
    "the kernel keeps it for a link that is named, and removes it with the link",
    (key, links) => /^host (sysctl|fdb|neighbours|routes[46]) /.test(key) && isOf(key, links),
  ],
  [
    "it shapes a link that another plugin made, without a mark, and goes with that",
    (key) => /^host qdiscs tbf veth-box1\b/.test(key),
  ],
  [
    "the kernel lets a master hear what is for the link above it, and no longer than that is there",
    (key) => /^host fdb uplink0 /.test(key),
  ],
];

function isOf(key: string, links: readonly string[]): boolean {
  return key.split(/[ /]/).some((word) => links.includes(word));
}

/* ---- what is named ---- */

/** What of a snapshot is new, is no matter of the network's, and is not named. */
function unnamed(before: Snapshot, after: Snapshot, things: readonly Thing[]): readonly string[] {
  const links = things.flatMap(({ kind, what }) => (kind === "link" ? what.slice(5) : []));
  const rest = new Set(things);
  return Object.keys(after).filter((key) => {
    if (key in before) return false;
    const found = [...rest].find((thing) => isNamedBy(key, thing));
    if (found && isOne(key, found)) rest.delete(found);
    return found === undefined && !unmarked.some(([, is]) => is(key, links));
  });
}

/** What is named, but is not there. */
function unseen(after: Snapshot, things: readonly Thing[]): readonly string[] {
  const keys = Object.keys(after);
  const unknown = things.filter((thing) => !keys.some((key) => isNamedBy(key, thing)));
  return unknown.map(({ what }) => what);
}

/* ---- one plugin ---- */

/** One of the scenarios of the tests of faults has both directions. */
function inOneDirection(): Scenario {
  const prevResult = {
    interfaces: [{ name: "veth-box1" }, { name: "eth0", sandbox: "/run/netns/box1" }],
    ips: [{ address: "10.1.2.2/24", interface: 1 }],
  };
  const config = workingConfig("bandwidth", { ...limit, prevResult });
  const title = "bandwidth, in one direction, beside another";
  return { title, program: "bandwidth", config, firstUse: false, connected: true };
}

describe.for([...scenarios(), inOneDirection()])("$title", (scenario) => {
  const { program, config } = scenario;
  const network = String(config.name);

  itWorks(program)("all that an attachment has is named, under it alone, until it goes", () => {
    const stage = new Stage(scenario);
    const { bed } = stage;
    const before = withoutShared(bed.snapshot(), sharedBy(config));
    const others = ofAttachments(bed, network);

    const attachment = stage.add(stage.attachment("own-id"));
    const after = bed.snapshot();
    const things = inventory(bed, `${network} own-id eth0`);
    expect(unnamed(before, withoutShared(after, sharedBy(config)), things)).toEqual([]);
    expect(unseen(after, things)).toEqual([]);
    expect(things.filter((each) => each.containerID !== "own-id")).toEqual([]);
    const all = ofAttachments(bed, network);
    expect(all.filter(({ containerID }) => containerID !== "own-id")).toEqual(others);
    expect(all.filter(({ containerID }) => containerID === "own-id")).toEqual(things);
    expect(inventory(bed, `${network} other-id eth0`)).toEqual(others);
    expect(bed.snapshot()).toEqual(after);

    expect(stage.run("DEL", attachment)).toSucceed();
    expect(inventory(bed, `${network} own-id eth0`)).toEqual([]);
    expect(ofAttachments(bed, network)).toEqual(others);
    bed.dispose();
  });

  itWorks(program)("nobody has anything after a GC without valid attachments", () => {
    const stage = new Stage(scenario);
    const { bed } = stage;
    stage.add(stage.attachment("own-id"));
    expect(bed.gc(program, { ...config, "cni.dev/valid-attachments": [] })).toSucceed();
    expect(ofAttachments(bed, network)).toEqual([]);
    bed.dispose();
  });
});

/* ---- a list of plugins ---- */

describe.for(["nftables", "iptables"])("a whole list by %s", (backend) => {
  it.for(["net", `n${"e".repeat(180)}t`])("is named in network %s", (name, { bed }) => {
    new Chain(bed, everything(backend, name, 8080)).add(bed.container("other"));
    const plugins = everything(backend, name, 8081);
    const chain = new Chain(bed, plugins);
    const box = bed.container();
    const [first = {}] = plugins;
    const before = withoutShared(bed.snapshot(), sharedBy(first));
    const others = inventory(bed, name);

    const result = chain.add(box);
    const after = withoutShared(bed.snapshot(), sharedBy(first));
    const things = inventory(bed, `${name} ${box.containerID} eth0`);
    expect(unnamed(before, after, things)).toEqual([]);
    expect(unseen(after, things)).toEqual([]);
    const all = inventory(bed, name);
    expect(all.filter(({ containerID }) => containerID === "other-id")).toEqual(others);
    expect(all.filter(({ containerID }) => containerID === box.containerID)).toEqual(things);
    expect(all).toHaveLength(things.length + others.length);

    for (const run of chain.del(box, result)) expect(run).toSucceed();
    expect(inventory(bed, name)).toEqual(others);
  });
});
