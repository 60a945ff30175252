/**
 * `weft` beside cnitool 1.3.0, which is libcni: each attaches, checks and detaches what the other
 * attached, and what the one keeps the other reads.
 */
import { copyFileSync, symlinkSync } from "node:fs";
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { failure, Lists, resultsFolder, type Said } from "../bed/lists.ts";
import { cnitoolFile } from "../bed/paths.ts";

const versions = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];
/** cnitool with the executable of this suite behind its name, or the real one. */
const programs = ["weft", "link", "cnitool"] as const;
type Program = (typeof programs)[number];

type Tool = (program: Program, words: string, env?: Readonly<Record<string, string>>) => Said;

/** Runs words by one of the programs. */
function tools(bed: Bed, lists: Lists): Tool {
  const folder = bed.folder("tools");
  symlinkSync(`${bed.bin}/weft`, bed.path(`${folder}/cnitool`));
  copyFileSync(cnitoolFile, bed.path(`${folder}/libcni`));
  const files = { weft: `${bed.bin}/weft`, link: `${folder}/cnitool`, cnitool: `${folder}/libcni` };
  return (program, words, env) => lists.run(`${files[program]} ${words}`, env);
}

const ipam = { type: "host-local", subnet: "10.1.2.0/24" };
const CAP_ARGS = JSON.stringify({
  portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }],
});

function pods(lists: Lists, cniVersion: string): void {
  const portmap = { type: "portmap", capabilities: { portMappings: true } };
  const plugins = [{ type: "bridge", isGateway: true, ipMasq: true, ipam }, portmap];
  lists.net(plugins, { cniVersion });
}

describe.for(versions)("a list of version %s", (version) => {
  const pairs = [
    ["weft", "cnitool"],
    ["cnitool", "weft"],
    ["link", "cnitool"],
    ["cnitool", "link"],
  ] as const;

  needs("cnitool 1.3.0").for(pairs)(
    "R5.01 R5.04 is attached by %s, and detached by %s",
    ([a, b], { bed }) => {
      const lists = new Lists(bed);
      const run = tools(bed, lists);
      pods(lists, version);
      const box = bed.container();
      const env = { CAP_ARGS, CNI_ARGS: "IgnoreUnknown=1;K=V" };
      const added = run(a, `add net ${box.netns}`, env);
      expect(added).toMatchObject({ status: 0, stderr: "" });
      expect(JSON.parse(added.stdout)).toMatchObject({ cniVersion: version });
      expect(bed.list(resultsFolder)).toHaveLength(1);
      const hasCheck = !["0.1.0", "0.2.0", "0.3.0", "0.3.1"].includes(version);
      const checked = run(b, `check net ${box.netns}`, env);
      expect(checked.status, checked.stderr).toBe(hasCheck ? 0 : 1);
      expect(run(b, `del net ${box.netns}`, env)).toMatchObject({ status: 0, stderr: "" });
      expect(bed.list(resultsFolder)).toEqual([]);
      expect(bed.host.sh(`${bed.bin}/weft inventory net`)).toBe("");
    },
  );
});

describe("what the reference plugins attached", () => {
  needs("cnitool 1.3.0").for([
    ["cnitool", "weft", "these"],
    ["weft", "cnitool", "those"],
    ["weft", "weft", "these"],
  ] as const)("by %s, is detached by %s and %s plugins", ([a, b, which], { bed }) => {
    const lists = new Lists(bed);
    const run = tools(bed, lists);
    pods(lists, "1.0.0");
    const box = bed.container();
    const theirs = { CAP_ARGS, CNI_PATH: bed.peer };
    const last = which === "these" ? { CAP_ARGS, CNI_PATH: bed.bin } : theirs;
    expect(run(a, `add net ${box.netns}`, theirs)).toMatchObject({ status: 0 });
    expect(run(b, `del net ${box.netns}`, last)).toMatchObject({ status: 0 });
    expect(bed.list(resultsFolder)).toEqual([]);
    const leases = bed.list("/var/lib/cni/networks/net").filter((name) => name.startsWith("10."));
    expect([leases, box.links()]).toEqual([[], ["lo"]]);
  });
});

describe("weft and cnitool", () => {
  needs("cnitool 1.3.0")("keep and print the same", ({ bed }) => {
    const lists = new Lists(bed);
    const run = tools(bed, lists);
    lists.plugin("pa");
    lists.net([{ type: "pa", capabilities: { portMappings: true } }]);
    const box = bed.container();
    const env = { CAP_ARGS, CNI_ARGS: "K=V;L=M", CNI_IFNAME: "net7" };
    const seen = programs.map((program) => {
      const { status, stdout } = run(program, `add net /run/../run/netns//${box.name}`, env);
      const [name = ""] = bed.list(resultsFolder);
      const kept = JSON.parse(bed.read(`${resultsFolder}/${name}`));
      bed.host.sh(`rm ${resultsFolder}/*`);
      return { status, result: withoutEmpty(JSON.parse(stdout)), name, kept: withoutEmpty(kept) };
    });
    expect(seen[0]).toEqual(seen[2]);
    expect(seen[1]).toEqual(seen[2]);
  });

  needs("cnitool 1.3.0").for([
    [""],
    ["add"],
    ["add net"],
    ["add nothing /run/netns/box1"],
    ["check nothing /run/netns/box1"],
    ["status other x"],
    ["add broken /run/netns/box1"],
    ["add net /run/netns/box1", { CAP_ARGS: "{" }],
    ["add net /run/netns/box1", { CNI_ARGS: "K" }],
    ["add net /run/netns/box1", { CNI_IFNAME: "" }],
    ["add net /run/netns/box1", { CNI_IFNAME: "a/b" }],
    ["add net /run/netns/box1", { NETCONFPATH: "/nowhere" }],
    ["status net x", { CNI_PATH: "/nowhere" }],
    ["status net x"],
    ["del net /run/netns/gone"],
    ["gc net x"],
  ] as [string, Record<string, string>?][])(
    "fail alike, and succeed alike: %j",
    ([words, env], { bed }) => {
      bed.container();
      const lists = new Lists(bed);
      const run = tools(bed, lists);
      lists.plugin("pa");
      lists.plugin("pb", { STATUS: failure(50, "not now"), ADD: failure(77, "no room") });
      lists.net(["pa"]);
      lists.write("20.conflist", { cniVersion: "1.1.0", name: "other", plugins: [{ type: "pb" }] });
      lists.write("30.conflist", {
        cniVersion: "1.1.0",
        name: "broken",
        plugins: [{ type: "pb" }],
      });
      const [link, real] = (["link", "cnitool"] as const).map((program) =>
        run(program, words, env),
      );
      expect([link?.status, link?.stdout]).toEqual([real?.status, real?.stdout]);
      expect(link?.stderr === "").toBe(real?.stderr === "");
    },
  );

  needs("cnitool 1.3.0")(
    "gc of cnitool's name keeps what lives, where cnitool frees it",
    ({ bed }) => {
      const lists = new Lists(bed);
      const run = tools(bed, lists);
      pods(lists, "1.1.0");
      const [live, gone] = [bed.container(), bed.container()];
      for (const box of [live, gone]) expect(run("cnitool", `add net ${box.netns}`).status).toBe(0);
      bed.host.sh(`ip netns del ${gone.name}`);
      bed.host.until("[ $(ip -o link show type veth | wc -l) = 1 ]");
      expect(run("link", `gc net ${live.netns}`)).toEqual({ status: 0, stdout: "", stderr: "" });
      expect(bed.list(resultsFolder)).toHaveLength(1);
      expect(run("cnitool", `check net ${live.netns}`)).toMatchObject({ status: 0 });
      expect(run("cnitool", `gc net ${live.netns}`).status).toBe(0);
      expect(bed.list(resultsFolder)).toEqual([]);
    },
  );

  it("by the name cnitool, weft knows no options and fails with 1, also at a command that is none", ({
    bed,
  }) => {
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"]);
    bed.host.sh(`ln -s ${bed.bin}/weft /tmp/cnitool`);
    expect(lists.run("/tmp/cnitool")).toMatchObject({ status: 1, stdout: "" });
    expect(lists.run("/tmp/cnitool").stderr).toMatch(/^usage: cnitool /);
    expect(lists.run("/tmp/cnitool status net x").status).toBe(0);
    expect(lists.run("/tmp/cnitool list x y").status).toBe(1);
    expect(lists.run("/tmp/cnitool status net").status).toBe(1);
  });
});

/** libcni writes members that are empty, and those of dns: nobody reads a difference there. */
function withoutEmpty(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const all = Object.entries(value).map(([key, member]) => [key, withoutEmpty(member)] as const);
  return Object.fromEntries(all.filter(([, member]) => JSON.stringify(member) !== "{}"));
}
