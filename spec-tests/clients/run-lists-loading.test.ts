/** How `weft` finds and reads networks before it runs them (checklist, R1). */
import { mkdirSync } from "node:fs";
import { describe, expect } from "vitest";
import { it } from "../bed/it.ts";
import { configOf, Lists } from "../bed/lists.ts";

const add = "add net /run/netns/box1";

describe("weft reads a network", () => {
  it("R1.01 with all keys of the specification, and without those that may be left out", ({
    bed,
  }) => {
    bed.container();
    const lists = new Lists(bed);
    const pa = lists.plugin("pa");
    lists.write("10-a.conflist", { name: "net", plugins: [{ type: "pa" }] });
    expect(lists.weft(add)).toMatchObject({ status: 0 });
    expect(lists.weft("del net /run/netns/box1")).toMatchObject({ status: 0 });
    lists.net(["pa"], {
      ...{ cniVersions: ["1.0.0"], disableCheck: false, disableGC: false },
      ...{ loadOnlyInlinedPlugins: false, nobody: { knows: "this" } },
    });
    expect(lists.weft(add)).toMatchObject({ status: 0 });
    expect(pa.commands).toEqual(["ADD", "DEL", "ADD"]);
  });

  it.for(["add", "del", "check", "status"])(
    "R1.02 R3.08 whose name is a plain one: %s",
    (command, { bed }) => {
      const box = bed.container();
      const lists = new Lists(bed);
      lists.plugin("pa");
      lists.net(["pa"], { name: "a/b" });
      expect(lists.weft(`${command} a/b ${box.netns}`)).toMatchObject({ status: 1, stdout: "" });
      expect(
        lists.weft(
          `${command} --conf ${lists.folder}/10-net.conflist ${command === "status" ? "" : box.netns}`,
        ).status,
      ).toBe(1);
      expect(lists.order).toEqual([]);
    },
  );

  it("R1.03 whose switches may be texts", ({ bed }) => {
    const box = bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"], { disableCheck: "TRUE" });
    expect(lists.weft(`check net ${box.netns}`)).toEqual({ status: 0, stdout: "", stderr: "" });
    lists.net(["pa"], { disableCheck: "maybe" });
    const { status, stderr } = lists.weft(`check net ${box.netns}`);
    expect([status, stderr]).toEqual([1, expect.stringContaining('"disableCheck" must be')]);
    expect(lists.order).toEqual([]);
  });

  it.for([{}, { type: "../pa" }, { type: 1 }, { type: "" }, 5])(
    "R1.04 but no plugin %j",
    (plugin, { bed }) => {
      bed.container();
      const lists = new Lists(bed);
      lists.net([plugin]);
      expect(lists.weft(add)).toMatchObject({ status: 1, stdout: "" });
    },
  );

  it("R1.05 with the plugins of the folder beside it, unless it says otherwise", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    for (const name of ["pa", "pb", "pc"]) lists.plugin(name);
    mkdirSync(bed.path(`${lists.folder}/net`));
    lists.write("net/20.conf", { type: "pc" });
    lists.write("net/10.conf", { type: "pb" });
    lists.write("net/30.conflist", { type: "pa" });
    lists.net(["pa"], { loadOnlyInlinedPlugins: true });
    expect(lists.weft("status net")).toMatchObject({ status: 0 });
    expect(lists.order).toEqual(["STATUS pa"]);
    lists.net(["pa"]);
    expect(lists.weft(add)).toMatchObject({ status: 0 });
    lists.write("net/10.conf", { type: "px" });
    expect(lists.weft("del net /run/netns/box1")).toMatchObject({ status: 0 });
    const calls = ["ADD pa", "ADD pb", "ADD pc", "DEL pc", "DEL pb", "DEL pa"];
    expect(lists.order.slice(1)).toEqual(calls);
    lists.write("10-net.conflist", { name: "net", loadOnlyInlinedPlugins: true });
    expect(lists.weft(add).stderr).toContain('it has no "plugins"');
  });

  it.for([{ plugins: [] }, {}, { plugins: {} }])(
    "R1.06 which has plugins: not %j",
    (list, { bed }) => {
      bed.container();
      const lists = new Lists(bed);
      lists.write("10-net.conflist", { name: "net", ...list });
      expect(lists.weft(add)).toMatchObject({ status: 1, stdout: "" });
    },
  );

  it("R1.07 from the first file that has its name, lists before single plugins", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    for (const name of ["pa", "pb", "pc"]) lists.plugin(name);
    const list = (type: string, name = "net") => ({
      cniVersion: "1.1.0",
      name,
      plugins: [{ type }],
    });
    mkdirSync(bed.path(`${lists.folder}/00-folder.conflist`));
    lists.write("05-single.conf", { cniVersion: "1.1.0", name: "net", type: "pc" });
    lists.write("10-other.conflist", list("pc", "other"));
    lists.write("20-first.conflist", list("pa"));
    lists.write("30-second.conflist", list("pb"));
    expect(lists.weft("status net")).toMatchObject({ status: 0 });
    expect(lists.weft("status --conf=/run/bed/net.d/30-second.conflist")).toMatchObject({
      status: 0,
    });
    expect(lists.order).toEqual(["STATUS pa", "STATUS pb"]);
    lists.write("15-broken.conflist", "{");
    expect(lists.weft("status net").stderr).toContain("15-broken.conflist");
    expect(lists.weft("status nothing").status).toBe(1);
  });

  it.for(["net.conf", "net.json"])("R1.08 which may be one plugin: %s", (file, { bed }) => {
    bed.container();
    const lists = new Lists(bed);
    const pa = lists.plugin("pa", { ADD: { stdout: { cniVersion: "0.4.0", ips: [] } } });
    lists.write(file, { cniVersion: "0.4.0", name: "net", type: "pa", more: 1 });
    expect(lists.weft(add)).toMatchObject({ status: 0 });
    expect(lists.weft("del net /run/netns/box1")).toMatchObject({ status: 0 });
    const [first, second] = pa.calls.map(configOf);
    expect(first).toEqual({ cniVersion: "0.4.0", name: "net", type: "pa", more: 1 });
    expect(second).toMatchObject({ more: 1, prevResult: { cniVersion: "0.4.0" } });
  });

  it("R1.09 in the newest version that is known of those it names", ({ bed }) => {
    const lists = new Lists(bed);
    const pa = lists.plugin("pa");
    lists.net(["pa"], { cniVersion: "0.4.0", cniVersions: ["0.3.1", "1.1.0", "2.0.0", "1.0.0"] });
    expect(lists.weft("status net")).toMatchObject({ status: 0 });
    expect(configOf(pa.calls[0])).toMatchObject({ cniVersion: "1.1.0" });
  });

  it("R1.11 without a version, which plugins take for 0.1.0", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    const pa = lists.plugin("pa", { ADD: { stdout: { ip4: { ip: "10.1.2.3/24" } } } });
    lists.write("10-net.conflist", { name: "net", plugins: [{ type: "pa" }] });
    const { status, stdout } = lists.weft(add);
    expect([status, JSON.parse(stdout)]).toMatchObject([0, { cniVersion: "0.1.0" }]);
    expect(configOf(pa.calls[0]).cniVersion ?? "").toBe("");
  });

  it("R1.12 but not in a version that is too new", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"], { cniVersion: "2.0.0" });
    lists.write("20-other.conflist", {
      cniVersion: "1.1.0",
      name: "other",
      plugins: [{ type: "pa" }],
    });
    expect(lists.weft(add)).toMatchObject({ status: 1, stderr: expect.stringContaining("2.0.0") });
    expect(lists.weft("status other")).toMatchObject({ status: 0 });
    expect(lists.order).toEqual(["STATUS pa"]);
  });
});
