/** The firewall plugin: packets pass or do not, and what is left is what was before. */
import { describe, expect } from "vitest";
import { Chain } from "../bed/chain.ts";
import { sharedBy } from "../bed/difference.ts";
import { fakeFirewalld } from "../bed/firewalld.ts";
import { it } from "../bed/it.ts";
import { attach, dropped, network, passes, reaches } from "../bed/networks.ts";
import { ask, serve, world } from "../bed/ports.ts";
import { vanish } from "../bed/vanish.ts";

describe("ingressPolicy", () => {
  it("open lets everybody through", ({ bed }) => {
    const [one, two] = [network(1), network(2)];
    const [first, second] = [attach(bed, one).box, attach(bed, two).box];
    attach(bed, one);
    expect(reaches(first, 2, 2)).toEqual(passes);
    expect(reaches(second, 1, 2)).toEqual(passes);
    expect(reaches(first, 1, 3)).toEqual(passes);
  });

  it("same-bridge keeps bridges apart, but not from the world or from open ones", ({ bed }) => {
    const policy = { ingressPolicy: "same-bridge" };
    const [one, two, open] = [network(1, policy), network(2, policy), network(3)];
    const [first, third] = [attach(bed, one).box, attach(bed, open).box];
    attach(bed, one);
    attach(bed, two);
    expect(reaches(first, 2, 2)).toEqual(dropped);
    expect(reaches(first, 1, 3)).toEqual(passes);
    expect(reaches(third, 1, 2)).toEqual(passes);
    expect(reaches(first, 3, 2)).toEqual(passes);
  });

  it("isolated keeps the containers of a bridge apart as well", ({ bed }) => {
    const policy = { ingressPolicy: "isolated" };
    const [one, open] = [network(1, policy), network(3)];
    const [first, third] = [attach(bed, one).box, attach(bed, open).box];
    attach(bed, one);
    expect(reaches(first, 1, 3)).toEqual(dropped);
    expect(reaches(first, 1, 1)).toEqual(passes);
    expect(reaches(third, 1, 2)).toEqual(passes);
  });

  it("isolated and same-bridge are isolated from each other", ({ bed }) => {
    const first = attach(bed, network(1, { ingressPolicy: "isolated" })).box;
    const second = attach(bed, network(2, { ingressPolicy: "same-bridge" })).box;
    expect(reaches(first, 2, 2)).toEqual(dropped);
    expect(reaches(second, 1, 2)).toEqual(dropped);
  });

  it("ends with the last attachment of a bridge, not before", ({ bed }) => {
    const policy = { ingressPolicy: "isolated" };
    const [one, two] = [network(1, policy), network(2, policy)];
    const before = bed.snapshot();
    const [first, second, other] = [attach(bed, one), attach(bed, one), attach(bed, two)];
    new Chain(bed, one).del(second.box, second.result);
    expect(reaches(first.box, 2, 2)).toEqual(dropped);
    expect(bed.host.nft()).toContain('"br1"');
    new Chain(bed, one).del(first.box, first.result);
    expect(bed.host.nft()).not.toContain("br1");
    expect(bed.host.nft()).toContain("br2");
    new Chain(bed, two).del(other.box, other.result);
    expect(bed.host.nft()).not.toMatch(/br\d|to-any|isolated \{$\n.*drop/m);
    const left = bed.leftovers(before, sharedBy(one[0]));
    expect(left.filter((line) => line.includes("nft"))).toEqual([]);
  });

  it("needs a bridge in prevResult, and changes nothing without", ({ bed }) => {
    const prevResult = { cniVersion: "1.1.0", interfaces: [{ name: "uplink" }], ips: [] };
    const before = bed.snapshot();
    for (const ingressPolicy of ["same-bridge", "isolated"]) {
      const config = { ...network(1, { ingressPolicy })[1], prevResult };
      const { error } = bed.add("firewall", bed.container(`x${ingressPolicy}`), config);
      expect(error).toMatchObject({ code: 7, msg: expect.stringContaining("uplink") });
    }
    expect(bed.leftovers(before).filter((line) => line.includes("nft"))).toEqual([]);
  });
});

describe("a FORWARD policy of DROP, as Docker and ufw set it", () => {
  const drop = "for i in iptables ip6tables; do $i -P FORWARD DROP; done";

  it("does not stop what the plugin accepts, and iptables -S lists why", ({ bed }) => {
    const outside = bed.outside();
    bed.host.sh(drop);
    const plugins = network(1);
    const [bridge] = plugins;
    const plain = attach(bed, [bridge]);
    outside.sh(
      "ip route add 10.1.1.0/24 via 203.0.113.1; ip route add fd00:1::/64 via 2001:db8:ffff::1",
    );
    expect(plain.box.ping("203.0.113.2")).toBe(false);
    const { box, result } = attach(bed, plugins);
    expect([box.ping("203.0.113.2"), box.ping("2001:db8:ffff::2")]).toEqual(passes);
    expect(bed.host.sh("iptables -S CNI-FORWARD")).toContain("-s 10.1.1.3/32");
    expect(bed.host.sh("ip6tables -S CNI-FORWARD")).toContain("-s fd00:1::3/128");
    new Chain(bed, plugins).del(box, result);
    expect(bed.host.sh("iptables -S; ip6tables -S")).not.toMatch(/10\.1\.1\.3|fd00:1::3/);
  });

  it("lets the world reach a container by a port of the host, and not past it", ({ bed }) => {
    const outside = world(bed);
    bed.host.sh(drop);
    const [bridge, firewall] = network(1);
    const { cniVersion, name } = bridge;
    const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }];
    const portmap = { cniVersion, name, type: "portmap", runtimeConfig: { portMappings } };
    const { box } = attach(bed, [bridge, portmap, firewall]);
    serve(box, "tcp", 80);
    expect(ask(outside, "192.0.2.1", 8080)).toBe("192.0.2.9");
    expect(ask(outside, "fd99::1", 8080)).toBe("fd99::9");
    expect(ask(outside, "10.1.1.2", 80)).toBe("");
    expect(ask(outside, "fd00:1::2", 80)).toBe("");
  });

  it("comes with isolation all the same", ({ bed }) => {
    bed.host.sh(drop);
    const policy = { ingressPolicy: "same-bridge" };
    const first = attach(bed, network(1, policy)).box;
    attach(bed, network(2, policy));
    attach(bed, network(3));
    expect(reaches(first, 2, 2)).toEqual(dropped);
    expect(reaches(first, 3, 2)).toEqual(passes);
  });

  it("set after ADD is found by CHECK, and not mended by it", ({ bed }) => {
    const plugins = network(1);
    const { box, result } = attach(bed, plugins);
    const config = { ...plugins[1], prevResult: result };
    expect(bed.check("firewall", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
    bed.host.sh(drop);
    const before = bed.snapshot();
    expect(bed.check("firewall", box, config).error).toMatchObject({ code: 104 });
    expect(bed.leftovers(before)).toEqual([]);
    expect(bed.add("firewall", box, config)).toSucceed();
    expect(bed.check("firewall", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
  });

  it("Docker's chain alone is enough to go by way of iptables", ({ bed }) => {
    bed.host.sh("iptables -N DOCKER-USER");
    attach(bed, network(1));
    expect(bed.host.sh("iptables -S CNI-FORWARD")).toContain("-s 10.1.1.2/32");
    expect(bed.host.sh("ip6tables -S")).not.toContain("CNI-FORWARD");
  });
});

describe.each(["nftables", "iptables"])("backend %s", (backend) => {
  const policy = { backend, ingressPolicy: "isolated" };

  it("leaves nothing: DEL with, without and with foreign prevResult, twice", ({ bed }) => {
    const plugins = network(1, policy);
    const before = bed.snapshot();
    const results = [attach(bed, plugins), attach(bed, plugins), attach(bed, plugins)];
    const [first, second, third] = results;
    const foreign = second?.result;
    for (const [which, prevResult] of [
      [first, first?.result],
      [third, foreign],
      [second, undefined],
    ] as const) {
      if (which === undefined) throw new Error("no container");
      expect(bed.del("firewall", which.box, { ...plugins[1], prevResult })).toSucceed();
      if (which === third) {
        const config = { ...plugins[1], prevResult: second?.result };
        expect(bed.check("firewall", second?.box ?? which.box, config)).toSucceed();
      }
      for (const run of new Chain(bed, plugins).del(which.box, prevResult)) {
        expect(run).toMatchObject({ exitCode: 0, stdout: "" });
      }
    }
    const rules = bed.host.sh("nft list ruleset; iptables -S; ip6tables -S");
    expect(rules).not.toMatch(/br1|10\.1\.1\.|fd00:1:/);
    const left = bed.leftovers(before, sharedBy(plugins[0]));
    expect(left.filter((line) => / (element|rule) /.test(line) && line.includes("weft"))).toEqual(
      [],
    );
  });

  it("CHECK finds each thing that is gone, and changes nothing", ({ bed }) => {
    const plugins = network(1, policy);
    const { box, result } = attach(bed, plugins);
    const config = { ...plugins[1], prevResult: result };
    const joined =
      "bridge link set dev $(ip -o link show master br1 | cut -d' ' -f2 | cut -d@ -f1) isolated off";
    const damages =
      backend === "iptables"
        ? [
            "eval iptables $(iptables -S CNI-FORWARD | sed -n 's/^-A \\(.* -s 10.1.1.2.*\\)/-D \\1/p')",
            joined,
            "ip6tables -F CNI-FORWARD",
            "iptables -F FORWARD",
            "iptables -F CNI-ISOLATION-STAGE-1",
            "iptables -F CNI-ISOLATION-STAGE-2",
          ]
        : [
            "nft delete element inet weft forward4 { 10.1.1.2 }",
            "nft flush map inet weft forward6",
            "nft flush chain inet weft forward",
            "nft flush chain inet weft to-br1-isolated",
            "nft flush set inet weft isolated",
            "nft flush map bridge weft isolated-ports",
            joined,
            "nft flush chain bridge weft forward",
            "nft flush ruleset",
          ];
    for (const damage of damages) {
      expect(bed.check("firewall", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
      bed.host.sh(damage);
      const before = bed.snapshot();
      expect([damage, bed.check("firewall", box, config).error]).toMatchObject([
        damage,
        { code: 104 },
      ]);
      expect(bed.leftovers(before)).toEqual([]);
      bed.add("firewall", box, config).result;
    }
  });

  it("GC removes what belongs to no valid attachment of the network", ({ bed }) => {
    const [one, two] = [network(1, policy), network(2, policy)];
    const [kept, , other] = [attach(bed, one), attach(bed, one), attach(bed, two)];
    const valid = [{ containerID: kept.box.containerID, ifname: kept.box.ifName }];
    const run = bed.gc("firewall", { ...one[1], "cni.dev/valid-attachments": valid });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    const rules = bed.host.sh("nft list ruleset; iptables -S; ip6tables -S");
    expect(rules).not.toMatch(/10\.1\.1\.3\b|fd00:1::3\b/);
    for (const [config, { box, result }] of [
      [one[1], kept],
      [two[1], other],
    ] as const) {
      const again = bed.check("firewall", box, { ...config, prevResult: result });
      expect(again).toMatchObject({ exitCode: 0, stdout: "" });
    }
  });

  it("an address changes hands without DEL", ({ bed }) => {
    const config = { ...network(1, { backend })[1] };
    const prevResult = { cniVersion: "1.1.0", ips: [{ address: "10.1.1.9/24" }] };
    const [lost, next] = [bed.container("lost"), bed.container("next")];
    bed.add("firewall", lost, { ...config, prevResult }).result;
    vanish(bed, lost);
    bed.add("firewall", next, { ...config, prevResult }).result;
    bed.del("firewall", lost, { ...config, prevResult }, { env: { CNI_NETNS: "" } });
    const run = bed.check("firewall", next, { ...config, prevResult });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
  });
});

describe("the iptables backend", () => {
  it("has the chains of the reference plugin, and the administrator's first", ({ bed }) => {
    const policy = { backend: "iptables", iptablesAdminChainName: "MY-ADMIN" };
    const [first] = [attach(bed, network(1, { ...policy, ingressPolicy: "same-bridge" })).box];
    attach(bed, network(2, { ...policy, ingressPolicy: "same-bridge" }));
    attach(bed, network(3, policy));
    expect(reaches(first, 2, 2)).toEqual(dropped);
    expect(reaches(first, 3, 2)).toEqual(passes);
    const [, top = "", next = ""] = bed.host.sh("iptables -S FORWARD").split("\n");
    expect(top).toMatch(/-j CNI-ISOLATION-STAGE-1$/);
    expect(next).toMatch(/-j CNI-FORWARD$/);
    bed.host.sh("iptables -A MY-ADMIN -d 10.1.3.2 -j DROP");
    expect(reaches(first, 3, 2)).toEqual([false, true]);
  });

  it("takes away what the reference plugin added", ({ bed }) => {
    const config = { ...network(1, { backend: "iptables" })[1], cniVersion: "1.0.0" };
    const prevResult = { cniVersion: "1.0.0", ips: [{ address: "10.1.1.9/24" }] };
    const box = bed.container();
    const from = "/usr/lib/cni";
    bed.exec("firewall", {
      command: "ADD",
      container: box,
      config: { ...config, prevResult },
      from,
    }).result;
    expect(bed.check("firewall", box, { ...config, prevResult })).toSucceed();
    bed.del("firewall", box, { ...config, prevResult });
    expect(bed.host.sh("iptables -S")).not.toContain("10.1.1.9");
  });
});

describe("the firewalld backend", () => {
  const config = { ...network(1, { backend: "firewalld" })[1] };
  const ips = [{ address: "10.1.1.9/24" }, { address: "fd00:1::9/64" }];
  const prevResult = { cniVersion: "1.1.0", ips };
  const both = ["trusted 10.1.1.9/32", "trusted fd00:1::9/128"];

  it("binds every address to the zone, twice without harm, and frees them", ({ bed }) => {
    const { options, sources } = fakeFirewalld(bed);
    const box = bed.container();
    for (let i = 0; i < 2; i++) bed.add("firewall", box, { ...config, prevResult }, options).result;
    expect(sources()).toEqual(both);
    bed.del("firewall", box, config, options);
    expect(sources()).toEqual([]);
    expect(bed.del("firewall", box, config, options)).toMatchObject({ exitCode: 0, stderr: "" });
  });

  it("uses the zone it is given", ({ bed }) => {
    const { options, sources } = fakeFirewalld(bed);
    const own = { ...config, prevResult, firewalldZone: "pods" };
    bed.add("firewall", bed.container(), own, options).result;
    expect(sources()).toEqual(["pods 10.1.1.9/32", "pods fd00:1::9/128"]);
  });

  it("CHECK reads the answer, so a reload that forgot the addresses is found", ({ bed }) => {
    const { options, reload, sources } = fakeFirewalld(bed);
    const box = bed.container();
    bed.add("firewall", box, { ...config, prevResult }, options).result;
    const check = () => bed.check("firewall", box, { ...config, prevResult }, options);
    expect(check()).toMatchObject({ exitCode: 0, stdout: "" });
    reload();
    expect(check().error).toMatchObject({ code: 104, msg: expect.stringContaining("10.1.1.9/32") });
    expect(sources()).toEqual([]);
  });

  it("a late DEL leaves an address to its next owner, and GC frees it", ({ bed }) => {
    const { options, sources } = fakeFirewalld(bed);
    const [lost, next] = [bed.container("lost"), bed.container("next")];
    bed.add("firewall", lost, { ...config, prevResult }, options).result;
    vanish(bed, lost);
    bed.add("firewall", next, { ...config, prevResult }, options).result;
    bed.del("firewall", lost, { ...config, prevResult }, options);
    expect(sources()).toEqual(both);
    bed.gc("firewall", { ...config, "cni.dev/valid-attachments": [] }, options);
    expect(sources()).toEqual([]);
  });

  it("is used of its own accord where firewalld has rules and runs", ({ bed }) => {
    const { options, sources, stop } = fakeFirewalld(bed);
    const auto = { ...network(1)[1], prevResult };
    const box = bed.container();
    bed.add("firewall", box, auto, options).result;
    expect(sources()).toEqual([]);
    bed.host.sh("nft add table inet firewalld");
    bed.add("firewall", box, auto, options).result;
    expect(sources()).toEqual(both);
    stop();
    const other = { cniVersion: "1.1.0", ips: [{ address: "10.1.1.10/24" }] };
    const run = bed.add("firewall", bed.container("two"), { ...auto, prevResult: other }, options);
    expect(run).toSucceed();
    expect(sources()).toEqual(both);
  });

  it("that does not run is named by STATUS and ADD, and ADD leaves nothing", ({ bed }) => {
    const { options, stop } = fakeFirewalld(bed);
    expect(bed.status("firewall", config, options)).toMatchObject({ exitCode: 0, stdout: "" });
    stop();
    const { error } = bed.status("firewall", config, options);
    expect(error).toMatchObject({ code: 50, msg: expect.stringContaining("not running") });
    const nowhere = { env: { PATH: bed.folder("empty") } };
    const run = bed.add("firewall", bed.container(), { ...config, prevResult }, nowhere);
    expect(run.error.msg).toContain('"busctl" is not installed');
    expect(bed.host.nft()).not.toContain("10.1.1.9");
  });
});

describe("names of backends", () => {
  it("ip6tables is iptables", ({ bed }) => {
    const plugins = network(1, { backend: "ip6tables" });
    const { box, result } = attach(bed, plugins);
    expect(bed.host.sh("iptables -S CNI-FORWARD")).toContain("-s 10.1.1.2/32");
    expect(bed.host.nft()).not.toContain("map forward4");
    const run = bed.check("firewall", box, { ...plugins[1], prevResult: result });
    expect(run).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
  });

  it.for(["ipfw", "IPTABLES", "none"])(
    "%s is as good as none, and that is said",
    (name, { bed }) => {
      const [bridge, firewall] = network(1, { backend: name });
      const box = bed.container();
      const prevResult = new Chain(bed, [bridge]).add(box);
      const config = { ...firewall, prevResult };
      const run = bed.add("firewall", box, config);
      expect(run).toSucceed();
      expect(run.stderr).toContain(`"${name}" is unknown`);
      expect(run.stderr).toContain("nftables, iptables, firewalld");
      expect(bed.host.nft()).toMatch(/map forward4 \{[^}]*10\.1\.1\.2 /);
      expect(bed.check("firewall", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
      expect(bed.del("firewall", box, config)).toMatchObject({
        exitCode: 0,
        stdout: "",
        stderr: "",
      });
      expect(bed.host.nft()).not.toMatch(/10\.1\.1\.2 /);
    },
  );

  it("weft validate tells that one is unknown", ({ bed }) => {
    const file = `${bed.folder("lists")}/pods.conflist`;
    const plugins = network(1, { backend: "iptable" });
    bed.write(file, JSON.stringify({ cniVersion: "1.1.0", name: "net1", plugins }));
    const said = bed.host.sh(`${bed.bin}/weft validate ${file} 2>&1`);
    expect(said).toContain('"iptable" is unknown');
    expect(said).toContain("nftables, iptables, firewalld");
  });
});

describe("what cannot be", () => {
  it.for([
    ["backend", 7],
    ["ingressPolicy", "closed"],
    ["iptablesAdminChainName", "a b"],
    ["iptablesAdminChainName", "-j"],
    ["firewalldZone", "--help me"],
  ] as const)("%s %j is refused before anything is changed", ([key, value], { bed }) => {
    const prevResult = { cniVersion: "1.1.0", ips: [{ address: "10.1.1.9/24" }] };
    const config = { ...network(1)[1], prevResult, [key]: value };
    const box = bed.container();
    const before = bed.snapshot();
    const { error } = bed.add("firewall", box, config);
    expect(error).toMatchObject({ code: 7, msg: expect.stringContaining(key) });
    expect(bed.del("firewall", box, config)).toSucceed();
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("addresses of the host's own links are not the attachment's", ({ bed }) => {
    const prevResult = {
      cniVersion: "1.1.0",
      interfaces: [{ name: "br1" }, { name: "eth0", sandbox: "/run/netns/box1" }],
      ips: [
        { address: "10.1.1.1/24", interface: 0 },
        { address: "10.1.1.2/24", interface: 1 },
      ],
    };
    bed.add("firewall", bed.container(), { ...network(1)[1], prevResult }).result;
    expect(bed.host.nft()).toContain("10.1.1.2");
    expect(bed.host.nft()).not.toContain("10.1.1.1 ");
  });

  it("iptables that is not installed is named, and ADD leaves nothing", ({ bed }) => {
    const prevResult = { cniVersion: "1.1.0", ips: [{ address: "10.1.1.9/24" }] };
    const config = { ...network(1, { backend: "iptables" })[1], prevResult };
    const options = { env: { PATH: bed.folder("empty") } };
    for (const run of [
      bed.add("firewall", bed.container(), config, options),
      bed.status("firewall", config, options),
    ]) {
      expect(run.error.msg).toContain('"iptables-restore"');
      expect(run.error.msg).toContain("not installed in any directory of PATH (/run/bed/empty)");
    }
  });
});
