/**
 * What listens on 127.0.0.1 of the host, and pods of ptp: portmap sets `route_localnet` on the host's
 * end of the pair. Somebody flushes all rules: who brings the guard back?
 */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { attack, kept, reached, services } from "../bed/loopback-service.ts";
import { portmap, web } from "../bed/portmaps.ts";
import { connect, connectChain, forGc, ptp } from "../bed/ptp.ts";

type Pod = ReturnType<typeof connectChain>;

const opening = (bed: Bed, end: string) => bed.host.sysctl(`net/ipv4/conf/${end}/route_localnet`);

/** What comes to the host from a pod that sends to 127.0.0.1 by the hardware address of its gateway. */
function attackFrom(bed: Bed, { box, end }: Pick<Pod, "box" | "end">, source = "10.1.2.2") {
  return attack(bed, { from: box, link: end, host: "10.1.2.1", source });
}

const config = portmap([web]);

/** A pod with a port of the host, so that its host end is open; and nobody's rules. */
function flushed(bed: Bed): Pod {
  services(bed);
  const pod = connectChain(bed, [config]);
  bed.host.sh("nft flush ruleset");
  expect(opening(bed, pod.end)).toBe("1");
  return pod;
}

const repairs: Readonly<Record<string, (bed: Bed, pod: Pod) => void>> = {
  "GC of ptp": (bed, { box }) => expect(bed.gc("ptp", forGc([box]))).toSucceed(),
  "GC of portmap": (bed, { box }) => expect(bed.gc("portmap", forGc([box], config))).toSucceed(),
  "ADD of portmap": (bed) => {
    const more = portmap([{ ...web, hostPort: 8081 }]) as Config;
    connectChain(bed, [more]);
  },
  "DEL of portmap": (bed, { result }) => {
    const run = bed.del("portmap", bed.container("other"), { ...config, prevResult: result });
    expect(run).toSucceed();
  },
};

describe("what listens on 127.0.0.1 of the host", () => {
  it("is reached by no pod of ptp while the guard stands", ({ bed }) => {
    services(bed);
    const pod = connectChain(bed, [config]);
    expect(opening(bed, pod.end)).toBe("1");
    expect(attackFrom(bed, pod)).toEqual(kept);
    expect(attackFrom(bed, pod, "127.0.0.1")).toEqual(kept);
  });

  it("is reached once all rules are flushed, by the pod whose host end is open only", ({ bed }) => {
    const pod = flushed(bed);
    const other = connect(bed);
    expect(opening(bed, other.end)).toBe("0");
    bed.host.sh("nft flush ruleset");
    expect(attackFrom(bed, pod)).toEqual(reached);
    expect(attackFrom(bed, other, "10.1.2.3")).toEqual(kept);
  });

  it.for(Object.keys(repairs))("is guarded again by the next %s", (repair, { bed }) => {
    const pod = flushed(bed);
    expect(attackFrom(bed, pod)).toEqual(reached);
    repairs[repair]?.(bed, pod);
    expect(attackFrom(bed, pod)).toEqual(kept);
    expect(opening(bed, pod.end)).toBe("1");
  });

  it("is guarded where every new link of the host is open", ({ bed }) => {
    services(bed);
    bed.host.sh("echo 1 >/proc/sys/net/ipv4/conf/default/route_localnet");
    const pod = connect(bed);
    expect(opening(bed, pod.end)).toBe("1");
    expect(attackFrom(bed, pod)).toEqual(kept);
    bed.host.sh("nft flush ruleset");
    expect(attackFrom(bed, pod)).toEqual(reached);
  });

  it("stays closed where route_localnet is 0: no call opens it, or makes a guard for it", ({
    bed,
  }) => {
    services(bed);
    const pod = connect(bed);
    expect(bed.gc("ptp", forGc([pod.box]))).toSucceed();
    expect(opening(bed, pod.end)).toBe("0");
    expect(bed.host.nft()).not.toContain("martians");
    expect(attackFrom(bed, pod)).toEqual(kept);
  });
});

describe("a missing guard", () => {
  it("is named by CHECK of ptp", ({ bed }) => {
    const { box, end, result } = flushed(bed);
    const { error } = bed.check("ptp", box, { ...ptp, prevResult: result });
    expect(error.code).toBe(104);
    expect(error.msg).toMatch(new RegExp(`"${end}".*"martians"`));
  });

  it.for(["ptp", "portmap"])("is named by STATUS of %s, which succeeds", (type, { bed }) => {
    const { end } = flushed(bed);
    const outcome = bed.status(type, type === "ptp" ? ptp : config);
    expect(outcome).toMatchObject({ exitCode: 0, stdout: "" });
    expect(outcome.stderr).toMatch(new RegExp(`"${end}".*"martians"`));
    expect(bed.host.nft()).not.toContain("martians");
  });
});
