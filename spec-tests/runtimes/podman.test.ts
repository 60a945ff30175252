/** podman with its CNI backend: networks, ports, addresses, pods, reload. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { it } from "../bed/it.ts";
import { ask, serve, world } from "../bed/ports.ts";
import { boxImage } from "./box.ts";
import { asked, RuntimeNode } from "./node.ts";
import { Podman } from "./podman.ts";

/** A machine with the networks `one` and `two`, whose first container has come and gone. */
function startOn(bed: Bed, options = "") {
  const outside = world(bed);
  const node = new RuntimeNode(bed, bed.bin);
  const podman = new Podman(node);
  podman.run(`network create ${options} --subnet 10.90.0.0/24 one`);
  podman.run(`network create ${options} --subnet 10.91.0.0/24 two`);
  for (const network of ["one", "two"]) {
    podman.start("first", `--network ${network} -p 8099:80`);
    podman.run("rm -f -t 0 first");
  }
  const before = bed.snapshot();
  return { outside, node, podman, leftovers: () => node.leftovers(before) };
}

describe("podman", () => {
  it("gives a container the address and the port that are asked for, and takes them away", ({
    bed,
  }) => {
    const { outside, node, podman, leftovers } = startOn(bed);

    podman.start("a", "--network one --ip 10.90.0.77 -p 8080:80");

    expect(podman.addresses("a")).toEqual({ one: "10.90.0.77" });
    expect(asked(outside, "192.0.2.1:8080")).toBe("192.0.2.9");
    podman.run("rm -f -t 0 a");
    expect(leftovers()).toEqual([]);
    node.untilOnly();
  });

  it("connects a running container to another network, and disconnects it", ({ bed }) => {
    const { podman, leftovers } = startOn(bed);
    podman.start("a", "--network one");
    podman.start("b", "--network two");
    const { two = "" } = podman.addresses("b");

    podman.run("network connect two a");

    expect(Object.keys(podman.addresses("a")).sort()).toEqual(["one", "two"]);
    expect(podman.inside("a", "ip -o -4 address show dev eth1")).toContain("10.91.0.");
    expect(podman.inside("a", `wget -q -O - http://${two}/cgi-bin/who`)).toContain("10.91.0.");
    podman.run("network disconnect two a");
    expect(Object.keys(podman.addresses("a"))).toEqual(["one"]);
    expect(podman.inside("a", "ip -o link")).not.toContain("eth1");
    podman.run("rm -f -t 0 a b");
    expect(leftovers()).toEqual([]);
  });

  it("publishes a port of a container in two networks", ({ bed }) => {
    const { outside, podman, leftovers } = startOn(bed);

    podman.start("a", "--network one,two -p 8080:80");

    expect(asked(outside, "192.0.2.1:8080")).toBe("192.0.2.9");
    podman.run("rm -f -t 0 a");
    expect(leftovers()).toEqual([]);
  });

  it("gives a pod's containers one network, with the pod's ports", ({ bed }) => {
    const { outside, podman, leftovers } = startOn(bed);

    podman.run(`pod create --name pod --network one -p 8080:80 --infra-image ${boxImage}`);
    podman.start("a", "--pod pod --entrypoint sleep", "9999");

    expect(asked(outside, "192.0.2.1:8080")).toBe("192.0.2.9");
    expect(podman.inside("a", "wget -q -O - http://127.0.0.1/cgi-bin/who")).toContain("127.0.0.1");
    podman.run("pod rm -f -t 0 pod");
    expect(leftovers()).toEqual([]);
  });

  it("brings rules back by network reload, after somebody has taken all of them away", ({
    bed,
  }) => {
    const { outside, podman, leftovers } = startOn(bed);
    podman.start("a", "--network one -p 8080:80");
    serve(outside, "tcp", 7777);
    const { one: address } = podman.addresses("a");
    bed.host.sh("nft flush ruleset");
    expect(ask(outside, "192.0.2.1", 8080)).toBe("");

    podman.run("network reload --all");

    expect(podman.addresses("a")).toEqual({ one: address });
    expect(asked(outside, "192.0.2.1:8080")).toBe("192.0.2.9");
    expect(podman.inside("a", "busybox nc 192.0.2.9 7777")).toBe("192.0.2.1");
    podman.run("rm -f -t 0 a");
    expect(leftovers()).toEqual([]);
  });

  it("starts a container again after it was stopped, and after it was killed", ({ bed }) => {
    const { outside, podman, leftovers } = startOn(bed);
    podman.start("a", "--network one --ip 10.90.0.5 -p 8080:80");

    podman.run("restart -t 0 a");
    expect(asked(outside, "192.0.2.1:8080")).toBe("192.0.2.9");
    podman.run("kill a");
    podman.run("wait a");
    podman.run("start a");

    expect(asked(outside, "192.0.2.1:8080")).toBe("192.0.2.9");
    podman.run("rm -f -t 0 a");
    expect(leftovers()).toEqual([]);
  });

  it("keeps networks with the option isolate apart", ({ bed }) => {
    const { podman, leftovers } = startOn(bed, "-o isolate=true");
    podman.start("a", "--network one");
    podman.start("b", "--network two");
    podman.start("c", "--network one");
    const { two = "" } = podman.addresses("b");
    const { one = "" } = podman.addresses("c");
    const reaches = (address: string) =>
      podman.run(`exec a busybox nc -w 3 ${address} 80 </dev/null && echo yes || echo no`);
    expect(reaches(one)).toBe("yes");
    expect(reaches(two)).toBe("no");
    podman.run("rm -f -t 0 a b c");
    expect(leftovers()).toEqual([]);
  });

  it("reaches nothing outside from an internal network", ({ bed }) => {
    const { podman, leftovers } = startOn(bed, "--internal");
    podman.start("a", "--network one");
    podman.start("b", "--network one");
    const { one = "" } = podman.addresses("b");

    expect(podman.inside("a", `wget -q -O - http://${one}/cgi-bin/who`)).toContain("10.90.0.");
    expect(podman.inside("a", "ip route")).not.toContain("default");
    podman.run("rm -f -t 0 a b");
    expect(leftovers()).toEqual([]);
  });

  it("puts a container on the node's own link by macvlan", ({ bed }) => {
    const { outside, node, podman } = startOn(bed);
    serve(outside, "tcp", 7777);
    podman.run("network create -d macvlan -o parent=wan --subnet 192.0.2.0/24 lan");
    podman.start("first", "--network lan --ip 192.0.2.66");
    podman.run("rm -f -t 0 first");
    const before = bed.snapshot();

    podman.start("a", "--network lan --ip 192.0.2.77");

    expect(podman.inside("a", "busybox nc 192.0.2.9 7777")).toBe("192.0.2.77");
    podman.run("rm -f -t 0 a");
    expect(node.leftovers(before)).toEqual([]);
  });
});
