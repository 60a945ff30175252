/** flannel: what it tells its delegate, what it remembers, and what it refuses. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { Node } from "../bed/nodes.ts";
import type { Recorder } from "../bed/recorder.ts";
import { reservations } from "../bed/store.ts";

const records = "/var/lib/cni/flannel";
const subnetFile = "/run/flannel/subnet.env";
const quiet = { exitCode: 0, stdout: "" };
const oneAddress = { cniVersion: "1.1.0", ips: [{ address: "10.1.2.7/24", gateway: "10.1.2.1" }] };

const dualStack = [
  "FLANNEL_NETWORK=10.1.0.0/16",
  "FLANNEL_SUBNET=10.1.17.1/24",
  "FLANNEL_IPV6_NETWORK=fc00::/48",
  "FLANNEL_IPV6_SUBNET=fc00::1/64",
  "FLANNEL_MTU=1472",
  "FLANNEL_IPMASQ=true",
];

function flannel(more: Config = {}): Config {
  return { cniVersion: "1.1.0", name: "net", type: "flannel", ...more };
}

function tell(bed: Bed, lines: readonly string[]): void {
  bed.write(subnetFile, `${lines.join("\n")}\n`);
}

/** A stand-in delegate, `fake` unless it stands in for `bridge`, that gives one address. */
function fakeDelegate(bed: Bed, name = "fake"): Recorder {
  const fake = bed.recorder(name);
  fake.answer("ADD", { stdout: oneAddress });
  return fake;
}

const toFake = flannel({ delegate: { type: "fake" } });

/** What the stand-in was given in one of its calls. */
function given(fake: Recorder, call = 0): Config {
  return JSON.parse(fake.calls[call]?.stdin ?? "");
}

describe("the delegate is given", () => {
  it("what the daemon says, for bridge and host-local", ({ bed }) => {
    tell(bed, dualStack);
    const fake = fakeDelegate(bed, "bridge");
    const path = `${bed.fakes}:${bed.bin}`;
    expect(bed.add("flannel", bed.container(), flannel(), { path }).result.ips).toHaveLength(1);
    expect(given(fake)).toEqual({
      cniVersion: "1.1.0",
      name: "net",
      type: "bridge",
      ipMasq: false,
      isGateway: true,
      mtu: 1472,
      ipam: {
        type: "host-local",
        ranges: [[{ subnet: "10.1.17.0/24" }], [{ subnet: "fc00::/64" }]],
        routes: [{ dst: "10.1.0.0/16" }, { dst: "fc00::/48" }],
      },
    });
  });

  it("what the configuration says before that, and nothing of other keys", ({ bed }) => {
    tell(bed, [...dualStack.slice(0, 2), "FLANNEL_MTU=1472", "FLANNEL_IPMASQ=false"]);
    const fake = fakeDelegate(bed);
    const delegate = {
      type: "fake",
      mtu: 1300,
      ipMasq: false,
      isGateway: false,
      hairpinMode: true,
    };
    const routes = [{ dst: "0.0.0.0/0" }, { dst: "10.1.0.0/16", gw: "10.1.17.9" }];
    const ipam = { type: "other", ranges: [[{ subnet: "10.9.0.0/16" }]], routes, more: 1 };
    const runtimeConfig = { mac: "02:00:00:00:00:01" };
    const rest = { dns: {}, args: {}, capabilities: { mac: true }, bridge: "br9" };
    bed.add("flannel", bed.container(), flannel({ delegate, ipam, runtimeConfig, ...rest })).result;
    expect(given(fake)).toEqual({
      cniVersion: "1.1.0",
      name: "net",
      ...delegate,
      ipam: { type: "other", ranges: [[{ subnet: "10.1.17.0/24" }]], routes, more: 1 },
      runtimeConfig,
    });
  });

  it("masquerade if the daemon does not, and no gateway if it is no bridge", ({ bed }) => {
    tell(bed, [...dualStack.slice(0, 2), "FLANNEL_MTU=1472", "FLANNEL_IPMASQ=false"]);
    const fake = fakeDelegate(bed);
    bed.add("flannel", bed.container(), toFake).result;
    expect(given(fake)).toMatchObject({ ipMasq: true });
    expect(given(fake)).not.toHaveProperty("isGateway");
  });

  it("every network of the daemon once, whatever else its file holds", ({ bed }) => {
    const networks = "FLANNEL_NETWORK=10.1.0.0/16,10.5.6.7/16,10.1.0.0/16";
    const others = ["", "# text", "FLANNEL_NEW=1=2", "FLANNEL_IPV6_NETWORK="];
    tell(bed, [...dualStack.slice(1, 2), ...dualStack.slice(4), ...others, `  ${networks}\r`]);
    const fake = fakeDelegate(bed);
    bed.add("flannel", bed.container(), toFake).result;
    const routes = [{ dst: "10.1.0.0/16" }, { dst: "10.5.0.0/16" }];
    expect(given(fake)).toMatchObject({ ipam: { routes } });
  });

  it("on CHECK and DEL the same as on ADD, whatever changed, and the result", ({ bed }) => {
    const fake = fakeDelegate(bed);
    const box = bed.container();
    const prevResult = bed.add("flannel", box, toFake).result;
    bed.host.sh(`rm ${subnetFile}`);
    const config = { ...flannel({ delegate: { type: "gone" } }), prevResult };
    expect(bed.check("flannel", box, config)).toMatchObject(quiet);
    expect(bed.del("flannel", box, config)).toMatchObject(quiet);
    expect(fake.commands).toEqual(["ADD", "CHECK", "DEL"]);
    const { interfaces: _, routes: __, ...result } = prevResult;
    for (const call of [1, 2]) {
      expect(given(fake, call)).toMatchObject({ ...given(fake), prevResult: result });
    }
    expect(fake.calls[2]?.env).toEqual({ ...fake.calls[0]?.env, CNI_COMMAND: "DEL" });
  });
});

/** The suite's own bridge runs in the same process; a copy, and the reference's, are executed. */
const placements = [
  ["of this image", (bed: Bed) => bed.bin],
  ["a copy", copies],
] as const;

function copies(bed: Bed): string {
  const folder = bed.folder("copies");
  bed.host.sh(`cp ${bed.bin}/bridge ${bed.bin}/host-local ${folder}/`);
  return folder;
}

describe.each(placements)("with bridge, %s", (_, place) => {
  it("connects a container, confirms it, and leaves nothing", ({ bed }) => {
    tell(bed, [...dualStack.slice(0, 5), "FLANNEL_IPMASQ=false"]);
    const path = place(bed);
    const box = bed.container();
    const config = flannel();
    const before = bed.snapshot();
    const prevResult = bed.add("flannel", box, config, { path }).result;
    expect(prevResult.ips).toMatchObject([
      { address: "10.1.17.2/24", gateway: "10.1.17.1" },
      { address: "fc00::2/64", gateway: "fc00::1" },
    ]);
    expect(box.link("eth0").mtu).toBe(1472);
    expect(box.sh("ip route get 10.1.99.9")).toContain("via 10.1.17.1");
    expect(box.sh("ip route get fc00:0:0:7::9")).toContain("via fc00::1");
    expect(box.ping("10.1.17.1")).toBe(true);
    expect(bed.list(records).toSorted()).toEqual(["box1-id", "net:box1-id:eth0.json"]);
    expect(bed.check("flannel", box, { ...config, prevResult }, { path })).toMatchObject(quiet);
    expect(bed.status("flannel", config, { path })).toMatchObject(quiet);
    for (const _time of ["once", "twice"]) {
      expect(bed.del("flannel", box, config, { path })).toMatchObject(quiet);
    }
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });
});

describe("with bridge, the reference's", () => {
  it("connects a container, and leaves nothing", ({ bed }) => {
    tell(bed, dualStack);
    const path = "/usr/lib/cni";
    const box = bed.container();
    const config = flannel({ cniVersion: "1.0.0" });
    const before = bed.snapshot();
    expect(bed.add("flannel", box, config, { path }).result.ips).toHaveLength(2);
    expect(box.ping("10.1.17.1")).toBe(true);
    for (const _time of ["once", "twice"]) {
      expect(bed.del("flannel", box, config, { path })).toMatchObject(quiet);
    }
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });
});

describe("DEL", () => {
  it("keeps the record until the delegate has succeeded", ({ bed }) => {
    const fake = fakeDelegate(bed);
    const box = bed.container();
    bed.add("flannel", box, toFake).result;
    const error = { code: 120, msg: "stuck" };
    fake.answer("DEL", { stdout: error, exitCode: 1 });
    expect(bed.del("flannel", box, toFake).error).toMatchObject(error);
    expect(bed.list(records)).toHaveLength(2);
    fake.answer("DEL", {});
    expect(bed.del("flannel", box, toFake)).toMatchObject(quiet);
    expect(bed.list(records)).toEqual([]);
  });

  it("knows the attachments of one container apart", ({ bed }) => {
    const box = bed.container();
    const networks = [
      [flannel(), "eth0"],
      [flannel(), "eth1"],
      [flannel({ name: "net2", delegate: { bridge: "br2" }, subnetFile: "/run/two" }), "eth2"],
    ] as const;
    const second = dualStack.map((line) => line.replace("10.1", "10.2")).join("\n");
    bed.write("/run/two", second);
    for (const [config, ifName] of networks) bed.add("flannel", box, config, { ifName }).result;
    expect(bed.list(records)).toHaveLength(4);
    expect(bed.del("flannel", box, networks[0][0], { ifName: "eth0" })).toMatchObject(quiet);
    expect(box.sh("ip -o link show type veth | cut -d: -f2")).toMatch(/eth1.*\n.*eth2/);
    expect([reservations(bed), reservations(bed, "net2")]).toMatchObject([
      ["10.1.2.3"],
      ["10.2.17.2", "fc00::2"],
    ]);
    expect(bed.list(records)).toEqual(["net2:box1-id:eth2.json", "net:box1-id:eth1.json"]);
  });

  it.for([
    ["without a namespace", { env: { CNI_NETNS: undefined } }, "true"],
    ["without the daemon's file", {}, `rm ${subnetFile}`],
    ["without its record", {}, `rm ${records}/*`],
    ["with a record nobody can read", {}, `echo nonsense >${records}/net:box1-id:eth0.json`],
    ["with a record of nobody", {}, `echo '{"name":"net","type":""}' >${records}/box1-id`],
    ["without both", {}, `rm ${records}/* ${subnetFile}`],
  ] as const)("removes everything %s", ([, options, damage], { bed }) => {
    tell(bed, [...dualStack.slice(0, 5), "FLANNEL_IPMASQ=false"]);
    const box = bed.container();
    const config = flannel();
    const before = bed.snapshot();
    const prevResult = bed.add("flannel", box, config).result;
    bed.host.sh(damage);
    expect(bed.del("flannel", box, { ...config, prevResult }, options)).toMatchObject(quiet);
    const left = bed.leftovers(before, sharedBy(config));
    const ours = [subnetFile, `${records}/box1-id`];
    expect(left.filter((line) => !ours.some((file) => line.includes(` ${file}:`)))).toEqual([]);
  });

  it.for(["missing", "failing", "nonsense", "of another network"])(
    "succeeds where nothing is, the delegate being %s",
    (state, { bed }) => {
      const fake = state === "missing" ? undefined : bed.recorder("fake");
      fake?.answer("DEL", { stdout: { code: 120, msg: "what?" }, exitCode: 1 });
      const delegate = { type: state === "nonsense" ? "../fake" : "fake", name: "x" };
      bed.host.sh(`mkdir -p ${records}`);
      const theirs = '{"name":"other","type":"fake"}';
      bed.write(`${records}/box1-id`, theirs);
      const run = bed.del("flannel", bed.container(), flannel({ delegate }));
      expect(run).toMatchObject(quiet);
      expect(run.stderr).toContain("Cannot delete what has no record");
      expect(bed.read(`${records}/box1-id`)).toBe(theirs);
    },
  );

  it("of what flannel's own plugin made works by the file it left", ({ bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    const config = {
      cniVersion: "1.1.0",
      name: "net",
      type: "bridge",
      bridge: "old0",
      isGateway: true,
      ipMasq: true,
      mtu: 1472,
      ipam: {
        type: "host-local",
        ranges: [[{ subnet: "10.1.17.0/24" }]],
        routes: [{ dst: "10.1.0.0/16" }],
        dataDir: "/var/lib/elsewhere",
      },
    };
    const theirs = { ...config, cniVersion: "1.0.0" };
    const made = bed.add("bridge", box, theirs, { from: "/usr/lib/cni", path: "/usr/lib/cni" });
    bed.host.sh(`mkdir -p ${records}`);
    bed.write(`${records}/${box.containerID}`, JSON.stringify(theirs));
    expect(made.result.ips).toHaveLength(1);
    expect(bed.del("flannel", box, flannel())).toMatchObject(quiet);
    expect(bed.list(records)).toEqual([]);
    expect(bed.list("/var/lib/elsewhere/net")).not.toContain("10.1.17.2");
    expect(bed.leftovers(before, sharedBy(config)).join("\n")).not.toMatch(/veth|10\.1\.17/);
  });
});

/** What DEL of flannel's own plugin does: it knows nothing but the file of the container's name. */
function delByFlannel(bed: Bed, box: Container): void {
  const path = `${records}/${box.containerID}`;
  const config = JSON.parse(bed.read(path)) as Config & { readonly type: string };
  const bin = "/usr/lib/cni";
  expect(bed.del(config.type, box, config, { from: bin, path: bin })).toMatchObject(quiet);
  bed.host.sh(`rm ${path}`);
}

describe("the file under the container's name", () => {
  const path = `${records}/box1-id`;

  it("serves flannel's own plugin after a downgrade", ({ bed }) => {
    tell(bed, dualStack);
    const box = bed.container();
    const config = flannel({ cniVersion: "1.0.0" });
    const before = bed.snapshot();
    bed.add("flannel", box, config).result;
    delByFlannel(bed, box);
    expect(reservations(bed)).toEqual([]);
    expect(box.links()).toEqual(["lo"]);
    expect(bed.del("flannel", box, config)).toMatchObject(quiet);
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it("is that of the first attachment, whatever becomes of others", ({ bed }) => {
    const fake = fakeDelegate(bed);
    const box = bed.container();
    const other = { ...toFake, name: "net2" };
    bed.add("flannel", box, toFake).result;
    const first = bed.read(path);
    expect(JSON.parse(first)).toEqual({ ...given(fake), ifName: "eth0" });
    bed.add("flannel", box, toFake, { ifName: "eth1" }).result;
    bed.add("flannel", box, other, { ifName: "eth2" }).result;
    for (const _ of ["once", "twice"]) {
      expect(bed.del("flannel", box, toFake, { ifName: "eth1" })).toMatchObject(quiet);
      expect(bed.del("flannel", box, other, { ifName: "eth2" })).toMatchObject(quiet);
      expect(bed.read(path)).toBe(first);
    }
    expect(bed.del("flannel", box, toFake)).toMatchObject(quiet);
    expect(bed.list(records)).toEqual([]);
  });

  it("of flannel's own stays as it is beside another attachment", ({ bed }) => {
    fakeDelegate(bed);
    const box = bed.container();
    const theirs = '{"name":"net2","type":"fake"}';
    bed.host.sh(`mkdir -p ${records}`);
    bed.write(path, theirs);
    bed.add("flannel", box, toFake).result;
    expect(bed.del("flannel", box, toFake)).toMatchObject(quiet);
    expect(bed.read(path)).toBe(theirs);
  });

  it("goes with GC, also if it is all that is left of the record", ({ bed }) => {
    const fake = fakeDelegate(bed);
    const boxes = [bed.container(), bed.container()];
    for (const box of boxes) bed.add("flannel", box, toFake).result;
    bed.host.sh(`rm ${records}/net:box1-id:eth0.json`);
    expect(bed.gc("flannel", { ...toFake, "cni.dev/valid-attachments": [] })).toMatchObject(quiet);
    expect(fake.commands.slice(2)).toEqual(["DEL", "DEL", "GC"]);
    expect(given(fake, 2)).toEqual(given(fake));
    expect(bed.list(records)).toEqual([]);
  });
});

describe("ADD that fails", () => {
  it("has the delegate take back what it did, and forgets it", ({ bed }) => {
    const fake = fakeDelegate(bed);
    const error = { code: 111, msg: "half done", details: "why" };
    fake.answer("ADD", { stdout: error, exitCode: 1 });
    const box = bed.container();
    const before = bed.snapshot();
    expect(bed.add("flannel", box, toFake).error).toMatchObject(error);
    expect(fake.commands).toEqual(["ADD", "DEL"]);
    expect(fake.calls[1]?.sha256).toBe(fake.calls[0]?.sha256);
    expect(bed.leftovers(before, sharedBy(toFake))).toEqual([]);
  });

  it("remembers what the delegate could not take back", ({ bed }) => {
    const fake = fakeDelegate(bed);
    for (const command of ["ADD", "DEL"]) fake.answer(command, { exitCode: 1 });
    const box = bed.container();
    expect(bed.add("flannel", box, toFake).error.code).toBe(102);
    expect(bed.list(records)).toHaveLength(2);
    fake.answer("DEL", {});
    expect(bed.del("flannel", box, toFake)).toMatchObject(quiet);
    expect(bed.list(records)).toEqual([]);
  });

  it.for(["nonsense", "", "[]"])("does if the delegate says %j", (stdout, { bed }) => {
    const fake = fakeDelegate(bed);
    fake.answer("ADD", { stdout });
    expect(bed.add("flannel", bed.container(), toFake).error.code).toBe(102);
    expect(fake.commands).toEqual(["ADD", "DEL"]);
  });

  it("since the container is attached leaves that attachment alone", ({ bed }) => {
    const box = bed.container();
    bed.add("flannel", box, flannel()).result;
    const before = bed.snapshot();
    const { error } = bed.add("flannel", box, flannel());
    expect(error.code).toBe(103);
    expect(error.msg).toContain('"eth0"');
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for([
    ["ours", `ls ${records}`],
    ["ours, by its second name", `rm ${records}/net:box1-id:eth0.json`],
    ["flannel's own", `mv ${records}/net:box1-id:eth0.json ${records}/box1-id`],
  ] as const)("again, in another namespace, leaves the first record, %s", ([, rename], { bed }) => {
    const [box, other] = [bed.container(), bed.container()];
    const fake = fakeDelegate(bed);
    bed.add("flannel", box, toFake).result;
    bed.host.sh(rename);
    const before = bed.snapshot();
    fake.answer("ADD", { exitCode: 1 });
    const env = { CNI_CONTAINERID: box.containerID };
    const changed = flannel({ delegate: { type: "fake", mtu: 1000 } });
    expect(bed.add("flannel", other, changed, { env }).exitCode).toBe(1);
    expect(fake.commands).toEqual(["ADD", "ADD"]);
    expect(bed.leftovers(before)).toEqual([]);
  });
});

describe("GC", () => {
  const valid = (...ids: readonly string[]) => ({
    "cni.dev/valid-attachments": ids.map((containerID) => ({ containerID, ifname: "eth0" })),
  });

  it("deletes what has a record, and hands the list on", ({ bed }) => {
    const fake = fakeDelegate(bed);
    const [kept, gone, other] = [bed.container(), bed.container(), bed.container()];
    for (const box of [kept, gone]) bed.add("flannel", box, toFake).result;
    bed.add("flannel", other, { ...toFake, name: "net2" }).result;
    const list = valid(kept.containerID);
    expect(bed.gc("flannel", { ...toFake, ...list })).toMatchObject(quiet);
    expect(fake.commands.slice(3)).toEqual(["DEL", "GC"]);
    const { CNI_NETNS: _, ...env } = fake.calls[1]?.env ?? {};
    expect(fake.calls[3]?.env).toEqual({ ...env, CNI_COMMAND: "DEL" });
    expect(given(fake, 3)).toEqual(given(fake, 1));
    expect(given(fake, 4)).toEqual({ ...given(fake, 1), ...list });
    expect(bed.list(records).toSorted()).toEqual([
      ...["box1-id", "box3-id"],
      ...["net2:box3-id:eth0.json", "net:box1-id:eth0.json"],
    ]);
  });

  it("keeps the records of what could not be deleted, and goes on", ({ bed }) => {
    const fake = fakeDelegate(bed);
    const boxes = [bed.container(), bed.container()];
    for (const box of boxes) bed.add("flannel", box, toFake).result;
    fake.script("DEL", "[ $CNI_CONTAINERID = box2-id ] || exit 1");
    const { error } = bed.gc("flannel", { ...toFake, ...valid() });
    expect(error.details).toContain("box1-id");
    expect(fake.commands.slice(2).sort()).toEqual(["DEL", "DEL", "GC"]);
    expect(bed.list(records).toSorted()).toEqual(["box1-id", "net:box1-id:eth0.json"]);
  });

  it("frees addresses and links of the suite's own bridge", ({ bed }) => {
    tell(bed, [...dualStack.slice(0, 5), "FLANNEL_IPMASQ=false"]);
    const config = flannel();
    const [kept, gone] = [bed.container(), bed.container()];
    bed.add("flannel", kept, config).result;
    const before = bed.snapshot();
    bed.add("flannel", gone, config).result;
    bed.host.sh(`rm ${records}/net:box2-id:eth0.json; ip netns delete box2`);
    const list = { ...config, ...valid(kept.containerID) };
    expect(bed.gc("flannel", list)).toMatchObject(quiet);
    const left = bed.leftovers(before, sharedBy(config));
    expect(left.filter((line) => !line.startsWith("- box2"))).toEqual([]);
  });
});

describe("STATUS and ADD", () => {
  const [network = "", subnet = "", network6 = "", subnet6 = "", mtu = "", ipMasq = ""] = dualStack;

  it.for([
    ["no file", undefined, "no such file"],
    ["an empty file", [], "FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK, FLANNEL_SUBNET"],
    ["no network", [subnet, mtu, ipMasq], "missing FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK"],
    ["no subnet", [network, mtu, ipMasq], "missing FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET"],
    ["no MTU", [network, subnet, ipMasq], "missing FLANNEL_MTU"],
    ["no word on masquerade", [network, subnet, mtu], "missing FLANNEL_IPMASQ"],
    ["a key alone", [network, subnet, "FLANNEL_MTU", ipMasq], "missing FLANNEL_MTU"],
    ["a strange MTU", [network, subnet, "FLANNEL_MTU=1e3", ipMasq], "FLANNEL_MTU must be a number"],
    ["a small MTU", [network, subnet, "FLANNEL_MTU=67", ipMasq], "from 68 to 65535"],
    ["a word too many", [network, subnet, mtu, "FLANNEL_IPMASQ=yes"], 'true or false, got "yes"'],
    ["half a subnet", [network, "FLANNEL_SUBNET=10.1.2.1", mtu, ipMasq], "FLANNEL_SUBNET must"],
    ["the other family", [network, "FLANNEL_IPV6_SUBNET=10.1.2.1/24", mtu, ipMasq], "IPv6 subnet"],
    ["two subnets", [network, `${subnet},10.1.3.1/24`, mtu, ipMasq], "FLANNEL_SUBNET must"],
    ["a network of junk", [`${network},junk`, subnet, mtu, ipMasq], "FLANNEL_NETWORK must"],
    ["junk of IPv6", [network, subnet, network6, `${subnet6}9`, mtu, ipMasq], "IPV6_SUBNET must"],
  ] as const)("say code 50 and why with %s", ([, lines, why], { bed }) => {
    if (lines) tell(bed, lines);
    else bed.host.sh(`rm ${subnetFile}`);
    const fake = fakeDelegate(bed);
    const box = bed.container();
    const before = bed.snapshot();
    for (const { error } of [bed.status("flannel", toFake), bed.add("flannel", box, toFake)]) {
      expect(error.code).toBe(50);
      expect(error.msg).toContain(subnetFile);
      expect(error.msg).toContain(why);
    }
    expect(fake.commands).toEqual([]);
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for([
    [{ delegate: { name: "x" } }, "delegate.name"],
    [{ delegate: { IPAM: {} } }, "delegate.IPAM"],
    [{ delegate: { type: 7 } }, "delegate.type"],
    [{ delegate: { type: "" } }, "delegate.type"],
    [{ delegate: { type: "../bridge" } }, "delegate.type"],
    [{ delegate: { type: "flannel" } }, "delegate.type"],
    [{ delegate: [] }, "delegate must be an object"],
    [{ ipam: { type: "flannel" } }, "ipam.type"],
    [{ ipam: { type: 1 } }, "ipam.type"],
    [{ ipam: { routes: {} } }, "ipam.routes"],
    [{ ipam: "host-local" }, "ipam must be an object"],
    [{ subnetFile: 1 }, "subnetFile"],
  ] as const)("refuse %j", ([more, named], { bed }) => {
    const fake = fakeDelegate(bed);
    const box = bed.container();
    const before = bed.snapshot();
    const config = flannel(more);
    for (const { error } of [bed.status("flannel", config), bed.add("flannel", box, config)]) {
      expect(error.code).toBe(7);
      expect(error.msg).toContain(named);
    }
    expect(fake.commands).toEqual([]);
    expect(bed.leftovers(before)).toEqual([]);
    expect(bed.del("flannel", box, config)).toMatchObject(quiet);
  });

  it("name a delegate that is missing, before anything is done", ({ bed }) => {
    const config = flannel({ delegate: { type: "nosuch" } });
    const box = bed.container();
    const before = bed.snapshot();
    for (const run of [bed.status("flannel", config), bed.add("flannel", box, config)]) {
      expect(run.error.msg).toContain('"nosuch"');
    }
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for(["CHECK", "STATUS"])("pass on what the delegate says to %s", (command, { bed }) => {
    const fake = fakeDelegate(bed);
    const container = bed.container();
    const prevResult = bed.add("flannel", container, toFake).result;
    const error = { code: 120, msg: "no", details: "why" };
    fake.answer(command, { stdout: error, exitCode: 1 });
    const config = { ...toFake, prevResult };
    expect(bed.exec("flannel", { command, container, config }).error).toMatchObject(error);
  });
});

describe("two hosts whose daemon is that of vxlan-overlay", () => {
  it("have one network for the containers of flannel", ({ bed }) => {
    const nodes = [new Node(bed, 1), new Node(bed, 2)];
    const boxes = nodes.map((node) => {
      node.write("net.conf", node.config(nodes));
      const { ok, text } = node.call("daemon /run/weft/pods/net.conf --once");
      expect(ok, text).toBe(true);
      const [subnet = "", subnet6 = ""] = node.subnets;
      node.write(
        "subnet.env",
        `FLANNEL_NETWORK=10.244.0.0/16
FLANNEL_SUBNET=${subnet}
FLANNEL_IPV6_NETWORK=fd10::/48
FLANNEL_IPV6_SUBNET=${subnet6}
FLANNEL_MTU=1450
FLANNEL_IPMASQ=true\n`,
      );
      const box = bed.container(`pod${node.number}`);
      const config = flannel({ subnetFile: "/run/weft/pods/subnet.env" });
      const { ips } = node.run({ command: "ADD", config, container: box }).result;
      expect(ips).toMatchObject([{ address: `10.244.${node.number}.2/24` }, {}]);
      return box;
    });
    expect(boxes[0]?.ping("10.244.2.2")).toBe(true);
    expect(boxes[1]?.ping("10.244.1.2")).toBe(true);
    expect(boxes[0]?.succeeds("ping -c 1 -W 2 -M do -s 1422 10.244.2.2")).toBe(true);
  });
});
