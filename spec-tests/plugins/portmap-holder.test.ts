/** Ports whose holder is gone, and such whose holder only seems to be: who may have them. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { type Attached, attach, backends, bridge, dns, portmap, web } from "../bed/portmaps.ts";
import { ask, serve, world } from "../bed/ports.ts";
import { vanish } from "../bed/vanish.ts";

/** The name of a container's veth on the host. */
function vethOf({ result }: Pick<Attached, "result">): string {
  const { interfaces } = result as { interfaces: readonly { name: string; sandbox?: string }[] };
  const found = interfaces.find(({ name, sandbox }) => !sandbox && name.startsWith("veth"));
  if (!found) throw new Error("no veth in the result");
  return found.name;
}

/** The namespace lives on by a process, and only its file goes; ends the process. */
function hide(bed: Bed, box: Container): () => void {
  const pid = Number(box.sh("sleep 1000 </dev/null >/dev/null 2>&1 & echo $!"));
  bed.host.sh(`umount ${box.netns}; rm ${box.netns}`);
  let lives = true;
  const end = () => {
    if (lives) process.kill(pid);
    lives = false;
  };
  bed.atEnd(end);
  return end;
}

/** Another container that asks for ports, in the usual network or a given one. */
function asker(bed: Bed, mappings: readonly unknown[], backend: string, network = bridge) {
  const box = bed.container();
  const prevResult = new Chain(bed, [network]).add(box);
  const call = { ...portmap(mappings, { backend }), prevResult };
  return { box, call, add: () => bed.add("portmap", box, call) };
}

describe.for(backends)("%s: a holder that is gone", (backend) => {
  it("loses its port to who asks for it, and that is said", ({ bed }) => {
    const outside = world(bed);
    const before = bed.snapshot();
    const lost = attach(bed, portmap([web], { backend }));
    vanish(bed, lost.box);
    const { box, call, add } = asker(bed, [web], backend);
    const run = add();
    expect(run).toSucceed();
    expect(run.stderr).toMatch(/^portmap: took over tcp port 8080/);
    expect(run.stderr).toContain(lost.box.containerID);
    serve(box, "tcp", 80);
    expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
    expect(ask(outside, "fd99::1", 8080)).toBe("fd99::9");
    expect(bed.check("portmap", box, call)).toSucceed();
    lost.chain.del(lost.box, lost.result);
    expect(bed.check("portmap", box, call)).toSucceed();
    expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
    new Chain(bed, [bridge, call]).del(box, call.prevResult);
    const left = bed.leftovers(before, sharedBy(bridge));
    expect(left.filter((line) => /8080|10\.1\.2\.[23]\b/.test(line))).toEqual([]);
  });

  it.for([
    ["at any address", web, { ...web, hostIP: "192.0.2.1" }],
    ["at one address", { ...web, hostIP: "192.0.2.1" }, web],
  ] as const)("loses one that it had %s", ([, had, wanted], { bed }) => {
    const outside = world(bed);
    const lost = attach(bed, portmap([had, dns], { backend }));
    vanish(bed, lost.box);
    const { box, add } = asker(bed, [wanted], backend);
    expect(add()).toSucceed();
    serve(box, "tcp", 80);
    expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
    expect(bed.del("portmap", lost.box, lost.config, { env: { CNI_NETNS: "" } })).toSucceed();
    expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
    expect(bed.host.sh("nft list ruleset; iptables-save")).not.toContain(lost.box.containerID);
  });

  it("loses all that one container asks for, of whichever protocol", ({ bed }) => {
    const many = Array.from({ length: 20 }, (_, i) => ({ ...web, hostPort: 9000 + i }));
    const lost = attach(bed, portmap([...many, dns], { backend }));
    vanish(bed, lost.box);
    const { box, call, add } = asker(bed, [...many, dns], backend);
    expect(add()).toSucceed();
    expect(bed.check("portmap", box, call)).toSucceed();
  });

  it("has one heir, however many ask at once", async ({ bed }) => {
    const lost = attach(bed, portmap([web], { backend }));
    vanish(bed, lost.box);
    const askers = Array.from({ length: 5 }, () => asker(bed, [web], backend));
    const runs = await Promise.all(
      askers.map(({ box, call }) =>
        bed.start("portmap", { command: "ADD", container: box, config: call }),
      ),
    );
    const winners = runs.filter(({ ok }) => ok);
    expect(winners).toHaveLength(1);
    const winner = askers[runs.findIndex(({ ok }) => ok)];
    for (const run of runs.filter(({ ok }) => !ok)) {
      expect(run.error).toMatchObject({
        code: 103,
        msg: expect.stringContaining(winner?.box.containerID ?? "nobody"),
      });
    }
    for (const { box, call } of askers) {
      expect(bed.check("portmap", box, call).ok).toBe(box === winner?.box);
    }
  });
});

const named = { cniVersion: "1.1.0", name: "net" };
const overlay = { network: "10.244.0.0/16", subnet: "10.244.1.0/24", uplink: "uplink0" };

it.for([
  ["flannel", { ...named, type: "flannel" }],
  ["vxlan-overlay", { ...named, type: "vxlan-overlay", ...overlay, peers: [] }],
] as const)("%s: a holder that it attached is gone as well", ([, network], { bed }) => {
  const first = asker(bed, [web], "nftables", network);
  first.add().result;
  const second = asker(bed, [web], "nftables", network);
  expect(second.add().error.code).toBe(103);
  vanish(bed, first.box);
  expect(second.add()).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining(first.box.containerID),
  });
  expect(bed.check("portmap", second.box, second.call)).toSucceed();
});

it.for(backends)(
  "%s: a free port has one owner, however many ask at once",
  async (backend, { bed }) => {
    const askers = Array.from({ length: 5 }, () => asker(bed, [web], backend));
    const runs = await Promise.all(
      askers.map(({ box, call }) =>
        bed.start("portmap", { command: "ADD", container: box, config: call }),
      ),
    );
    expect(runs.filter(({ ok }) => ok)).toHaveLength(1);
    for (const run of runs.filter(({ ok }) => !ok)) expect(run.error.code).toBe(103);
  },
);

describe.for(backends)("%s: a holder keeps its port", (backend) => {
  /** The port is refused, nothing is changed, and it still leads to the holder. */
  function expectKept(bed: Bed, holder: Container): void {
    const { box, call } = asker(bed, [web], backend);
    const before = bed.snapshot();
    const { error } = bed.add("portmap", box, call);
    expect(error).toMatchObject({ code: 103, msg: expect.stringContaining(holder.containerID) });
    expect(bed.leftovers(before).filter((line) => line.includes("nft"))).toEqual([]);
  }

  it("whose namespace lives on without a file", ({ bed }) => {
    const held = attach(bed, portmap([web], { backend }));
    serve(held.box, "tcp", 80);
    hide(bed, held.box);
    expectKept(bed, held.box);
    expect(ask(bed.host, "127.0.0.1", 8080)).toBe("10.1.2.1");
  });

  it("whose veth bears another name, or another alias", ({ bed }) => {
    const [one, two] = [
      attach(bed, portmap([web], { backend })),
      attach(bed, portmap([dns], { backend })),
    ];
    bed.host.sh(`ip link set ${vethOf(one)} down; ip link set ${vethOf(one)} name web0 up`);
    bed.host.sh(`ip link set ${vethOf(two)} alias "port 17 of the switch"`);
    hide(bed, one.box);
    hide(bed, two.box);
    expectKept(bed, one.box);
    const { add } = asker(bed, [dns], backend);
    expect(add().error.code).toBe(103);
  });

  it("whose veth was deleted while its namespace is there", ({ bed }) => {
    const held = attach(bed, portmap([web], { backend }));
    bed.host.sh(`ip link del ${vethOf(held)}`);
    expectKept(bed, held.box);
  });

  it.for([
    ["by a result without interfaces", (_: Container) => ({})],
    ["on macvlan", (box: Container) => ({ interfaces: [{ name: "eth0", sandbox: box.netns }] })],
    [
      "on a veth of another suite",
      (box: Container) => ({
        interfaces: [{ name: "veth0a1b2c3d" }, { name: "eth0", sandbox: box.netns }],
      }),
    ],
  ] as const)("that another suite attached, %s, living or not", ([, more], { bed }) => {
    const box = bed.container();
    const { interfaces = [] } = more(box) as { interfaces?: readonly unknown[] };
    const index = interfaces.length > 0 ? { interface: interfaces.length - 1 } : {};
    const ips = [{ address: "10.9.9.9/24", ...index }];
    const prevResult = { cniVersion: "1.1.0", ...more(box), ips };
    bed.add("portmap", box, { ...portmap([web], { backend }), prevResult }).result;
    expectKept(bed, box);
    hide(bed, box);
    expectKept(bed, box);
    expect(bed.del("portmap", box, portmap([]), { env: { CNI_NETNS: "" } })).toSucceed();
    expect(asker(bed, [web], backend).add()).toSucceed();
  });

  it("that the reference bridge attached", ({ bed }) => {
    const box = bed.container();
    const own: Config = { ...bridge, cniVersion: "1.0.0" };
    const from = "/usr/lib/cni";
    const run = bed.exec("bridge", { command: "ADD", container: box, config: own, from });
    const prevResult = run.result as unknown as Config;
    bed.add("portmap", box, {
      ...portmap([web], { backend }),
      cniVersion: "1.0.0",
      prevResult,
    }).result;
    hide(bed, box);
    expectKept(bed, box);
  });

  it("whose names are too long for its mark", ({ bed }) => {
    const name = "n".repeat(200);
    const box = bed.container();
    const list = new Chain(bed, [
      { ...bridge, name },
      { ...portmap([web], { backend }), name },
    ]);
    list.add(box);
    const end = hide(bed, box);
    const { add } = asker(bed, [web], backend);
    expect(add().error.code).toBe(103);
    end();
    bed.host.sh("while ip -o link | grep -q nnn; do sleep 0.05; done");
    expect(add().error.code).toBe(103);
  });
});
