/**
 * What was possible once with plugins of this kind, and has a number: those cases of SECURITY.md
 * that no other file of this folder has.
 */
import { describe, expect } from "vitest";
import { it } from "../bed/it.ts";
import { programsInBed } from "../bed/paths.ts";
import { workingConfig } from "../bed/subjects.ts";

const subnetFile = "/run/flannel/subnet.env";

function subnetEnv(network: string): string {
  return [
    `FLANNEL_NETWORK=${network}`,
    "FLANNEL_SUBNET=10.244.1.1/24",
    "FLANNEL_MTU=1450",
    "FLANNEL_IPMASQ=true\n",
  ].join("\n");
}

describe("CVE-2021-20206: a configuration runs no program outside CNI_PATH", () => {
  const settings: Readonly<Record<string, (type: string) => object>> = {
    bridge: (type) => ({ ipam: { type } }),
    flannel: (type) => ({ delegate: { type } }),
  };

  it.for(Object.keys(settings))("%s runs what is in it, and nothing beside it", (name, { bed }) => {
    const config = (type: string) => ({ ...workingConfig(name), ...settings[name]?.(type) });
    const inside = bed.recorder("tool", bed.folder("plugins"));
    const beside = bed.recorder("tool", bed.folder("beside"));
    for (const tool of [inside, beside]) tool.answer("ADD", { stdout: { cniVersion: "1.1.0" } });
    bed.write(subnetFile, subnetEnv("10.244.0.0/16"));
    const add = (type: string) =>
      bed.add(name, bed.container(), config(type), { path: "/run/bed/plugins" });

    add("tool");
    expect(inside.commands).toContain("ADD");
    for (const type of ["../beside/tool", "/run/bed/beside/tool", "./../beside/tool"]) {
      expect(add(type).error.code).toBe(7);
    }
    expect(beside.commands).toEqual([]);
  });
});

describe("CVE-2024-33522: nobody becomes root by an executable that is setuid", () => {
  const stranger = [`${programsInBed}/setpriv`, "--reuid=1000", "--regid=1000", "--clear-groups"];
  const from = "/tmp/setuid";

  it.for([
    ["755", "run it as root"],
    ["4755", "setuid or setgid"],
    ["2755", "setuid or setgid"],
  ])("a file of mode %s tells a user: %s", ([mode, words], { bed }) => {
    bed.host.sh(`install -d -m 755 ${from} && install -m ${mode} ${bed.bin}/bridge ${from}/bridge`);
    const box = bed.container();
    const before = bed.snapshot();
    const { error } = bed.add("bridge", box, workingConfig("bridge"), { from, as: stranger });
    expect(error.msg).toContain(words);
    expect(bed.leftovers(before)).toEqual([]);
  });
});

describe("CVE-2026-32241: what a cluster's store says is never run", () => {
  it("a shell would run what stands in flannel's file; the plugin refuses it", ({ bed }) => {
    bed.write(subnetFile, subnetEnv("$(touch /tmp/evil; echo 10.244.0.0/16)"));
    const { error } = bed.add("flannel", bed.container(), workingConfig("flannel"));
    expect(error.msg).toContain(subnetFile);
    expect(bed.host.succeeds("test -e /tmp/evil")).toBe(false);
    bed.host.sh(`. ${subnetFile}`);
    expect(bed.host.succeeds("test -e /tmp/evil")).toBe(true);
  });
});
