/** What the commands of `weft` that run a list do, keep, and wait for (checklist, R4 to R6). */
import { describe, expect } from "vitest";
import { it } from "../bed/it.ts";
import { configOf, failure, Lists, resultsFolder, usualResult } from "../bed/lists.ts";

const [add, del, check] = ["add", "del", "check"].map(
  (command) => `${command} net /run/netns/box1 --container-id box`,
);
const three = ["pa", "pb", "pc"];
const file = `${resultsFolder}/net-box-eth0`;

describe("weft add", () => {
  it("R4.01 R4.02 R5.07 stops at the first error, and takes back all", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa", { DEL: failure(100, "cannot go back") });
    lists.plugin("pb", { ADD: failure(77, "no room") });
    lists.plugin("pc");
    lists.net(three);
    const { status, stderr } = lists.weft(`${add}`);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/no room.*also: .*cannot go back/)]);
    expect(lists.order).toEqual(["ADD pa", "ADD pb", "DEL pc", "DEL pb", "DEL pa"]);
    expect(bed.list(resultsFolder)).toEqual([]);
  });

  it("R4.03 R5.01 keeps the result as libcni does", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa");
    const text = '{ "cniVersion": "1.1.0", "name": "net",\n  "plugins": [{ "type": "pa" }] }\n';
    lists.write("10-net.conflist", text);
    const env = { CNI_ARGS: "K=V", CAP_ARGS: '{"mac":"02:00:00:00:00:01"}' };
    expect(lists.weft(`${add}`, env)).toMatchObject({ status: 0 });
    expect(JSON.parse(bed.read(file))).toEqual({
      kind: "cniCacheV1",
      containerId: "box",
      config: Buffer.from(text).toString("base64"),
      ifName: "eth0",
      networkName: "net",
      netns: "/run/netns/box1",
      cniArgs: [["K", "V"]],
      capabilityArgs: { mac: "02:00:00:00:00:01" },
      result: usualResult,
    });
    expect(bed.host.sh(`stat -c %a ${file} ${resultsFolder}`)).toBe("600\n700\n");
  });

  it("R4.04 refuses an interface that a container has already, in whichever network", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"]);
    lists.write("20.conflist", { cniVersion: "1.1.0", name: "two", plugins: [{ type: "pa" }] });
    expect(lists.weft(`${add}`)).toMatchObject({ status: 0 });
    for (const words of [`${add}`, `${add}`.replace("net", "two")]) {
      expect(lists.weft(words)).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("already"),
      });
    }
    expect(lists.weft(`${add} --ifname eth1`)).toMatchObject({ status: 0 });
    expect(lists.order).toEqual(["ADD pa", "ADD pa"]);
  });

  it("R5.05 keeps attachments apart whose names are the same together", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    const pa = lists.plugin("pa");
    for (const name of ["a", "a-b"]) {
      lists.write(`${name}.conflist`, {
        cniVersion: "1.1.0",
        name,
        plugins: [{ type: "pa", own: name }],
      });
    }
    const calls = [
      ["a-b", "c"],
      ["a", "b-c"],
    ];
    for (const command of ["add", "check", "del"]) {
      for (const [network, id] of command === "del" ? calls.toReversed() : calls) {
        const words = `${command} ${network} /run/netns/box1 --container-id ${id}`;
        expect(lists.weft(words)).toMatchObject({ status: 0 });
      }
      expect(bed.list(resultsFolder)).toHaveLength(command === "del" ? 0 : 2);
    }
    expect(pa.calls.map((call) => configOf(call).own)).toEqual([
      "a-b",
      "a",
      "a-b",
      "a",
      "a",
      "a-b",
    ]);
  });

  it("R5.06 keeps all of a result or fails, and leaves nothing else", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"]);
    bed.host.sh(`mkdir -p ${resultsFolder}; mount --bind -o ro ${resultsFolder} ${resultsFolder}`);
    bed.host.sh(`mount -o remount,ro,bind ${resultsFolder}`);
    expect(lists.weft(`${add}`)).toMatchObject({ status: 1 });
    expect(lists.order).toEqual([]);
    bed.host.sh(`umount ${resultsFolder}`);
    const trace = "strace -f -qq -o /run/bed/trace -e inject=rename:error=EIO -e trace=rename";
    expect(lists.run(`${trace} ${bed.bin}/weft ${add}`)).toMatchObject({ status: 1 });
    expect(lists.order).toEqual(["ADD pa", "DEL pa"]);
    expect(bed.list(resultsFolder)).toEqual([]);
  });

  it("R6.01 wants a namespace that is there", ({ bed }) => {
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"]);
    bed.write("/run/file", "");
    for (const netns of ["/run/netns/none", "/run/file", "/run"]) {
      expect(lists.weft(`add net ${netns}`)).toMatchObject({ status: 1, stdout: "" });
    }
    expect(lists.order).toEqual([]);
  });
});

describe("weft del", () => {
  it("R4.05 goes through the list backwards, whatever fails, and tells all of it", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    const pa = lists.plugin("pa", { DEL: failure(11, "not yet") });
    lists.plugin("pb", { DEL: failure(77, "not ever") });
    lists.plugin("pc");
    lists.net(three);
    lists.weft(`${add}`);
    const { status, stderr } = lists.weft(`${del}`);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/not ever.*code 77.*not yet/)]);
    expect(lists.order.slice(3)).toEqual(["DEL pc", "DEL pb", "DEL pa"]);
    expect(bed.list(resultsFolder)).toHaveLength(1);
    lists.reply(pa, "pa", { command: "DEL" });
    expect(lists.weft(`${del}`)).toMatchObject({ status: 1 });
  });

  it("R5.04 R6.04 forgets the result, and may come again", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"]);
    expect(lists.weft(`${add}`)).toMatchObject({ status: 0 });
    for (const _ of [1, 2]) {
      expect(lists.weft(`${del}`)).toEqual({ status: 0, stdout: "", stderr: "" });
      expect(bed.list(resultsFolder)).toEqual([]);
    }
    expect(lists.weft(`${add}`)).toMatchObject({ status: 0 });
  });

  it.for([
    "",
    "{",
    '{"kind":"cniCacheV2"}',
    '{"kind":"cniCacheV1"}',
    '{"kind":"cniCacheV1","networkName":"net","containerId":"box","ifName":"eth0","config":"?","result":5}',
  ])("R4.06 does without a result that can be read: %j", (text, { bed }) => {
    bed.container();
    const lists = new Lists(bed);
    const pa = lists.plugin("pa");
    lists.net(["pa"]);
    bed.host.sh(`mkdir -p ${resultsFolder}`);
    bed.write(file, text);
    expect(lists.weft(`${del}`)).toMatchObject({ status: 0, stderr: "" });
    expect(configOf(pa.calls[0])).not.toHaveProperty("prevResult");
    expect(bed.list(resultsFolder)).toEqual([]);
  });

  it("R5.02 R5.03 takes a bare result, as very old versions kept it", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    const pa = lists.plugin("pa");
    lists.net(["pa"]);
    bed.host.sh(`mkdir -p ${resultsFolder}`);
    const ips = usualResult.ips.map((ip) => ({ version: "4", ...ip }));
    bed.write(file, JSON.stringify({ cniVersion: "0.4.0", ips, dns: {} }));
    expect(lists.weft(`${check}`)).toMatchObject({ status: 0 });
    expect(lists.weft(`${del}`)).toMatchObject({ status: 0 });
    for (const call of pa.calls) expect(configOf(call).prevResult).toEqual(usualResult);
  });

  it("R5.03 goes on without a result that the version cannot express, where CHECK fails", ({
    bed,
  }) => {
    bed.container();
    const lists = new Lists(bed);
    const pa = lists.plugin("pa");
    lists.net(["pa"]);
    bed.host.sh(`mkdir -p ${resultsFolder}`);
    bed.write(file, JSON.stringify({ cniVersion: "7.0.0", ips: [] }));
    expect(lists.weft(`${check}`)).toMatchObject({ status: 1 });
    expect(lists.weft(`${del}`)).toMatchObject({ status: 0 });
    expect(pa.calls.map((call) => configOf(call).prevResult)).toEqual([undefined]);
  });

  it("R4.17 R4.18 repeats what ADD was told, though the file has changed or gone", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    const pa = lists.plugin("pa");
    lists.net([{ type: "pa", capabilities: { mac: true }, edition: 1 }]);
    const env = { CNI_ARGS: "K=V", CAP_ARGS: '{"mac":"m"}' };
    expect(lists.weft(`${add}`, env)).toMatchObject({ status: 0 });
    lists.net([{ type: "nothing", edition: 2 }]);
    expect(lists.weft("del net --container-id box")).toMatchObject({ status: 0 });
    const [first, last] = pa.calls;
    expect(configOf(last)).toEqual({ ...configOf(first), prevResult: usualResult });
    expect(last?.env).toMatchObject({ CNI_ARGS: "K=V", CNI_NETNS: "/run/netns/box1" });
    bed.host.sh(`rm ${lists.folder}/*`);
    expect(lists.weft(`${del}`)).toMatchObject({ status: 1 });
  });
});

describe("weft check", () => {
  it("R4.07 asks in the list's order, and stops at the first fault", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.plugin("pb", { CHECK: failure(104, "it is gone") });
    lists.plugin("pc");
    lists.net(three);
    lists.weft(`${add}`);
    expect(lists.weft(`${check}`).stderr).toContain("it is gone (code 104)");
    expect(lists.order.slice(3)).toEqual(["CHECK pa", "CHECK pb"]);
  });

  it("R4.08 asks about nothing that is not attached", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"]);
    expect(lists.weft(`${check}`)).toMatchObject({ status: 1 });
    expect(lists.order).toEqual([]);
  });

  it("R4.09 R4.10 is as the list says, and fails before 0.4.0", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"], { cniVersion: "0.3.1", disableCheck: true });
    expect(lists.weft(`${check}`)).toEqual({ status: 0, stdout: "", stderr: "" });
    lists.net(["pa"], { cniVersion: "0.3.1" });
    lists.weft(`${add}`);
    expect(lists.weft(`${check}`)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("CHECK"),
    });
    expect(lists.order).toEqual(["ADD pa"]);
  });
});

describe("weft status", () => {
  it("R4.16 stops at the first that is not ready, and asks nobody before 1.1.0", ({ bed }) => {
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.plugin("pb", { STATUS: failure(50, "not now") });
    lists.plugin("pc");
    lists.net(three);
    expect(lists.weft("status net")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("code 50"),
    });
    expect(lists.order).toEqual(["STATUS pa", "STATUS pb"]);
    lists.net(three, { cniVersion: "1.0.0" });
    expect(lists.weft("status net")).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(lists.order).toHaveLength(2);
  });
});

describe("at the same time", () => {
  it("R6.02 commands for one container take turns, those for others do not wait", async ({
    bed,
  }) => {
    bed.container();
    const lists = new Lists(bed);
    const go = `${bed.folder("order")}/go`;
    const before = `until [ -e ${go} ]; do sleep 0.02; done`;
    const pa = lists.plugin("pa", { ADD: { before } });
    lists.net(["pa"]);
    const first = lists.start(`${add}`);
    lists.untilCalled(1);
    const second = lists.start(`${add} --ifname eth1`);
    lists.untilWaiting("container-*");
    const third = lists.start("add net /run/netns/box1 --container-id other");
    lists.untilCalled(2);
    expect(pa.calls[1]?.env.CNI_CONTAINERID).toBe("other");
    bed.write(go, "");
    expect(await Promise.all([first, second, third])).toEqual([0, 0, 0]);
    expect(pa.calls[2]?.env.CNI_IFNAME).toBe("eth1");
  });

  it("R6.03 gc waits for what runs, and what comes then waits for it", async ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    const go = `${bed.folder("order")}/go`;
    const before = `until [ -e ${go}.$CNI_COMMAND ]; do sleep 0.02; done`;
    lists.plugin("pa", { ADD: { before }, GC: { before } });
    lists.net(["pa"]);
    const adding = lists.start(`${add}`);
    lists.untilCalled(1);
    const collecting = lists.start("gc net --yes");
    lists.untilWaiting("lists");
    expect(lists.order).toEqual(["ADD pa"]);
    bed.write(`${go}.ADD`, "");
    lists.untilCalled(2);
    const deleting = lists.start(`${del}`);
    lists.untilWaiting("lists");
    expect(lists.order).toEqual(["ADD pa", "GC pa"]);
    bed.write(`${go}.GC`, "");
    expect(await Promise.all([adding, collecting, deleting])).toEqual([0, 0, 0]);
    expect(lists.order).toEqual(["ADD pa", "GC pa", "DEL pa"]);
  });
});
