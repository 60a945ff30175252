/** What the commands of `weft` that run a list do where little is as it should be. */
import { describe, expect } from "vitest";
import { it } from "../bed/it.ts";
import { configOf, failure, Lists, resultsFolder, usualResult } from "../bed/lists.ts";

/** What is kept of an attachment, as libcni writes it. */
function kept(network: string, containerId: string, netns: string): string {
  const config = JSON.stringify({ cniVersion: "1.1.0", name: network, plugins: [{ type: "pa" }] });
  return JSON.stringify({
    ...{ kind: "cniCacheV1", containerId, config: Buffer.from(config).toString("base64") },
    ...{ ifName: "eth0", networkName: network, netns, result: usualResult },
  });
}

describe("weft", () => {
  it("changes nothing by a command that only asks, or that is refused", ({ bed }) => {
    const box = bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa", { STATUS: failure(50, "not now"), CHECK: failure(104, "gone") });
    lists.net(["pa"]);
    const before = bed.snapshot();
    for (const words of [
      `check net ${box.netns}`,
      "status net",
      "gc net",
      "gc net --json",
      "add net /run/netns/nothing",
      `add nothing ${box.netns}`,
      `add net ${box.netns} --ifname a/b`,
      "help add",
    ]) {
      lists.weft(words);
      expect([words, bed.leftovers(before)]).toEqual([words, []]);
    }
    lists.weft(`add net ${box.netns} --container-id box`);
    const attached = bed.snapshot();
    for (const words of [`check net ${box.netns} --container-id box`, "status net", "gc net"]) {
      lists.weft(words);
      expect([words, bed.leftovers(attached)]).toEqual([words, []]);
    }
  });

  it("finds its way through thousands of results, most of them of others", ({ bed }) => {
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"]);
    const box = bed.container();
    bed.host.sh(`mkdir -p -m 700 ${resultsFolder}`);
    for (let i = 0; i < 5000; i++) {
      const network = i % 1000 === 7 ? "net" : "other";
      const netns = i === 7 ? box.netns : `/run/netns/gone${i}`;
      bed.write(`${resultsFolder}/${network}-box${i}-eth0`, kept(network, `box${i}`, netns));
    }
    expect(lists.weft(`add net ${box.netns} --container-id one`)).toMatchObject({ status: 0 });
    const told = JSON.parse(lists.weft("gc net --json").stdout);
    const alive = told.filter((each: { readonly isAlive: boolean }) => each.isAlive);
    expect([told.length, alive.length]).toEqual([6, 2]);
    expect(lists.weft("gc net --yes")).toMatchObject({ status: 0 });
    expect(lists.order.filter((call) => call === "DEL pa")).toHaveLength(4);
    expect(bed.list(resultsFolder)).toHaveLength(4997);
  });

  it("takes for gone a namespace whose path has become a plain file", ({ bed }) => {
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"]);
    const box = bed.container();
    lists.weft(`add net ${box.netns} --container-id box`);
    bed.host.sh(`umount ${box.netns}`);
    expect(lists.weft("gc net").stdout).toContain("would detach eth0 of container box");
    expect(lists.weft(`del net ${box.netns} --container-id box`)).toMatchObject({ status: 0 });
  });

  it("reads no results through links, nor what is no file, and waits for none", ({ bed }) => {
    const lists = new Lists(bed);
    const pa = lists.plugin("pa");
    lists.net(["pa"]);
    const folder = bed.folder("elsewhere");
    bed.write(`${folder}/file`, kept("net", "box", "/run/netns/gone"));
    bed.host.sh(`mkdir -p -m 700 ${resultsFolder}; cd ${resultsFolder}
      ln -s ${folder}/file net-box-eth0; mkdir net-dir-eth0; mkfifo net-fifo-eth0
      ln -s nowhere net-link-eth0; dd of=net-large-eth0 bs=1 count=0 seek=1G 2>/dev/null </dev/null`);
    expect(lists.weft("gc net --yes")).toMatchObject({ status: 0 });
    for (const name of ["box", "fifo", "link"]) {
      expect(lists.weft(`del net --container-id ${name}`)).toMatchObject({ status: 0 });
    }
    for (const call of pa.calls) expect(configOf(call)).not.toHaveProperty("prevResult");
    expect(bed.read(`${folder}/file`)).toBe(kept("net", "box", "/run/netns/gone"));
  });

  it("runs nothing by results that others may write", ({ bed }) => {
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"]);
    const box = bed.container();
    bed.host.sh(`mkdir -p ${resultsFolder}; chmod 777 ${resultsFolder}`);
    bed.write(`${resultsFolder}/net-box-eth0`, kept("net", "box", box.netns));
    for (const words of [`add net ${box.netns}`, "gc net --yes", "del net --container-id box"]) {
      const { status, stderr } = lists.weft(words);
      expect([status, stderr]).toEqual([1, expect.stringContaining("others than its owner")]);
    }
    expect(lists.order).toEqual([]);
  });

  it("tells a user who is not root what it may not do, and does not do it", ({ bed }) => {
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"]);
    const box = bed.container();
    lists.weft(`add net ${box.netns} --container-id box`);
    const as = `setpriv --reuid=65534 --regid=65534 --clear-groups ${bed.bin}/weft`;
    for (const words of [
      `add net ${box.netns}`,
      "del net --container-id box",
      "gc net --yes",
      "gc net",
    ]) {
      const { status, stderr } = lists.run(`${as} ${words}`);
      expect([words, status, stderr]).toEqual([words, 1, expect.stringMatching(/^weft: Cannot /)]);
    }
    expect(lists.order).toEqual(["ADD pa"]);
    expect(lists.weft("check net --container-id box")).toMatchObject({ status: 0 });
  });

  it.for([
    "{",
    "[]",
    '{"name":5,"plugins":[{"type":"pa"}]}',
    '{"plugins":[{"type":"pa"}]}',
    '{"name":"net","plugins":[{"type":"pa"}],"cniVersion":5}',
    '{"name":"net","plugins":[{"type":"pa"}],"cniVersions":[{}]}',
    "\u0000",
  ])("does not run what is no network: %j", (text, { bed }) => {
    const lists = new Lists(bed);
    lists.plugin("pa");
    const box = bed.container();
    lists.write("10-net.conflist", text);
    for (const words of [
      `add net ${box.netns}`,
      `add --conf ${lists.folder}/10-net.conflist ${box.netns}`,
    ]) {
      const { status, stderr } = lists.weft(words);
      expect([status, stderr]).toEqual([1, expect.stringMatching(/^weft: Cannot .*\n$/)]);
    }
    expect(lists.order).toEqual([]);
  });
});
