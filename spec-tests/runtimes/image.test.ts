/** The image for containers of a release: imported and run as docs/release.md says, it brings a node its plugins. */
import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { it } from "../bed/it.ts";
import { binDirectory } from "../bed/paths.ts";
import { makeRelease, newFolder, version } from "../release/release.ts";
import { releases } from "./containerd.ts";
import { releaseCommands } from "./documents.ts";
import { cgroup, RuntimeNode } from "./node.ts";
import { Podman } from "./podman.ts";
import { startOn } from "./pods.ts";

const names = readdirSync(binDirectory).sort();
const { folder, remove } = newFolder();
const archive = `weft-${version}-oci.tar`;
/** What is in /opt/cni/bin before: a program of somebody else. */
const others = "theirs";

beforeAll(() => makeRelease(join(folder, "release")));
afterAll(remove);

/** A folder that is to be /opt/cni/bin, and the image's file on the node. */
function prepare(bed: Bed) {
  const plugins = bed.folder("plugins");
  bed.write(`${plugins}/bridge`, others);
  const image = `${bed.folder("release")}/${archive}`;
  copyFileSync(join(folder, "release", archive), bed.path(image));
  return { plugins, image };
}

/** The words of a document, with what differs in this test: where the file is, and options of `run`. */
function here(words: string | undefined, image: string, options: string): string {
  if (words === undefined) throw new Error("docs/release.md does not say it");
  return words.replace(archive, image).replace(/^run /, `run ${options} `);
}

describe.each(releases)("$name", (release) => {
  release.it("installs by ctr, and the plugins give a pod its network", async ({ bed }) => {
    const { plugins, image } = prepare(bed);
    const { containerd, client, leftovers } = await startOn(bed, release, { plugins });
    const [importing, installing] = releaseCommands("ctr -n k8s.io");
    const group = `--cgroup ${cgroup}/weft`;

    containerd.ctr(here(importing, image, ""));
    const said = containerd.ctr(here(installing, image, group));

    expect(said).toContain("what was there is kept as .weft-before.bridge");
    expect(bed.list(plugins)).toEqual([".weft-before.bridge", ...names]);
    const id = await client.runPod({ name: "pod", hostPort: 8080, cgroup });
    expect(await client.addressOf(id)).toBe("10.244.0.2");
    await client.removePod(id);
    expect(leftovers()).toEqual([]);
    containerd.ctr(`${here(installing, image, group)} /usr/bin/weft install --uninstall`);
    expect(bed.list(plugins)).toEqual(["bridge"]);
    expect(bed.read(`${plugins}/bridge`)).toBe(others);
  });
});

describe("podman", () => {
  it("installs as well", ({ bed }) => {
    const { plugins, image } = prepare(bed);
    const podman = new Podman(new RuntimeNode(bed, plugins));
    const [loading, installing] = releaseCommands("podman");
    const group = `--cgroup-parent ${cgroup} --security-opt seccomp=unconfined --network none`;

    podman.run(here(loading, image, ""));
    podman.run(here(installing, image, group));

    expect(bed.list(plugins)).toEqual([".weft-before.bridge", ...names]);
  });
});
