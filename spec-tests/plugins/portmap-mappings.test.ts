/** Port mappings beside each other, and such as lead nowhere: what a pod's owner cannot help. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { attach, backends, bridge, dns, portmap, web } from "../bed/portmaps.ts";
import { ask, serve, world } from "../bed/ports.ts";

/** A bridge that gives addresses of one family only. */
function only(subnet: string): Config {
  return { ...bridge, ipam: { type: "host-local", ranges: [[{ subnet }]] } };
}

/** A container in such a network, and the call that gives it ports. */
function attachTo(bed: Bed, network: Config, config: Config) {
  const box = bed.container();
  const prevResult = new Chain(bed, [network]).add(box);
  return { box, call: { ...config, prevResult } };
}

const at = (hostIP: string, more: Config = {}) => ({ ...web, ...more, hostIP });

describe.for(backends)("%s", (backend) => {
  it.for([
    ["the same twice", [web, web]],
    ["twice in other letters", [web, { ...web, protocol: "TCP" }]],
    ["any address and the loopback", [web, at("127.0.0.1")]],
    ["an address and any", [at("192.0.2.1"), web]],
    ["any address, any of IPv6 and any of IPv4", [web, at("::"), at("0.0.0.0")]],
  ] as const)("one target is mapped once: %s", ([, mappings], { bed }) => {
    const { box, call } = attachTo(bed, bridge, portmap(mappings, { backend }));
    const alone = { ...call, ...portmap([web], { backend }) };
    bed.add("portmap", box, alone).result;
    const once = bed.snapshot();
    bed.del("portmap", box, alone);
    const gone = bed.snapshot();
    expect(bed.add("portmap", box, call)).toMatchObject({ exitCode: 0, stderr: "" });
    expect(bed.leftovers(once)).toEqual([]);
    expect(bed.check("portmap", box, call)).toSucceed();
    serve(box, "tcp", 80);
    expect(ask(bed.host, "127.0.0.1", 8080)).toBe("10.1.2.1");
    expect(bed.del("portmap", box, call)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(gone)).toEqual([]);
  });

  it.for([
    ["10.1.2.0/24", "fd99::1", "IPv6", "192.0.2.1"],
    ["10.1.2.0/24", "::", "IPv6", "192.0.2.1"],
    ["10.1.2.0/24", "::1", "nothing leads from there", "192.0.2.1"],
    ["fd00:2::/64", "192.0.2.1", "IPv4", "fd99::1"],
    ["fd00:2::/64", "::1", "nothing leads from there", "fd99::1"],
  ] as const)(
    "in %s a mapping at %s is left out, and that is said",
    ([subnet, lost, words, other], { bed }) => {
      const outside = world(bed);
      const mappings = [at(lost), at(other), dns];
      const { box, call } = attachTo(bed, only(subnet), portmap(mappings, { backend }));
      const run = bed.add("portmap", box, call);
      expect(run).toSucceed();
      expect(run.stderr).toMatch(/^portmap: runtimeConfig\.portMappings\[0\]: tcp port 8080/);
      expect(run.stderr).toContain(words);
      expect(run.stderr.trim().split("\n")).toHaveLength(1);
      serve(box, "tcp", 80);
      expect(ask(outside, other, 8080)).toMatch(/9$/);
      expect(bed.check("portmap", box, call)).toMatchObject({
        exitCode: 0,
        stdout: "",
        stderr: "",
      });
      expect(bed.del("portmap", box, call)).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
      const rules = bed.host.sh("nft list ruleset; iptables-save; ip6tables-save");
      expect(rules).not.toMatch(/8080|5353/);
    },
  );

  it("nothing but what leads nowhere is no mapping at all", ({ bed }) => {
    const { box, call } = attachTo(bed, only("10.1.2.0/24"), portmap([at("::1")], { backend }));
    const before = bed.snapshot();
    expect(bed.add("portmap", box, call)).toSucceed();
    expect(bed.leftovers(before)).toEqual([]);
    expect(bed.check("portmap", box, call)).toSucceed();
    expect(bed.del("portmap", box, call)).toSucceed();
  });

  it("a mapping at ::1 does not stand in the way of another target", ({ bed }) => {
    const mappings = [at("::1", { containerPort: 81 }), web];
    const { box, call } = attachTo(bed, bridge, portmap(mappings, { backend }));
    expect(bed.add("portmap", box, call)).toSucceed();
    serve(box, "tcp", 80);
    expect(ask(bed.host, "127.0.0.1", 8080)).toBe("10.1.2.1");
  });
});

it("a container of both families has a port at an address of each", ({ bed }) => {
  const outside = world(bed);
  const { box } = attach(bed, portmap([at("192.0.2.1"), at("fd99::1")]));
  serve(box, "tcp", 80);
  expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
  expect(ask(outside, "fd99::1", 8080)).toBe("fd99::9");
});
