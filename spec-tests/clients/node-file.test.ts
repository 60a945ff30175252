/** /etc/cni/weft.json: what holds for all networks of a node, where their configurations do not say. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import { bridge, masqueraded } from "../bed/configs.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { nodeFile, ownEtc, writeNodeFile } from "../bed/node-file.ts";

const subnet = "10.1.2.0/24";
const net = masqueraded(subnet);
const web = { hostPort: 8080, containerPort: 80, protocol: "tcp" };

function plugin(type: string, more: Config = {}): Config {
  return { cniVersion: "1.1.0", name: "net", type, ...more };
}

function portmap(more: Config = {}): Config {
  return plugin("portmap", { runtimeConfig: { portMappings: [web] }, ...more });
}

/** Lines of the programs of iptables that are about a container's addresses or ports. */
function byIptables(bed: Bed): readonly string[] {
  const rules = bed.host.sh("iptables-save").split("\n");
  return rules.filter((line) => /^-A .*(10\.1\.2\.[2-9]|8080)/.test(line));
}

/** Elements of the suite's own nf_tables that bear an owner. */
function byNftables(bed: Bed): boolean {
  return / comment ".*net /.test(
    bed.host.nft().replaceAll(/table ip6? (nat|filter) \{[\s\S]*?^\}/gm, ""),
  );
}

describe("the backend of a node", () => {
  it.for([
    ["masquerade of bridge", [net], /POSTROUTING/],
    ["ports of portmap", [bridge(subnet), portmap()], /DNAT/],
    ["forwarding of firewall", [bridge(subnet), plugin("firewall")], /FORWARD/],
  ] as const)("is that of %s, and DEL leaves nothing of it", ([, plugins, rule], { bed }) => {
    ownEtc(bed);
    const box = bed.container();
    const before = bed.snapshot();
    writeNodeFile(bed, { backend: "iptables" });
    const chain = new Chain(bed, plugins);
    const result = chain.add(box);
    expect(byIptables(bed).join("\n")).toMatch(rule);
    expect(byNftables(bed)).toBe(false);
    for (const each of chain.check(box, result)) expect(each).toSucceed();
    for (const each of chain.del(box, result)) expect(each).toSucceed();
    expect(byIptables(bed)).toEqual([]);
    expect(
      bed.leftovers(before, sharedBy(net)).filter((each) => !/iptables|nft|sysctl/.test(each)),
    ).toEqual([]);
  });

  it.for([
    ["masquerade of bridge", [masqueraded(subnet, { ipMasqBackend: "nftables" })]],
    ["ports of portmap", [bridge(subnet), portmap({ backend: "nftables" })]],
    ["forwarding of firewall", [bridge(subnet), plugin("firewall", { backend: "nftables" })]],
  ] as const)("gives way to what a configuration says, for the %s", ([, plugins], { bed }) => {
    ownEtc(bed);
    writeNodeFile(bed, { backend: "iptables" });
    new Chain(bed, plugins).add(bed.container());
    expect([byIptables(bed), byNftables(bed)]).toEqual([[], true]);
  });

  it("gives way to a backend that other options of portmap need", ({ bed }) => {
    ownEtc(bed);
    writeNodeFile(bed, { backend: "iptables" });
    const conditionsV4 = ["ip", "saddr", "192.0.2.0/24"];
    new Chain(bed, [bridge(subnet), portmap({ conditionsV4 })]).add(bed.container());
    expect(bed.host.nft()).toMatch(/ip saddr 192\.0\.2\.0\/24/);
  });

  it("is that of a delegate as well, in the same process or another", ({ bed }) => {
    ownEtc(bed);
    writeNodeFile(bed, { backend: "iptables" });
    const flannel = {
      cniVersion: "1.1.0",
      name: "net",
      type: "flannel",
      delegate: { ipMasq: true },
    };
    const copies = bed.folder("copies");
    bed.host.sh(`cp ${bed.bin}/bridge ${bed.bin}/host-local ${copies}`);
    for (const path of [bed.bin, copies]) {
      const box = bed.container();
      expect(bed.add("flannel", box, flannel, { path })).toSucceed();
      expect([byIptables(bed).length > 0, byNftables(bed)]).toEqual([true, false]);
      expect(bed.del("flannel", box, flannel, { path })).toSucceed();
      expect(byIptables(bed)).toEqual([]);
    }
  });

  it.for(["nftables", "iptables"])(
    "may change: what was made before is right, and goes with DEL (now %s)",
    (backend, { bed }) => {
      ownEtc(bed);
      const box = bed.container();
      writeNodeFile(bed, { backend: backend === "iptables" ? "nftables" : "iptables" });
      const chain = new Chain(bed, [net, portmap(), plugin("firewall")]);
      const result = chain.add(box);
      writeNodeFile(bed, { backend });
      for (const each of chain.check(box, result)) expect(each).toSucceed();
      for (const each of chain.del(box, result)) expect(each).toSucceed();
      expect([byIptables(bed), byNftables(bed)]).toEqual([[], false]);
    },
  );

  it("is asked for by CHECK: what has no rules of any is not right", ({ bed }) => {
    ownEtc(bed);
    const box = bed.container();
    writeNodeFile(bed, { backend: "nftables" });
    const prevResult = bed.add("bridge", box, net).result;
    bed.host.sh("nft flush ruleset");
    expect(bed.check("bridge", box, { ...net, prevResult }).error.code).toBe(104);
  });
});

describe("ports that a node has reserved", () => {
  const config = portmap({ reservedHostPorts: [6443] });

  it("are refused besides those of the configuration, before anything is done", ({ bed }) => {
    ownEtc(bed);
    const box = bed.container();
    const prevResult = bed.add("bridge", box, bridge(subnet)).result;
    writeNodeFile(bed, { reservedHostPorts: ["8000-8099/tcp", 22] });
    const before = bed.snapshot();
    for (const hostPort of [8080, 22, 6443]) {
      const runtimeConfig = { portMappings: [{ ...web, hostPort }] };
      const run = bed.add("portmap", box, { ...config, runtimeConfig, prevResult });
      expect([run.error.code, run.error.msg]).toEqual([
        103,
        expect.stringContaining(`${hostPort}`),
      ]);
    }
    expect(bed.leftovers(before)).toEqual([]);
    const runtimeConfig = { portMappings: [{ ...web, protocol: "udp" }] };
    expect(bed.add("portmap", box, { ...config, runtimeConfig, prevResult })).toSucceed();
  });

  it("do not matter to CHECK and DEL", ({ bed }) => {
    ownEtc(bed);
    const box = bed.container();
    const prevResult = bed.add("bridge", box, bridge(subnet)).result;
    expect(bed.add("portmap", box, { ...config, prevResult })).toSucceed();
    writeNodeFile(bed, { reservedHostPorts: [8080] });
    expect(bed.check("portmap", box, { ...config, prevResult })).toSucceed();
    expect(bed.del("portmap", box, { ...config, prevResult })).toSucceed();
  });
});

/** Files that cannot be used, with the code and the words of the error. */
const unusable = [
  ["", 6, /it is empty|line 1/],
  ["{", 6, /line 1, column 2/],
  ["\xff", 6, /./],
  ["[]", 7, /it is not a JSON object/],
  [{ backend: "nft" }, 7, /: backend must be one of "nftables", "iptables", got "nft"/],
  [{ backend: "" }, 7, /: backend must be/],
  [{ Backend: "iptables" }, 7, /: Backend is unknown; known are .*"backend"/],
  [{ log: { file: "/run/a", size: 1 } }, 7, /: log\.size is unknown/],
  [{ reservedHostPorts: 22 }, 7, /: reservedHostPorts must be a list/],
  [{ reservedHostPorts: ["ssh"] }, 7, /: reservedHostPorts\[0\] must be a port/],
  [{ log: "run.log" }, 7, /: log must be an absolute path/],
  [{ log: {} }, 7, /: log\.file must be given/],
  [{ log: { file: "/run/" } }, 7, /: log\.file must be an absolute path/],
  [{ log: { file: "/run/a", maxSize: "10 Mb" } }, 7, /: log\.maxSize must be a size/],
  [{ log: { file: "/run/a", maxSize: 63999 } }, 7, /: log\.maxSize must be a size/],
] as const;

describe("a node file that cannot be used", () => {
  it.for(unusable)(
    "fails ADD, CHECK and STATUS, and nothing else: %j",
    ([content, code, words], { bed }) => {
      ownEtc(bed);
      const box = bed.container();
      const prevResult = bed.add("bridge", box, net).result;
      const other = bed.container();
      writeNodeFile(bed, content);
      const before = bed.snapshot();
      const refused = [
        bed.add("bridge", other, net),
        bed.check("bridge", box, { ...net, prevResult }),
        bed.status("bridge", net),
      ];
      for (const { error } of refused) {
        expect(error.msg).toMatch(/^Cannot use "\/etc\/cni\/weft\.json": /);
        expect([error.code, error.msg]).toEqual([code, expect.stringMatching(words)]);
      }
      expect(bed.leftovers(before)).toEqual([]);
      expect(bed.version("bridge")).toSucceed();
      const del = bed.del("bridge", box, net);
      expect(del).toSucceed();
      expect(del.stderr).toMatch(
        /^Cannot use "\/etc\/cni\/weft\.json": .*; DEL does its work without it\n$/,
      );
      expect(bed.gc("bridge", { ...net, "cni.dev/valid-attachments": [] })).toSucceed();
      expect([byIptables(bed), byNftables(bed), bed.host.links()]).toEqual([
        [],
        false,
        ["lo", "uplink0", "br0"],
      ]);
    },
  );

  it.for([
    ["a directory", `mkdir ${nodeFile}`],
    ["a pipe, which is not waited for", `mkfifo ${nodeFile}`],
    ["writable by others", `echo {} >${nodeFile}; chmod 666 ${nodeFile}`],
    ["another user's", `echo {} >${nodeFile}; chown 1234 ${nodeFile}`],
    ["a link that leads in a circle", `ln -s weft.json ${nodeFile}`],
    ["too long", `head -c 3000000 /dev/zero | tr '\\0' ' ' >${nodeFile}`],
  ])("is one that is %s", ([, script = ""], { bed }) => {
    ownEtc(bed);
    bed.host.sh(script);
    const { error } = bed.add("bridge", bed.container(), net);
    expect([error.code, error.msg]).toEqual([101, expect.stringContaining(`"${nodeFile}"`)]);
  });

  it("is one that the kernel does not open: ADD does nothing, DEL all that it can", ({ bed }) => {
    const box = bed.container();
    const fail = "openat:error=EIO:when=1";
    const before = bed.snapshot();
    const { error } = bed.add("bridge", box, net, { fail });
    expect([error.code, error.msg]).toEqual([101, `Cannot open "${nodeFile}": EIO`]);
    expect(bed.leftovers(before)).toEqual([]);
    expect(bed.add("bridge", box, net)).toSucceed();
    const run = bed.del("bridge", box, net, { fail });
    expect(run).toSucceed();
    expect(run.stderr).toContain(`Cannot open "${nodeFile}": EIO; DEL does its work without it`);
    expect(bed.leftovers(before, sharedBy(net))).toEqual([]);
  });

  it("is not one that a link of root's leads to, nor one that nobody has", ({ bed }) => {
    ownEtc(bed);
    bed.host.sh(`echo '{"backend":"iptables"}' >/etc/cni/there; ln -s there ${nodeFile}`);
    expect(bed.add("bridge", bed.container(), net)).toSucceed();
    expect(byIptables(bed)).not.toEqual([]);
    bed.host.sh("rm -r /etc/cni");
    expect(bed.add("bridge", bed.container(), net)).toSucceed();
    bed.host.sh(": >/etc/cni");
    expect(bed.add("bridge", bed.container(), net)).toSucceed();
  });
});

describe("weft validate", () => {
  it.for(unusable)("tells what is wrong with a node file: %j", ([content, , words], { bed }) => {
    ownEtc(bed);
    writeNodeFile(bed, content);
    const said = bed.host.sh(`${bed.bin}/weft validate ${nodeFile}; echo status $?`);
    expect(said).toMatch(/^\/etc\/cni\/weft\.json: error: [^\n]*\nstatus 1\n$/);
    if (content instanceof Object) expect(`: ${said.split(": error: ")[1]}`).toMatch(looser(words));
  });

  it("knows one by its name, or by its keys", ({ bed }) => {
    const content = { backend: "iptables", log: { file: "/run/a", maxSize: "1 GB" } };
    const folder = bed.folder("files");
    for (const [name, json] of [
      ["weft.json", {}],
      ["other.json", content],
    ] as const) {
      bed.write(`${folder}/${name}`, JSON.stringify({ $schema: "x", ...json }));
      const said = bed.host.sh(`${bed.bin}/weft validate ${folder}/${name}`);
      expect(said).toBe(`${folder}/${name}: valid\n`);
    }
    bed.write(`${folder}/net.json`, JSON.stringify({ ...net, backend: "iptables" }));
    expect(bed.host.sh(`${bed.bin}/weft validate ${folder}/net.json`)).toMatch(
      /backend: unknown key/,
    );
  });
});

/** The same words where the place is followed by a colon, as findings are told. */
function looser(words: RegExp): RegExp {
  return new RegExp(words.source.replace(/^(: [\w.\\[\]]+) /, "$1:? "));
}

describe("a node that says nothing", () => {
  it("costs one system call, and VERSION none", ({ bed }) => {
    const box = bed.container();
    const trace = `${bed.folder("trace")}/calls`;
    const traced = bed.folder("traced");
    bed.write(`${traced}/bridge`, `#!/bin/sh\nexec strace -qq -o ${trace} ${bed.bin}/bridge\n`);
    bed.host.sh(`chmod +x ${traced}/bridge`);
    const calls = () =>
      bed
        .read(trace)
        .split("\n")
        .filter((line) => /weft\.json|WEFT_LOG/.test(line));
    expect(bed.add("bridge", box, net, { from: traced })).toSucceed();
    expect(calls()).toEqual([
      expect.stringMatching(/^openat?\(.*"\/etc\/cni\/weft\.json", .* = -1 ENOENT/),
    ]);
    expect(bed.version("bridge", { from: traced })).toSucceed();
    expect(calls()).toEqual([]);
  });
});
