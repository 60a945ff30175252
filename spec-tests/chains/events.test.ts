/** What others do to the host's rules while containers run, and what is left of ours. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { ask, serve } from "../bed/ports.ts";

/** Masquerade and firewall, each by one backend. */
function plugins(backend: string): readonly [Config, Config] {
  const base = { cniVersion: "1.1.0", name: "net" };
  const ipam = { type: "host-local", subnet: "10.1.1.0/24" };
  const bridge = { bridge: "br1", isDefaultGateway: true, ipMasq: true, ipMasqBackend: backend };
  return [
    { ...base, type: "bridge", ipam, ...bridge },
    { ...base, type: "firewall", backend, ingressPolicy: "isolated" },
  ];
}

/** Two attachments: the older and the one that repairs are not the same. */
function attached(bed: Bed, backend: string) {
  const [bridge, firewall] = plugins(backend);
  const box = bed.container();
  const prevResult = new Chain(bed, [bridge, firewall]).add(box);
  const faults = (next = box, result = prevResult) =>
    [bridge, firewall].map((plugin) => {
      const run = bed.check(String(plugin.type), next, { ...plugin, prevResult: result });
      return run.exitCode === 0 ? "fine" : `${run.error.code}`;
    });
  return { box, prevResult, faults, plugins: [bridge, firewall] };
}

const flushes = "iptables -F; iptables -t nat -F; ip6tables -F; ip6tables -t nat -F";

/** As firewalld 1.3.3 does it: its own table anew, and nothing left in those of iptables. */
const reload = `
for i in iptables ip6tables; do
  for table in filter nat; do $i -t $table -F; $i -t $table -X; done
  $i -P FORWARD ACCEPT
done
nft -f - <<'X'
add table inet firewalld
delete table inet firewalld
table inet firewalld {
  chain filter_FORWARD {
    type filter hook forward priority filter + 10
  }
}
X`;

describe("rules by nftables", () => {
  it.for([
    ["iptables -F, of all tables", flushes],
    ["a reload of firewalld", reload],
  ] as const)("survive %s", ([, event], { bed }) => {
    const outside = bed.outside();
    const { box, faults } = attached(bed, "nftables");
    bed.host.sh("iptables -S; iptables -t nat -S; ip6tables -S");
    bed.host.sh(event);
    expect(faults()).toEqual(["fine", "fine"]);
    expect(box.ping("203.0.113.2")).toBe(true);
    expect(outside.links()).toContain("wire");
  });

  it("do not survive nft flush ruleset: CHECK says so, the next ADD works", ({ bed }) => {
    bed.outside();
    const { box, faults, plugins: list } = attached(bed, "nftables");
    expect(box.ping("203.0.113.2")).toBe(true);
    bed.host.sh("nft flush ruleset");
    expect(faults()).toEqual(["104", "104"]);
    expect(box.ping("203.0.113.2")).toBe(false);

    const next = bed.container();
    const result = new Chain(bed, list).add(next);
    expect(faults(next, result)).toEqual(["fine", "fine"]);
    expect(next.ping("203.0.113.2")).toBe(true);
    expect(faults()).toEqual(["104", "104"]);
  });

  it("of an attachment that lost them go with DEL as if they were there", ({ bed }) => {
    const { box, prevResult, plugins: list } = attached(bed, "nftables");
    bed.host.sh("nft flush ruleset");
    for (const run of new Chain(bed, list).del(box, prevResult)) {
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    }
    expect(bed.host.nft()).toBe("");
  });

  it("whose shared chains lost their rules get them back by the next ADD, for all", ({ bed }) => {
    bed.outside();
    const { box, faults, plugins: list } = attached(bed, "nftables");
    bed.host.sh("nft flush chain inet weft forward; nft flush chain inet weft postrouting");
    bed.host.sh("nft flush chain bridge weft forward; nft flush set inet weft isolated");
    expect(faults()).toEqual(["104", "104"]);
    new Chain(bed, list).add(bed.container());
    expect(faults()).toEqual(["fine", "fine"]);
    expect(box.ping("203.0.113.2")).toBe(true);
  });
});

describe("rules by iptables", () => {
  it.for([
    ["iptables -F", flushes],
    ["a reload of firewalld", reload],
    ["nft flush ruleset", "nft flush ruleset"],
  ] as const)("do not survive %s: CHECK says so, the next ADD works", ([, event], { bed }) => {
    bed.outside();
    const { box, faults, plugins: list } = attached(bed, "iptables");
    expect(box.ping("203.0.113.2")).toBe(true);
    bed.host.sh(event);
    expect(faults()).toEqual(["104", "104"]);
    expect(box.ping("203.0.113.2")).toBe(false);

    const next = bed.container();
    const result = new Chain(bed, list).add(next);
    expect(faults(next, result)).toEqual(["fine", "fine"]);
    expect(next.ping("203.0.113.2")).toBe(true);
  });
});

describe.for(["nftables", "iptables"])("ports of the host by %s", (backend) => {
  /** A container on a bridge, and what tells whether its port of the host is one. */
  function mapped(bed: Bed, hostPort: number) {
    const [bridge] = plugins(backend);
    const portMappings = [{ hostPort, containerPort: 80, protocol: "tcp" }];
    const { cniVersion, name } = bridge;
    const portmap = { cniVersion, name, type: "portmap", backend, runtimeConfig: { portMappings } };
    const box = bed.container();
    const prevResult = new Chain(bed, [bridge, portmap]).add(box);
    serve(box, "tcp", 80);
    return {
      isReached: () => ask(bed.host, "127.0.0.1", hostPort) !== "",
      check: () => bed.check("portmap", box, { ...portmap, prevResult }).exitCode,
    };
  }

  const gentle = [flushes, reload];
  const survived = backend === "nftables" ? gentle : [];
  const lost = ["nft flush ruleset", ...(backend === "nftables" ? [] : gentle)];

  it.for(survived)("survive %s", (event, { bed }) => {
    const { isReached, check } = mapped(bed, 8080);
    bed.host.sh("iptables -S; iptables -t nat -S; ip6tables -S");
    bed.host.sh(event);
    expect([isReached(), check()]).toEqual([true, 0]);
  });

  it.for(lost)("do not survive %s: CHECK says so, the next ADD works", (event, { bed }) => {
    const first = mapped(bed, 8080);
    expect([first.isReached(), first.check()]).toEqual([true, 0]);
    bed.host.sh(event);
    expect([first.isReached(), first.check()]).toEqual([false, 1]);
    const second = mapped(bed, 8081);
    expect([second.isReached(), second.check()]).toEqual([true, 0]);
    const guard = "nft list chain inet weft martians";
    expect(bed.host.sh(guard)).toContain("127.0.0.0/8 drop");
  });
});
