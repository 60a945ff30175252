/**
 * What docs/other-tools.md promises to programs that read the rules of iptables: with the backend
 * "iptables" they find the ports of containers by the names and the words they look for.
 */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";

const bridge: Config = {
  cniVersion: "1.1.0",
  name: "net",
  type: "bridge",
  bridge: "br0",
  isDefaultGateway: true,
  ipam: { type: "host-local", ranges: [[{ subnet: "10.1.2.0/24" }]] },
};

const portMappings = [
  { hostPort: 8080, containerPort: 80, protocol: "tcp" },
  { hostPort: 8443, containerPort: 443, protocol: "tcp" },
  { hostPort: 8081, containerPort: 80, protocol: "tcp", hostIP: "127.0.0.1" },
  { hostPort: 5353, containerPort: 53, protocol: "udp" },
];

/** The rules of the table nat as the tools get them, by `iptables -t nat -S`. */
function rulesOf(bed: Bed, more: Config): readonly string[] {
  const { cniVersion, name } = bridge;
  const portmap = { cniVersion, name, type: "portmap", runtimeConfig: { portMappings }, ...more };
  new Chain(bed, [bridge, portmap]).add(bed.container());
  return bed.host.sh("iptables -t nat -S").trimEnd().split("\n");
}

/** A port search reads the lists of ports in one chain. */
function takenPorts(rules: readonly string[]): readonly number[] {
  return rules
    .filter((rule) => rule.startsWith("-A CNI-HOSTPORT-DNAT "))
    .flatMap((rule) => (/ --dports (\S+) /.exec(rule)?.[1] ?? "").split(","))
    .map(Number);
}

/** A forwarder reads the rules of containers' chains, in which port and target stand side by side. */
function forwardedPorts(rules: readonly string[]): readonly string[] {
  const one = /^-A CNI-DN-\w+ (?:-d (\S+)\/32 )?-p (\w+) .*--dport (\d+) -j DNAT /;
  return rules.flatMap((rule) => {
    const [, address = "0.0.0.0", protocol, port] = one.exec(rule) ?? [];
    return port === undefined ? [] : [`${protocol} ${address}:${port}`];
  });
}

describe("with the backend iptables", () => {
  it("a search for free ports finds those that are taken", ({ bed }) => {
    expect(takenPorts(rulesOf(bed, { backend: "iptables" }))).toEqual([8080, 8443, 8081, 5353]);
  });

  it("a forwarder finds address and port of every mapping", ({ bed }) => {
    expect(forwardedPorts(rulesOf(bed, { backend: "iptables" }))).toEqual([
      "tcp 0.0.0.0:8080",
      "tcp 0.0.0.0:8443",
      "tcp 127.0.0.1:8081",
      "udp 0.0.0.0:5353",
    ]);
  });
});

describe("with the backend nftables", () => {
  it("they find nothing, for which the page says what to do", ({ bed }) => {
    const rules = rulesOf(bed, { backend: "nftables" });
    expect([...takenPorts(rules), ...forwardedPorts(rules)]).toEqual([]);
    expect(bed.host.nft()).toContain("hostports4-any");
  });
});
