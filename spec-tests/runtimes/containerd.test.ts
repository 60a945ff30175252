/** containerd by its CRI, as a kubelet uses it, and by ctr. */
import { describe, expect } from "vitest";
import { ask, serve } from "../bed/ports.ts";
import { boxImage } from "./box.ts";
import { podNetwork, type Release, releases } from "./containerd.ts";
import { uninstallCommands } from "./documents.ts";
import { asked, cgroup } from "./node.ts";
import { startOn } from "./pods.ts";

/** What there is in a namespace that containerd has made and nobody has attached. */
const isOfEmptyNetns = /^\+ cni-[-\da-f]+ (link lo:|rules[46] |sysctl )/;

describe.each(releases)("$name", (release) => {
  const { it } = release;

  it("gives a pod an address, a host port and rates, and takes all of it away", async ({ bed }) => {
    const { outside, node, client, leftovers } = await startOn(bed, release);
    const annotations = {
      "kubernetes.io/ingress-bandwidth": "8M",
      "kubernetes.io/egress-bandwidth": "4M",
    };

    const id = await client.runPod({ name: "pod", hostPort: 8080, cgroup, annotations });

    expect(await client.addressOf(id)).toBe("10.244.0.2");
    expect(asked(outside, "192.0.2.1:8080")).toBe("192.0.2.9");
    const rates = bed.host.sh("tc qdisc show").match(/(?<=tbf .* rate )\S+/g);
    expect(rates?.sort()).toEqual(["4Mbit", "8Mbit"]);
    await client.removePod(id);
    expect(leftovers()).toEqual([]);
    node.untilOnly("containerd");
  });

  it("stops and removes a pod twice", async ({ bed }) => {
    const { client, leftovers } = await startOn(bed, release);
    const id = await client.runPod({ name: "pod", hostPort: 8080, cgroup });

    const ends = ["stopPod", "stopPod", "deletePod", "deletePod"] as const;
    for (const end of ends) await client[end](id);

    expect(await client.pods()).toEqual([]);
    expect(leftovers()).toEqual([]);
  });

  it("leaves nothing at all after the commands that docs/install.md has for a drained node", async ({
    bed,
  }) => {
    const { containerd, client, leftovers, leftoversInAll } = await startOn(bed, release);
    const hostPorts = [8080, 8081];
    await Promise.all(
      hostPorts.map((hostPort) => client.runPod({ name: `pod-${hostPort}`, hostPort, cgroup })),
    );
    await containerd.removeAll();
    expect(leftovers()).toEqual([]);
    expect(leftoversInAll()).not.toEqual([]);

    bed.host.sh(uninstallCommands());

    expect(leftoversInAll()).toEqual([]);
  });

  it("lets pods reach each other, a host port of their own, and the world by the node's address", async ({
    bed,
  }) => {
    const { outside, containerd, client } = await startOn(bed, release);
    serve(outside, "tcp", 7777);
    const one = await client.runPod({ name: "one", hostPort: 8081, cgroup });
    const two = await client.runPod({ name: "two", cgroup });
    const address = await client.addressOf(one);
    const get = (from: string, to: string) =>
      containerd.inside(from, `wget -q -O - http://${to}/cgi-bin/who`);

    expect(get(two, address)).toContain(await client.addressOf(two));
    expect(get(two, "192.0.2.1:8081")).toContain("10.244.0.1]");
    expect(get(one, "192.0.2.1:8081")).toContain("10.244.0.1]");
    expect(containerd.inside(two, "busybox nc 192.0.2.9 7777")).toBe("192.0.2.1");
    await containerd.removeAll();
    expect(ask(bed.host, "127.0.0.1", 8081)).toBe("");
  });

  it("runs a container by ctr run --cni, and deletes it", async ({ bed }) => {
    const { containerd, leftovers } = await startOn(bed, release);

    const said = containerd.ctr(`run --rm --cni --cgroup ${cgroup}/box ${boxImage} box ip address`);

    expect(said).toContain("inet 10.244.0.2/24");
    expect(leftovers()).toEqual([]);
  });

  it("loses nothing when it is killed while pods start, and while they go", async ({ bed }) => {
    const { node, containerd, client, leftovers } = await startOn(bed, release);
    const names = Array.from({ length: 12 }, (_, i) => `pod-${i}`);
    const starts = names.map((name, i) => client.runPod({ name, hostPort: 20_000 + i, cgroup }));
    const settled = Promise.allSettled(starts);
    const links = () => bed.host.links().filter((name) => name.startsWith("veth")).length;
    await containerd.until("pods' links", () => links() > 2);

    await containerd.kill();
    await settled;
    await containerd.start();
    const pods = await containerd.client.pods();
    const ends = Promise.allSettled(pods.slice(0, 6).map((id) => containerd.client.removePod(id)));
    await containerd.kill();
    await ends;
    await containerd.start();
    await containerd.removeAll();

    // Of what a containerd that was killed had taken no note is its own loss: a shim, an empty namespace.
    expect(leftovers().filter((line) => !isOfEmptyNetns.test(line))).toEqual([]);
    expect(node.processes.filter((name) => !name.startsWith("containerd"))).toEqual([]);
  });

  it("finds addresses free after a loss of power, and takes away what pods of before had", async ({
    bed,
  }) => {
    const few = podNetwork("10.244.0.0/29");
    const { containerd, client, leftovers } = await startOn(bed, release, { network: few });
    const names = ["a", "b", "c", "d", "e"];
    for (const [i, name] of names.entries())
      await client.runPod({ name, hostPort: 8080 + i, cgroup });
    expect(bed.list("/var/lib/cni/networks/net")).toContain("10.244.0.6");

    await containerd.restartMachine();
    const old = await containerd.client.pods();
    const started: string[] = [];
    for (const [i, name] of names.entries())
      started.push(
        await containerd.client.runPod({ name: `${name}2`, hostPort: 8080 + i, cgroup }),
      );
    for (const id of old) await containerd.client.removePod(id);

    const addresses = await Promise.all(started.map((id) => containerd.client.addressOf(id)));
    expect(new Set(addresses).size).toBe(5);
    for (const address of addresses) expect(bed.host.ping(address)).toBe(true);
    await containerd.removeAll();
    expect(leftovers()).toEqual([]);
  });
});

describe("containerd 2.2.9", () => {
  const release = releases[1] as Release;

  release.it(
    "asks by STATUS, and says of a network that refuses why it is not ready",
    async ({ bed }) => {
      const one = podNetwork("10.244.0.0/30", "1.1.0", { statusWhenFull: "error" });
      const { client } = await startOn(bed, release, { network: one });
      expect(await client.network()).toEqual({ isReady: true, reason: "" });

      const id = await client.runPod({ name: "pod", cgroup });

      const { isReady, reason } = await client.network();
      expect(isReady).toBe(false);
      expect(reason).toContain("10.244.0.1-10.244.0.2");
      await client.removePod(id);
      expect(await client.network()).toEqual({ isReady: true, reason: "" });
    },
  );
});
