/** `weft gc`: what is left of containers that are gone goes, and nothing of one that lives. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { it } from "../bed/it.ts";
import { configOf, failure, Lists, resultsFolder } from "../bed/lists.ts";

const reserved = "/var/lib/cni/networks/net";

/** A network with addresses that no other machine of a test has, where a namespace is sought. */
function bridgeList(lists: Lists, cniVersion: string, more: object = {}): void {
  const ipam = { type: "host-local", subnet: "10.251.33.0/24" };
  const bridge = { type: "bridge", isGateway: true, ipMasq: true, ipam };
  lists.net([bridge, { type: "portmap", capabilities: { portMappings: true } }], {
    cniVersion,
    ...more,
  });
}

function attach(bed: Bed, lists: Lists, port: number): string {
  const box = bed.container();
  const words = `--container-id ${box.name} --capability portMappings=${port}:80`;
  expect(lists.weft(`add net ${box.netns} ${words}`)).toMatchObject({ status: 0 });
  return box.name;
}

/** The containers of which something is left on the host. */
function owners(bed: Bed): readonly unknown[] {
  const things = JSON.parse(bed.host.sh(`${bed.bin}/weft inventory net --json`));
  return [...new Set(things.map((each: Record<string, unknown>) => each.containerID))].sort();
}

describe.for(["1.1.0", "1.0.0", "0.3.1"])("weft gc of a list of version %s", (version) => {
  it("R4.13 R4.14 detaches what is gone, and nothing that lives", ({ bed }) => {
    const lists = new Lists(bed);
    bridgeList(lists, version);
    const [lost, live] = [attach(bed, lists, 8081), attach(bed, lists, 8082)];
    bed.host.sh(`ip netns del ${lost}`);
    bed.host.until(`[ $(ip -o link show type veth | wc -l) = 1 ]`);
    expect(owners(bed)).toEqual([lost, live]);
    const before = bed.snapshot();
    const told = lists.weft("gc net");
    expect(told).toMatchObject({ status: 0, stderr: "" });
    expect(told.stdout).toMatch(
      new RegExp(`^would detach eth0 of container ${lost}: .* is gone$`, "m"),
    );
    expect(told.stdout).toMatch(new RegExp(`^keeps eth0 of container ${live}: .*$`, "m"));
    expect(bed.leftovers(before)).toEqual([]);
    expect(lists.weft("gc net --yes")).toMatchObject({ status: 0, stderr: "" });
    expect(owners(bed)).toEqual([live]);
    expect(bed.list(resultsFolder)).toEqual([`net-${live}-eth0`]);
    if (version !== "0.3.1") {
      expect(lists.weft(`check net --container-id ${live}`)).toMatchObject({ status: 0 });
    }
  });

  it("keeps what has a host end, though nothing is kept of it and its namespace is nowhere", ({
    bed,
  }) => {
    const lists = new Lists(bed);
    bridgeList(lists, version);
    const [unkept, kept] = [attach(bed, lists, 8081), attach(bed, lists, 8082)];
    bed.host.sh(`rm ${resultsFolder}/net-${unkept}-*`);
    for (const name of [unkept, kept]) {
      const hold = `${bed.folder("hold")}/${name}`;
      bed.host.sh(`: >${hold}; mount --bind /run/netns/${name} ${hold}
        umount /run/netns/${name}; rm /run/netns/${name}`);
    }
    expect(lists.weft("gc net --yes")).toMatchObject({ status: 0 });
    expect(owners(bed)).toEqual([unkept, kept]);
    expect(bed.list(resultsFolder)).toEqual([`net-${kept}-eth0`]);
  });

  it("frees a lease of which nothing else is left, unless it is a new one", ({ bed }) => {
    const lists = new Lists(bed);
    bridgeList(lists, version);
    bed.host.sh(`mkdir -p ${reserved}; cd ${reserved}
      printf 'old\\r\\neth0' >10.251.33.77; touch -d '1 hour ago' 10.251.33.77
      printf 'new\\r\\neth0' >10.251.33.78`);
    expect(lists.weft("gc net --yes")).toMatchObject({ status: 0 });
    expect(owners(bed)).toEqual(["new"]);
  });
});

describe("weft gc", () => {
  it("R2.10 names to the plugins who lives", ({ bed }) => {
    const box = bed.container();
    const lists = new Lists(bed);
    const pa = lists.plugin("pa");
    lists.net([{ type: "pa", more: 1, capabilities: { mac: true } }]);
    lists.weft(`add net ${box.netns} --container-id box`);
    expect(lists.weft("gc net --yes", { CAP_ARGS: '{"mac":"x"}' })).toMatchObject({ status: 0 });
    const valid = [{ containerID: "box", ifname: "eth0" }];
    const config = configOf(pa.calls[1]);
    expect(config).toMatchObject({ name: "net", cniVersion: "1.1.0", more: 1 });
    expect(config["cni.dev/valid-attachments"]).toEqual(valid);
    for (const key of ["prevResult", "runtimeConfig"]) expect(config).not.toHaveProperty(key);
  });

  it("R4.11 R3.01 asks every plugin, whatever the others say", ({ bed }) => {
    const lists = new Lists(bed);
    lists.plugin("pa", { GC: failure(77, "not mine") });
    lists.plugin("pc");
    lists.net(["pa", "missing", "pc"]);
    const { status, stderr } = lists.weft("gc net --yes");
    expect([status, stderr]).toEqual([1, expect.stringMatching(/not mine.*Cannot find plugin/)]);
    expect(lists.order).toEqual(["GC pa", "GC pc"]);
  });

  it("R4.12 does nothing where the list says disableGC", ({ bed }) => {
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"], { disableGC: true });
    expect(lists.weft("gc net --yes")).toMatchObject({ status: 0 });
    expect(lists.order).toEqual([]);
  });

  it("R4.15 only tells what it would do, unless it is told --yes", ({ bed }) => {
    const box = bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"]);
    lists.weft(`add net ${box.netns} --container-id box`);
    bed.host.sh(`ip netns del ${box.name}`);
    const before = bed.snapshot();
    expect(JSON.parse(lists.weft("gc net --json").stdout)).toEqual([
      {
        ...{ network: "net", containerID: "box", ifName: "eth0", netns: box.netns },
        ...{ isAlive: false, why: `its namespace ${box.netns} is gone` },
      },
    ]);
    expect(bed.leftovers(before)).toEqual([]);
    expect(lists.order).toEqual(["ADD pa"]);
    expect(lists.weft("gc net --yes").stdout).toContain("detached eth0 of container box");
    expect(lists.order).toEqual(["ADD pa", "DEL pa", "GC pa"]);
    expect(bed.list(resultsFolder)).toEqual([]);
  });

  it("keeps what has its interface in a process's namespace, told by its MAC", ({ bed }) => {
    const lists = new Lists(bed);
    const mac = "02:5e:00:37:01:99";
    for (const [name, told] of [
      ["same", mac],
      ["other", "02:5e:00:37:01:98"],
    ]) {
      const box = bed.container(name);
      box.sh(`ip link add eth0 address ${name === "same" ? mac : "02:5e:00:37:01:97"} type veth`);
      const interfaces = [{ name: "eth0", mac: told, sandbox: box.netns }];
      lists.plugin(`p${name}`, { ADD: { stdout: { cniVersion: "1.1.0", interfaces } } });
      lists.net([`p${name}`]);
      expect(lists.weft(`add net ${box.netns} --container-id ${name}`)).toMatchObject({
        status: 0,
      });
      bed.host.sh(`nsenter --net=${box.netns} sleep 86400 >/dev/null 2>&1 &
        echo $! >>/run/bed/background`);
      const own = `stat -Lc %i /proc/self/ns/net`;
      bed.host.until(
        `[ $(stat -Lc %i /proc/$(tail -n 1 /run/bed/background)/ns/net) != $(${own}) ]`,
      );
      bed.host.sh(`umount ${box.netns}; rm ${box.netns}`);
    }
    expect(lists.weft("gc net --yes")).toMatchObject({ status: 0 });
    expect(bed.list(resultsFolder)).toEqual(["net-same-eth0"]);
  });

  it("keeps the result of what could not be detached, and tells of all that failed", ({ bed }) => {
    const lists = new Lists(bed);
    lists.plugin("pa", { DEL: failure(11, "not yet") });
    lists.net(["pa"]);
    for (const name of ["one", "two"]) {
      const box = bed.container(name);
      lists.weft(`add net ${box.netns} --container-id ${name}`);
      bed.host.sh(`ip netns del ${name}`);
    }
    const { status, stderr } = lists.weft("gc net --yes");
    expect([status, stderr]).toEqual([1, expect.stringMatching(/not yet.*not yet/)]);
    expect(lists.order).toEqual(["ADD pa", "ADD pa", "DEL pa", "DEL pa", "GC pa"]);
    expect(bed.list(resultsFolder)).toHaveLength(2);
  });

  it("takes the lists that attachments had, where the network has no file any more", ({ bed }) => {
    const box = bed.container();
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"]);
    lists.weft(`add net ${box.netns} --container-id box`);
    bed.host.sh(`ip netns del ${box.name}; rm ${lists.folder}/*`);
    expect(lists.weft("gc net --yes")).toMatchObject({ status: 0 });
    expect(lists.order).toEqual(["ADD pa", "DEL pa"]);
    expect(lists.weft("gc net --yes")).toMatchObject({ status: 1 });
  });

  it("leaves other networks alone, and what libcni keeps that is no result", ({ bed }) => {
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"]);
    lists.write("20.conflist", { cniVersion: "1.1.0", name: "two", plugins: [{ type: "pa" }] });
    const box = bed.container();
    lists.weft(`add two ${box.netns}`);
    bed.host.sh(`ip netns del ${box.name}; echo '{' >${resultsFolder}/net-x-eth0`);
    bed.host.sh(`echo '{"ips":[]}' >${resultsFolder}/net-y-eth0`);
    const kept = bed.list(resultsFolder);
    expect(lists.weft("gc net --yes")).toMatchObject({ status: 0 });
    expect(bed.list(resultsFolder)).toEqual(kept);
    expect(lists.order).toEqual(["ADD pa", "GC pa"]);
  });
});
