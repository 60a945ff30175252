/** What `weft` sends to the plugins of a list, and how it runs them (checklist, R2 and R3). */
import { unlinkSync } from "node:fs";
import { describe, expect } from "vitest";
import { it } from "../bed/it.ts";
import { configOf, failure, Lists, usualResult } from "../bed/lists.ts";

const [add, del, check] = ["add", "del", "check"].map(
  (command) => `${command} net /run/netns/box1`,
);

describe("a plugin of a list is sent", () => {
  it("R2.01 R2.02 its own configuration with the list's name and version", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    const pa = lists.plugin("pa");
    const own = { type: "pa", foo: { b: [2, null] }, args: { cni: { x: "y" } }, text: "ä\u0001" };
    lists.net([{ ...own, name: "other", cniVersion: "0.3.0" }]);
    expect(lists.weft(`${add}`)).toMatchObject({ status: 0 });
    expect(lists.weft("status net")).toMatchObject({ status: 0 });
    expect(configOf(pa.calls[0])).toEqual({ ...own, name: "net", cniVersion: "1.1.0" });
    expect(configOf(pa.calls[1])).toEqual({ ...own, name: "net", cniVersion: "1.1.0" });
  });

  it("R2.03 R2.04 R2.05 the values of its capabilities, and not which it has", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    const [pa, pb] = [lists.plugin("pa"), lists.plugin("pb")];
    const capabilities = { portMappings: true, mac: false, ips: true };
    lists.net([
      { type: "pa", capabilities },
      { type: "pb", capabilities: { mac: false } },
    ]);
    const CAP_ARGS = JSON.stringify({ portMappings: [{ hostPort: 1 }], mac: "m", bandwidth: {} });
    expect(lists.weft(`${add}`, { CAP_ARGS })).toMatchObject({ status: 0 });
    expect(configOf(pa.calls[0])).toEqual({
      ...{ name: "net", cniVersion: "1.1.0", type: "pa" },
      runtimeConfig: { portMappings: [{ hostPort: 1 }] },
    });
    expect(configOf(pb.calls[0])).not.toHaveProperty("runtimeConfig");
    expect(configOf(pb.calls[0])).not.toHaveProperty("capabilities");
    expect(lists.weft(`${add}`, { CAP_ARGS: "{" })).toMatchObject({ status: 1 });
  });

  it("R2.04 values of capabilities that a person writes", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    const pa = lists.plugin("pa");
    lists.net([{ type: "pa", capabilities: { portMappings: true, mac: true, ips: true } }]);
    const words = `--capability portMappings=8080:80/tcp --capability=mac=02:00:00:00:00:01 --capability 'ips=["10.1.2.9"]'`;
    expect(lists.weft(`${add} ${words}`)).toMatchObject({ status: 0 });
    expect(configOf(pa.calls[0]).runtimeConfig).toEqual({
      portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }],
      mac: "02:00:00:00:00:01",
      ips: ["10.1.2.9"],
    });
  });

  it("R2.06 no keys of a file that only a runtime may set", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    const pa = lists.plugin("pa");
    lists.net([
      { type: "pa", "cni.dev/secret": 5, "cni.dev/valid-attachments": [], prevResult: {} },
    ]);
    expect(lists.weft(`${add}`)).toMatchObject({ status: 0 });
    expect(configOf(pa.calls[0])).toEqual({ name: "net", cniVersion: "1.1.0", type: "pa" });
  });

  it("R2.07 R2.09 R3.06 the result of the one before, in the version of the list", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    const old = { ips: [{ version: "4", address: "10.1.2.3/24" }], vendor: { own: [1] } };
    lists.plugin("pa", { ADD: { stdout: { cniVersion: "0.4.0", ...old } } });
    const pb = lists.plugin("pb", { ADD: { stdout: { cniVersion: "0.3.1", ...old } } });
    lists.net(["pa", "pb"], { cniVersion: "1.0.0" });
    const now = { cniVersion: "1.0.0", ips: [{ address: "10.1.2.3/24" }], vendor: { own: [1] } };
    expect(JSON.parse(lists.weft(`${add}`).stdout)).toEqual(now);
    expect(configOf(pb.calls[0]).prevResult).toEqual(now);
    expect(lists.weft(`${check}`)).toMatchObject({ status: 0 });
    expect(configOf(pb.calls[1]).prevResult).toEqual(now);
  });

  it("R2.08 R5.03 on CHECK and DEL the result of the list, from 0.4.0", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    const pa = lists.plugin("pa");
    const last = { ...usualResult, ips: [{ address: "10.9.9.9/24" }] };
    lists.plugin("pb", { ADD: { stdout: last } });
    lists.net(["pa", "pb"]);
    for (const words of [add, check, del])
      expect(lists.weft(`${words}`)).toMatchObject({ status: 0 });
    expect(pa.calls.map((call) => configOf(call).prevResult)).toEqual([undefined, last, last]);
    lists.net(["pa", "pb"], { cniVersion: "0.3.1" });
    for (const words of [add, del]) expect(lists.weft(`${words}`)).toMatchObject({ status: 0 });
    expect(configOf(pa.calls[4])).not.toHaveProperty("prevResult");
  });

  it("R2.11 on STATUS only the list's name and version", ({ bed }) => {
    const lists = new Lists(bed);
    const pa = lists.plugin("pa");
    lists.net([{ type: "pa", more: 1 }]);
    expect(lists.weft("status net", { CAP_ARGS: '{"mac":"x"}' })).toMatchObject({ status: 0 });
    expect(configOf(pa.calls[0])).toEqual({
      name: "net",
      cniVersion: "1.1.0",
      type: "pa",
      more: 1,
    });
  });
});

describe("a plugin of a list is run", () => {
  it.for(["add", "check", "status"])(
    "R3.01 if it is found, and %s stops if not",
    (command, { bed }) => {
      const box = bed.container();
      const lists = new Lists(bed);
      for (const name of ["pa", "pb", "pc"]) lists.plugin(name);
      lists.net(["pa", "pb", "pc"]);
      if (command === "check") lists.weft(`${add}`);
      unlinkSync(bed.path(`${bed.fakes}/pb`));
      const before = lists.order.length;
      const { status, stderr } = lists.weft(`${command} net ${box.netns}`);
      expect([status, stderr]).toEqual([1, expect.stringContaining('Cannot find plugin "pb"')]);
      const taken = command === "add" ? ["DEL pc", "DEL pa"] : [];
      expect(lists.order.slice(before)).toEqual([`${command.toUpperCase()} pa`, ...taken]);
    },
  );

  it("R3.02 R3.11 with the variables of the protocol, and all others of the caller", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    const [pa, pb] = [lists.plugin("pa"), lists.plugin("pb")];
    lists.net(["pa", "pb"]);
    const own = {
      CNI_COMMAND: "BOGUS",
      CNI_CONTAINERID: "x",
      CNI_NETNS: "y",
      TRACEPARENT: "00-1-2-03",
    };
    const env = { ...own, CNI_ARGS: "K=V;L=M", CNI_IFNAME: "net7" };
    expect(lists.weft(`${add} --container-id box`, env)).toMatchObject({ status: 0 });
    const expected = {
      ...{ CNI_COMMAND: "ADD", CNI_CONTAINERID: "box", CNI_NETNS: "/run/netns/box1" },
      ...{ CNI_IFNAME: "net7", CNI_ARGS: "K=V;L=M", CNI_PATH: `${bed.bin}:${bed.fakes}` },
      TRACEPARENT: "00-1-2-03",
    };
    for (const { calls } of [pa, pb]) expect(calls[0]?.env).toMatchObject(expected);
    expect(lists.weft("status net", env)).toMatchObject({ status: 0 });
    for (const name of ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"]) {
      expect(pa.calls[1]?.env[name] ?? "").toBe("");
    }
    expect(lists.weft(`${del}`, { CNI_ARGS: "K=" })).toMatchObject({ status: 1 });
  });

  it("R3.03 and what it says to people is no part of a result", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa", { ADD: { stderr: "words for people" } });
    lists.net(["pa"]);
    const { stdout, stderr } = lists.weft(`${add}`);
    expect([JSON.parse(stdout), stderr]).toEqual([usualResult, "words for people"]);
  });

  it.for([
    [failure(77, "no room"), /plugin "pa": no room \(code 77\)/],
    [{ stdout: "", stderr: "only words", exitCode: 3 }, /plugin "pa": .*only words.*exit status 3/],
    [{ stdout: "", exitCode: 4 }, /plugin "pa": .*exit status 4/],
  ] as const)("R3.04 and its error is told: %j", ([reply, words], { bed }) => {
    bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa", { ADD: reply });
    lists.net(["pa"]);
    const { status, stdout, stderr } = lists.weft(`${add}`);
    expect([status, stdout, stderr]).toEqual([1, "", expect.stringMatching(words)]);
  });

  it("R3.04 and programs get its error as JSON", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa", { ADD: failure(77, "no room") });
    lists.net(["pa"]);
    const { status, stdout } = lists.weft(`${add} --json`);
    expect([status, JSON.parse(stdout)]).toEqual([1, { code: 77, msg: 'plugin "pa": no room' }]);
  });

  it.for(["", "no JSON", "[]", "5"])(
    "R3.05 and ADD must print a result, not %j",
    (stdout, { bed }) => {
      bed.container();
      const lists = new Lists(bed);
      lists.plugin("pa", { ADD: { stdout } });
      lists.net(["pa"]);
      expect(lists.weft(`${add}`)).toMatchObject({ status: 1, stdout: "" });
      expect(lists.order).toEqual(["ADD pa", "DEL pa"]);
    },
  );

  it("R3.05 and null is an empty result", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa", { ADD: { stdout: "null" } });
    lists.net(["pa"]);
    expect(JSON.parse(lists.weft(`${add}`).stdout)).toEqual({ cniVersion: "1.1.0" });
  });

  it("R3.07 for so long as it may take, with its children", ({ bed }) => {
    bed.container();
    const lists = new Lists(bed);
    const marker = `${bed.folder("late")}/pid`;
    const before = `sleep 86400 & echo $! >${marker}; wait`;
    lists.plugin("pa", { ADD: { before } });
    lists.net(["pa"]);
    const { status, stderr } = lists.weft(`${add} --timeout 2`);
    expect([status, stderr]).toEqual([1, expect.stringContaining("within 2 s")]);
    bed.host.until(`! grep -qs ^State:.[SRD] /proc/$(cat ${marker})/status`);
  });

  it.for([
    ["--container-id", "a/b"],
    ["--container-id", "-x"],
    ["--ifname", "a/b"],
    ["--ifname", "a-name-that-is-too-long"],
    ["--ifname", ".."],
  ])("R3.08 for names that are possible, not %j", (words, { bed }) => {
    bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"]);
    for (const command of [add, del, check]) {
      expect(lists.weft(`${command} ${words[0]}=${words[1]}`)).toMatchObject({
        status: 1,
        stdout: "",
      });
    }
    expect(lists.order).toEqual([]);
  });
});
