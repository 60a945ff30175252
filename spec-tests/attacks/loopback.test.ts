/**
 * With `route_localnet` on its bridge a pod could reach what listens on 127.0.0.1 of the host only;
 * a guard in the host's rules keeps it off. Somebody flushes all rules: who brings the guard back?
 */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { attack, kept, reached, services, type Way } from "../bed/loopback-service.ts";
import { backgroundInBed } from "../bed/paths.ts";
import { type Attached, attach, bridge, portmap, web } from "../bed/portmaps.ts";
import { world } from "../bed/ports.ts";

const config = portmap([web]);
const podWay = ({ box }: Pick<Attached, "box">, source = "10.1.2.2"): Way => ({
  from: box,
  link: "br0",
  host: "10.1.2.1",
  source,
});

const flush = (bed: Bed) => bed.host.sh("nft flush ruleset");
const opening = (bed: Bed) => bed.host.sysctl("net/ipv4/conf/br0/route_localnet");

/** A pod with a port of the host, so that its bridge has route_localnet; and nobody's rules. */
function flushed(bed: Bed): Attached {
  services(bed);
  const pod = attach(bed, config);
  flush(bed);
  expect(opening(bed)).toBe("1");
  return pod;
}

/** A program that owns the table: nobody else may change it while it runs. */
function ownTables(bed: Bed): void {
  const program = `
import signal, subprocess
signal.alarm(3600)
nft = subprocess.Popen(["nft", "-i"], stdin=subprocess.PIPE)
nft.stdin.write(b"add table inet weft { flags owner; }\\n")
nft.stdin.flush()
nft.wait()
`;
  bed.host.sh(`
    python3 -c '${program}' </dev/null >/dev/null 2>&1 &
    echo $! >>${backgroundInBed}`);
}

/** All that may bring the guard back, each by itself. */
const repairs: Readonly<Record<string, (bed: Bed, pod: Attached) => void>> = {
  "ADD of bridge": (bed) => {
    expect(bed.add("bridge", bed.container(), bridge)).toSucceed();
  },
  "DEL of bridge": (bed, { result }) => {
    const other = bed.container("other");
    expect(bed.del("bridge", other, { ...bridge, prevResult: result })).toSucceed();
  },
  "DEL of bridge without a result": (bed) => {
    expect(bed.del("bridge", bed.container("other"), bridge)).toSucceed();
  },
  "GC of bridge": (bed, { box }) => {
    expect(bed.gc("bridge", { ...bridge, ...allValid(box) })).toSucceed();
  },
  "ADD of portmap": (bed, { result }) => {
    const more = portmap([{ ...web, hostPort: 8081 }], { prevResult: result });
    expect(bed.add("portmap", bed.container("other"), more)).toSucceed();
  },
  "ADD of portmap without snat": (bed, { result }) => {
    const more = portmap([{ ...web, hostPort: 8081 }], { prevResult: result, snat: false });
    expect(bed.add("portmap", bed.container("other"), more)).toSucceed();
  },
  "ADD of portmap by iptables": (bed, { result }) => {
    const options = { prevResult: result, backend: "iptables" };
    const more = portmap([{ ...web, hostPort: 8081 }], options);
    expect(bed.add("portmap", bed.container("other"), more)).toSucceed();
  },
  "DEL of portmap": (bed, { result }) => {
    const other = bed.container("other");
    expect(bed.del("portmap", other, { ...config, prevResult: result })).toSucceed();
  },
  "DEL of portmap without ports": (bed, { result }) => {
    const other = bed.container("other");
    expect(bed.del("portmap", other, portmap([], { prevResult: result }))).toSucceed();
  },
  "GC of portmap": (bed, { box }) => {
    expect(bed.gc("portmap", { ...config, ...allValid(box) })).toSucceed();
  },
};

function allValid({ containerID }: Container): Config {
  return { "cni.dev/valid-attachments": [{ containerID, ifname: "eth0" }] };
}

describe("what listens on 127.0.0.1 of the host", () => {
  it("is reached by nobody while the guard stands", ({ bed }) => {
    services(bed);
    const pod = attach(bed, config);
    expect(opening(bed)).toBe("1");
    expect(attack(bed, podWay(pod))).toEqual(kept);
    expect(attack(bed, podWay(pod, "127.0.0.1"))).toEqual(kept);
  });

  it("is reached by a pod of the bridge once all rules are flushed, and by nobody else", ({
    bed,
  }) => {
    const pod = flushed(bed);
    expect(attack(bed, podWay(pod))).toEqual(reached);
    const way = { from: world(bed), link: "wan", host: "192.0.2.1", source: "192.0.2.9" };
    expect(attack(bed, way)).toEqual(kept);
    const neighbour = bed.container("elsewhere");
    const second = { ...bridge, name: "second", bridge: "br1" };
    const ipam = { type: "host-local", subnet: "10.1.3.0/24" };
    expect(bed.add("bridge", neighbour, { ...second, ipam })).toSucceed();
    flush(bed);
    expect(
      attack(bed, { from: neighbour, link: "br1", host: "10.1.3.1", source: "10.1.3.2" }),
    ).toEqual(kept);
    expect(attack(bed, podWay(pod))).toEqual(reached);
  });

  it.for(Object.keys(repairs))("is guarded again by the next %s", (repair, { bed }) => {
    const pod = flushed(bed);
    expect(attack(bed, podWay(pod))).toEqual(reached);
    repairs[repair]?.(bed, pod);
    expect(attack(bed, podWay(pod))).toEqual(kept);
    expect(attack(bed, podWay(pod, "127.0.0.1"))).toEqual(kept);
    expect(opening(bed)).toBe("1");
  });

  it("is guarded again if only the guard's rules went", ({ bed }) => {
    services(bed);
    const pod = attach(bed, config);
    bed.host.sh("nft flush chain inet weft martians");
    expect(attack(bed, podWay(pod))).toEqual(reached);
    expect(bed.add("bridge", bed.container(), bridge)).toSucceed();
    expect(attack(bed, podWay(pod))).toEqual(kept);
  });

  it.for(["ADD", "DEL", "GC"] as const)(
    "is closed by the next %s where no guard can be made, which is said",
    (command, { bed }) => {
      const pod = flushed(bed);
      ownTables(bed);
      bed.host.until("nft list tables | grep -q weft");
      const box = bed.container("other");
      const call = { command, container: box, config: { ...bridge, ...allValid(pod.box) } };
      const outcome = bed.exec("bridge", call);
      expect(outcome).toSucceed();
      expect(outcome.stderr).toMatch(/"br0".*127\.0\.0\.1/);
      expect(opening(bed)).toBe("0");
      expect(attack(bed, podWay(pod))).toEqual(kept);
    },
  );

  it("stays closed where route_localnet is 0: no call opens it, or makes a guard for it", ({
    bed,
  }) => {
    services(bed);
    const box = bed.container();
    expect(bed.add("bridge", box, bridge)).toSucceed();
    expect(opening(bed)).toBe("0");
    expect(bed.host.nft()).not.toContain("martians");
    expect(attack(bed, podWay({ box }))).toEqual(kept);
  });
});

describe("a missing guard", () => {
  it.for(["bridge", "portmap"])("is named by CHECK of %s", (type, { bed }) => {
    const { box, result } = flushed(bed);
    const given = type === "bridge" ? { ...bridge, ipMasq: false } : config;
    const { error } = bed.check(type, box, { ...given, prevResult: result });
    expect(error.code).toBe(104);
    if (type === "bridge") expect(error.msg).toMatch(/"br0".*"martians"/);
  });

  it("is named by CHECK of portmap by iptables", ({ bed }) => {
    const iptables = portmap([web], { backend: "iptables" });
    const { box, result } = attach(bed, iptables);
    bed.host.sh("nft delete chain inet weft martians");
    const { error } = bed.check("portmap", box, { ...iptables, prevResult: result });
    expect(error).toMatchObject({ code: 104 });
    expect(error.msg).toMatch(/"br0".*"martians"/);
  });

  it.for(["bridge", "portmap"])(
    "is named by STATUS of %s, which succeeds since the next ADD would mend it",
    (type, { bed }) => {
      flushed(bed);
      const outcome = bed.status(type, type === "bridge" ? bridge : config);
      expect(outcome).toMatchObject({ exitCode: 0, stdout: "" });
      expect(outcome.stderr).toMatch(/"br0".*"martians"/);
      expect(bed.host.nft()).not.toContain("martians");
      expect(bed.add("bridge", bed.container(), bridge)).toSucceed();
      expect(bed.status(type, type === "bridge" ? bridge : config).stderr).toBe("");
    },
  );
});
