import { describe, expect, it } from "vitest";
import { parseAddress } from "../lib/ip/address.ts";
import { Agent } from "./agent.ts";
import { cidrOf, FakeWorld, hostOf, network } from "./fakes.ts";

const subnets = [cidrOf("10.244.1.0/24")];

function started(world = new FakeWorld()) {
  const agent = new Agent(world);
  agent.start();
  return { agent, world };
}

function joined() {
  const { agent, world } = started();
  agent.onNetwork(network, {});
  agent.onJoined(subnets);
  agent.onHosts([["b", hostOf(2)]]);
  world.clock.pass(10_000);
  world.takeDone();
  return { agent, world };
}

it("knows how long ago it has heard of its store, however the wall clock is set since", () => {
  const { agent, world } = joined();
  const ago = () => world.clock.wall() - (agent.state.lastSync ?? 0);
  expect(ago()).toBe(10_000);
  for (const milliseconds of [1e9, -1e12]) {
    world.clock.set(milliseconds);
    world.clock.pass(1_000);
  }
  expect(ago()).toBe(12_000);
});

describe("an agent that starts", () => {
  it("does nothing before it is told of the network, and publishes itself then", () => {
    const { agent, world } = started();
    expect(world.takeDone()).toEqual([]);
    agent.onNetwork(network, {});
    expect(world.store.published).toHaveLength(1);
    expect(world.takeDone()).toEqual([]);
    expect(agent.state.isReady).toBe(false);
  });

  it("is ready once the others are known: node.json first, subnet.env last", () => {
    const { agent, world } = started();
    agent.onNetwork(network, {});
    agent.onJoined(subnets);
    expect(agent.state.isReady).toBe(false);
    expect(world.takeDone()).toEqual(["path 192.0.2.1 flannel.1", 'node ["10.244.1.0/24"]']);
    agent.onHosts([["b", hostOf(2)]]);
    expect(world.takeDone()).toEqual([
      'node ["10.244.1.0/24"]',
      "compare 1",
      "remove former",
      "peers 1",
      "subnet.env",
    ]);
    expect(agent.state.isReady).toBe(true);
    expect(world.files.subnetEnv).toBe(
      "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n",
    );
  });

  it("makes right what an agent before has left, while the store does not answer", () => {
    const before = joined().world;
    const world = new FakeWorld();
    world.files.saved = before.files.saved;
    const { agent } = started(world);
    expect(world.takeDone()).toEqual([
      "path 192.0.2.1 flannel.1",
      'node ["10.244.1.0/24"]',
      "compare files",
      "remove former",
      "subnet.env",
    ]);
    agent.onProblem("Cannot reach etcd");
    expect(agent.state).toMatchObject({ isReady: true, storeProblem: "Cannot reach etcd" });
    expect(world.store.published).toEqual([]);
  });

  it("asks for the subnet that subnet.env names", () => {
    const world = new FakeWorld();
    world.files.subnetEnv = "FLANNEL_SUBNET=10.244.7.1/24\n";
    const { agent } = started(world);
    agent.onNetwork(network, {});
    expect(world.store.published[0]?.formerSubnets).toEqual([cidrOf("10.244.7.0/24")]);
  });
});

describe("hosts that change", () => {
  it("are sent one by one, all of one turn together", () => {
    const { agent, world } = joined();
    agent.onHost("c", hostOf(3));
    agent.onHost("b", undefined);
    agent.turn();
    expect(world.takeDone()).toEqual(["change none > 10.244.3.0/24,10.244.2.0/24 > none"]);
    world.clock.pass(0);
    expect(world.takeDone()).toEqual(["peers 1"]);
  });

  it("are written at once after quiet, and then every two seconds at most", () => {
    const { agent, world } = joined();
    for (let i = 0; i < 100; i++) {
      agent.onHost("c", hostOf(3 + (i % 2)));
      agent.turn();
      world.clock.pass(100);
    }
    const written = world.takeDone().filter((what) => what === "peers 2");
    expect(written.length).toBeGreaterThan(3);
    expect(written.length).toBeLessThan(7);
  });

  it("are written as well if all is compared before they are sent", () => {
    const { agent, world } = joined();
    agent.onHost("c", hostOf(3));
    agent.onJoined(subnets);
    agent.turn();
    world.clock.pass(10_000);
    expect(world.files.peers).toContain("10.244.3.0/24");
  });

  it("are written once there is a way to them, if there is none at first", () => {
    const world = new FakeWorld();
    world.files.writePeers([]);
    const { agent } = started(world);
    agent.onNetwork(network, {});
    agent.onHosts([["b", hostOf(2)]]);
    world.clock.pass(10_000);
    agent.onJoined(subnets);
    expect(world.takeDone().slice(-2)).toEqual(["peers 1", "subnet.env"]);
  });

  it("are written before the agent ends", () => {
    const { agent, world } = joined();
    agent.onHost("c", hostOf(3));
    agent.turn();
    world.clock.pass(0);
    agent.onHost("d", hostOf(4));
    agent.stop();
    expect(world.takeDone().slice(-2)).toEqual(["change none > 10.244.4.0/24", "peers 3"]);
    expect(world.store.isStopped).toBe(true);
  });

  it("that claim what others do are named, and all is compared", () => {
    const { agent, world } = joined();
    agent.onHost("c", hostOf(3, { subnets: hostOf(2).subnets }));
    agent.turn();
    world.clock.pass(1000);
    expect(world.takeDone()).toContain("compare 0");
    expect(agent.state.limits).toHaveLength(2);
    agent.onHost("c", undefined);
    agent.turn();
    world.clock.pass(1000);
    expect(world.takeDone()).toContain("compare 1");
    expect(agent.state.limits).toEqual([]);
    expect(world.told.filter((line) => line.startsWith("recovered"))).toHaveLength(2);
  });
});

describe("what goes wrong", () => {
  it("in the store takes nothing away", () => {
    const { agent, world } = joined();
    agent.onProblem("Cannot reach etcd");
    agent.onLost("the lease ran out");
    world.clock.pass(3_600_000);
    expect(new Set(world.takeDone())).toEqual(new Set(['node ["10.244.1.0/24"]', "compare 1"]));
    expect(agent.state).toMatchObject({ isReady: true, storeProblem: "Cannot reach etcd" });
    agent.onProblem(undefined);
    expect(world.told).toContain("recovered: Cannot reach etcd");
  });

  it("with the uplink is said once, the rest is kept, and it is tried again", () => {
    const { agent, world } = joined();
    world.uplinkFault = "there is no default route";
    agent.changed();
    world.clock.pass(20_000);
    expect(agent.state.isReady).toBe(false);
    expect(world.takeDone()).toContain("compare 1");
    expect(world.told.filter((line) => line.startsWith("problem"))).toHaveLength(1);
    world.uplinkFault = undefined;
    world.clock.pass(30_000);
    expect(agent.state.isReady).toBe(true);
  });

  it("in the kernel is tried again, and no change is lost", () => {
    const { agent, world } = joined();
    world.kernelFault = "no memory";
    agent.onHosts([
      ["b", hostOf(2)],
      ["c", hostOf(3)],
    ]);
    agent.onHost("d", hostOf(4));
    agent.turn();
    world.kernelFault = undefined;
    world.clock.pass(5000);
    expect(world.takeDone()).toContain("compare 3");
    expect(agent.state.isReady).toBe(true);
  });
});

describe("this host", () => {
  it("is published again with another address, and has another plan", () => {
    const { agent, world } = joined();
    world.address = parseAddress("192.0.2.9") ?? world.address;
    agent.changed();
    world.clock.pass(200);
    expect(world.store.published).toHaveLength(2);
    expect(world.takeDone()).toContain("path 192.0.2.9 flannel.1");
  });

  it("is not published again while it is the same", () => {
    const { world } = joined();
    world.clock.pass(600_000);
    expect(world.store.published).toHaveLength(1);
  });

  it("that gets another subnet says so, and writes it", () => {
    const { agent, world } = joined();
    agent.onJoined([cidrOf("10.244.9.0/24")]);
    expect(world.takeDone()).toContain('node ["10.244.9.0/24"]');
    expect(world.files.subnetEnv).toContain("FLANNEL_SUBNET=10.244.9.1/24");
    expect(world.told.join("\n")).toContain("no longer 10.244.1.0/24");
  });

  it("has another device with another VNI, and the former goes after that", () => {
    const { agent, world } = joined();
    const backend = { ...network.backend, vni: 7 } as typeof network.backend;
    agent.onNetwork({ ...network, backend }, {});
    const done = world.takeDone();
    expect(done).toContain("path 192.0.2.1 flannel.7");
    expect(done.indexOf("compare 1")).toBeLessThan(done.indexOf("remove former"));
  });

  it("keeps what it has while its subnet is not of the network any more", () => {
    const { agent, world } = joined();
    const families = network.families.map((each) => ({ ...each, network: cidrOf("10.9.0.0/16") }));
    agent.onNetwork({ ...network, families }, {});
    expect(world.takeDone().filter((what) => what.startsWith("path"))).toEqual([]);
    agent.onJoined([cidrOf("10.9.1.0/24")]);
    expect(world.takeDone()).toContain("path 192.0.2.1 flannel.1");
  });
});
