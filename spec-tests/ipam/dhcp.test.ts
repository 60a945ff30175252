/** dhcp: what a container gets from a server, and how it is kept and given back. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { alone, dhcpBridge, Lan, type Rules, startDaemon } from "../bed/dhcp.ts";
import { it } from "../bed/it.ts";
import { itWorks } from "../bed/subjects.ts";

async function scene(bed: Bed, rules: Rules = {}, flags?: string) {
  const lan = new Lan(bed, rules);
  lan.connectBridge("br0");
  const daemon = await startDaemon(bed, flags);
  return { lan, daemon, box: bed.container() };
}

describe("a container on a bridge", () => {
  it("gets an address, a gateway and a default route from the server, and gives the address back", async ({
    bed,
  }) => {
    const { lan, daemon, box } = await scene(bed);
    const before = bed.snapshot();
    const { result } = bed.add("bridge", box, dhcpBridge());
    expect(result.ips).toMatchObject([{ address: "10.77.0.10/24", gateway: "10.77.0.1" }]);
    expect(box.addresses("eth0")).toEqual(["10.77.0.10/24"]);
    expect(box.routes()).toContain("default via 10.77.0.1 dev eth0");
    expect(box.ping("10.77.0.1")).toBe(true);
    expect([...new Set(lan.kinds)]).toEqual(["discover", "request"]);
    const ended = dhcpBridge({}, { prevResult: result });
    expect(bed.check("bridge", box, ended)).toSucceed();
    expect(bed.del("bridge", box, ended)).toSucceed();
    expect(bed.del("bridge", box, ended)).toSucceed();
    await daemon.until("the release", () => lan.kinds.includes("release"));
    expect(lan.heard.at(-1)).toMatchObject({ ciaddr: "10.77.0.10", server: "10.77.0.1" });
    expect(bed.leftovers(before)).toEqual([]);
    expect(await daemon.end("SIGTERM")).toBe(0);
  });

  it("is known to the server by the key that the reference sends, and by what is provided", async ({
    bed,
  }) => {
    const { lan, daemon, box } = await scene(bed);
    const provide = [{ option: "host-name", value: "web", fromArg: "K8S_POD_NAME" }];
    const request = [{ option: "42" }];
    bed.add("bridge", box, dhcpBridge({ provide, request }), { args: "K8S_POD_NAME=pod-1" }).result;
    const [first] = lan.heard;
    const key = Buffer.from("\0box1-id/lan/eth0").toString("hex");
    expect(first).toMatchObject({ id: key, host: "pod-1" });
    expect(first?.asked.slice(0, 1)).toEqual([42]);
    await daemon.kill();
  });

  it("has the routes, name servers and domain that the server names", async ({ bed }) => {
    const options = {
      "6": "0a4d0035",
      "15": Buffer.from("example.org").toString("hex"),
      // 10.99.0.0/16 by 10.77.0.7, and everything by 10.77.0.1
      "121": "100a630a4d0007000a4d0001",
    };
    const { daemon, box } = await scene(bed, { options });
    const { result } = bed.add("bridge", box, dhcpBridge({ priority: 77 }));
    expect(result.dns).toMatchObject({ nameservers: ["10.77.0.53"], domain: "example.org" });
    expect(box.routes()).toEqual(
      expect.arrayContaining([
        "10.99.0.0/16 via 10.77.0.7 dev eth0",
        "default via 10.77.0.1 dev eth0",
      ]),
    );
    expect(box.ip("route show default")).toMatchObject([{ metric: 77 }]);
    await daemon.kill();
  });

  it("gets the same lease when ADD is repeated by who missed the answer", async ({ bed }) => {
    const { lan, daemon, box } = await scene(bed);
    lan.connect(box);
    const first = bed.add("dhcp", box, alone);
    const { length } = lan.heard;
    expect(bed.add("dhcp", box, alone).result).toEqual(first.result);
    expect(lan.heard).toHaveLength(length);
    expect(bed.del("dhcp", box, alone)).toSucceed();
    await daemon.until("the release", () => lan.kinds.includes("release"));
    await daemon.kill();
  });
});

describe("a container on a macvlan", () => {
  itWorks("macvlan")("gets an address by way of its master, and gives it back", async ({ bed }) => {
    const { lan, daemon, box } = await scene(bed);
    const config = dhcpBridge({}, { type: "macvlan", master: "br0" });
    const { result } = bed.add("macvlan", box, config);
    expect(result.ips).toMatchObject([{ address: "10.77.0.10/24", gateway: "10.77.0.1" }]);
    expect(box.ping("10.77.0.1")).toBe(true);
    expect(bed.del("macvlan", box, { ...config, prevResult: result })).toSucceed();
    await daemon.until("the release", () => lan.kinds.includes("release"));
    await daemon.kill();
  });
});

describe("an address that somebody uses already", () => {
  it("is declined if it is asked to look, and another one taken", async ({ bed }) => {
    const { lan, daemon, box } = await scene(bed, { lease: 3600, address: "10.77.0.50" });
    lan.server.sh("ip address add 10.77.0.50/24 dev lan");
    const run = bed.start("bridge", {
      command: "ADD",
      container: box,
      config: dhcpBridge({ conflictDetection: true }),
    });
    await daemon.until("the refusal", () => lan.kinds.includes("decline"));
    lan.behave({ address: "10.77.0.51" });
    expect((await run).result.ips).toMatchObject([{ address: "10.77.0.51/24" }]);
    expect(lan.heard.find(({ message }) => message === "decline")?.requested).toBe("10.77.0.50");
    await daemon.kill();
  });
});

describe("a server that is not as it should be", () => {
  it("is not waited for longer than the daemon is told to", async ({ bed }) => {
    const flags = "-timeout 100ms -resendtimeout 1s";
    const { lan, daemon, box } = await scene(bed, { silent: true }, flags);
    const before = bed.snapshot();
    const { error } = bed.add("bridge", box, dhcpBridge());
    expect(error).toMatchObject({ code: 11 });
    expect(error.msg).toMatch(
      /^Cannot lease an address for "eth0" of container box1-id in network "lan": /,
    );
    expect(lan.kinds.length).toBeGreaterThan(1);
    expect(new Set(lan.kinds)).toEqual(new Set(["discover"]));
    expect(bed.leftovers(before)).toEqual([]);
    await daemon.kill();
  });

  it("can say what it likes before its answer", async ({ bed }) => {
    const { daemon, box } = await scene(bed, { noise: true, lease: 4 });
    const { result } = bed.add("bridge", box, dhcpBridge());
    expect(result.ips).toMatchObject([{ address: "10.77.0.10/24", gateway: "10.77.0.1" }]);
    expect(bed.check("bridge", box, dhcpBridge({}, { prevResult: result }))).toSucceed();
    expect(await daemon.end("SIGTERM")).toBe(0);
  });

  it("makes no lease without a mask", async ({ bed }) => {
    const { daemon, box } = await scene(
      bed,
      { options: { "1": null } },
      "-timeout 100ms -resendtimeout 2s",
    );
    expect(bed.add("bridge", box, dhcpBridge()).ok).toBe(false);
    await daemon.kill();
  });
});

describe("without a daemon", () => {
  it("P12.02 STATUS says 50, ADD and CHECK 11, each with how to start one", ({ bed }) => {
    const box = bed.container();
    const advice = 'no dhcp daemon listens at "/run/cni/dhcp.sock"; start one: ';
    const status = bed.status("dhcp", alone).error;
    expect(status.code).toBe(50);
    expect(status.msg).toContain(advice);
    for (const run of [bed.add("dhcp", box, alone), bed.check("dhcp", box, alone)]) {
      expect(run.error.code).toBe(11);
      expect(run.error.msg).toContain(advice);
    }
  });

  it("P8.11 DEL succeeds, and says that the lease is left to run out if there was one", async ({
    bed,
  }) => {
    const { lan, daemon, box } = await scene(bed);
    const { result } = bed.add("bridge", box, dhcpBridge());
    await daemon.end("SIGTERM");
    expect(bed.list("/run/cni/dhcp.leases")).toHaveLength(1);
    const first = bed.del("bridge", box, dhcpBridge({}, { prevResult: result }));
    expect(first).toSucceed();
    expect(first.stderr).toContain("is left to run out");
    expect(bed.list("/run/cni/dhcp.leases")).toEqual([]);
    const second = bed.del("bridge", box, dhcpBridge());
    expect(second).toSucceed();
    expect(second.stderr).toBe("");
    expect(lan.kinds).not.toContain("release");
  });
});
