/**
 * Every option of every plugin with two backends: each backend honours it, by its own means or
 * another's, or it is refused. None is dropped in silence.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it as plain } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import { fakeFirewalld } from "../bed/firewalld.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { attach, dropped, network, passes, reaches } from "../bed/networks.ts";
import type { Outcome } from "../bed/outcome.ts";

/** What becomes of an option with a backend; "" is none, so that the plugin chooses. */
type Row = readonly [plugin: string, option: string, value: unknown, backend: string, Fate];

type Fate =
  | { readonly refused: number }
  /** Who does it, and the words by which other people's tools show that. */
  | { readonly by: keyof typeof shows; readonly shown: RegExp };

/** How what was made is shown. */
const shows = {
  nftables: (bed: Bed) => bed.host.nft(),
  iptables: (bed: Bed) => bed.host.sh("iptables-save; ip6tables-save"),
  firewalld: (bed: Bed) => bed.read("/run/bed/firewalld/sources"),
};

/** One row for each backend. */
function rows(plugin: string, option: string, value: unknown, fates: Record<string, Fate>): Row[] {
  return Object.entries(fates).map(([backend, fate]) => [plugin, option, value, backend, fate]);
}

const jump: Fate = { by: "iptables", shown: /-A CNI-FORWARD .*-j MY-ADMIN$/m };
const zone: Fate = { by: "firewalld", shown: /^pods 10\.1\.1\.2\/32$/m };
const isolation: Fate = { by: "nftables", shown: /set same-bridge \{[^}]*"br1"/ };
const inBridge: Fate = { by: "nftables", shown: /map isolated-ports \{[^}]*"veth/m };
const marked: Fate = { by: "nftables", shown: /meta mark \| 0x00000080/ };
const markedByIptables: Fate = { by: "iptables", shown: /--set-xmark 0x80\/0x80/ };
const marking: Fate = { by: "iptables", shown: /-s 10\.1\.1\.0\/24 .*-j KUBE-MARK-MASQ/ };
const toAll: Fate = { by: "nftables", shown: /hostports-snat-12-ipv4-0/ };
const plainly: Fate = { by: "nftables", shown: /hostports4-any(?![\s\S]*hostports-snat)/ };

const table: readonly Row[] = [
  ...rows("firewall", "iptablesAdminChainName", "MY-ADMIN", {
    "": jump,
    nftables: jump,
    iptables: jump,
    firewalld: jump,
  }),
  ...rows("firewall", "firewalldZone", "pods", {
    "": zone,
    nftables: zone,
    iptables: zone,
    firewalld: zone,
  }),
  ...rows("firewall", "ingressPolicy", "same-bridge", {
    "": isolation,
    nftables: isolation,
    iptables: isolation,
    firewalld: isolation,
  }),
  ...rows("firewall", "ingressPolicy", "isolated", {
    "": inBridge,
    nftables: inBridge,
    iptables: inBridge,
    firewalld: inBridge,
  }),
  ...rows("portmap", "markMasqBit", 7, {
    "": marked,
    nftables: marked,
    iptables: markedByIptables,
  }),
  ...rows("portmap", "externalSetMarkChain", "KUBE-MARK-MASQ", {
    "": marking,
    nftables: { refused: 7 },
    iptables: marking,
  }),
  ...rows("portmap", "conditionsV4", ["ip", "saddr", "192.0.2.0/24"], {
    "": { by: "nftables", shown: /ip saddr 192\.0\.2\.0\/24/ },
    nftables: { by: "nftables", shown: /ip saddr 192\.0\.2\.0\/24/ },
    iptables: { refused: 7 },
  }),
  ...rows("portmap", "conditionsV4", ["-s", "192.0.2.0/24"], {
    "": { by: "iptables", shown: /-A CNI-HOSTPORT-DNAT -s 192\.0\.2\.0\/24/ },
    nftables: { refused: 7 },
    iptables: { by: "iptables", shown: /-A CNI-HOSTPORT-DNAT -s 192\.0\.2\.0\/24/ },
  }),
  ...rows("portmap", "conditionsV6", ["ip6", "saddr", "fd99::/64"], {
    "": { by: "nftables", shown: /ip6 saddr fd99::\/64/ },
    nftables: { by: "nftables", shown: /ip6 saddr fd99::\/64/ },
    iptables: { refused: 7 },
  }),
  ...rows("portmap", "conditionsV6", ["-s", "fd99::/64"], {
    "": { by: "iptables", shown: /-A CNI-HOSTPORT-DNAT -s fd99::\/64/ },
    nftables: { refused: 7 },
    iptables: { by: "iptables", shown: /-A CNI-HOSTPORT-DNAT -s fd99::\/64/ },
  }),
  ...rows("portmap", "snat", false, {
    "": plainly,
    nftables: plainly,
    iptables: { by: "iptables", shown: /^(?![\s\S]*CNI-HOSTPORT-SETMARK)[\s\S]*-j DNAT/ },
  }),
  ...rows("portmap", "masqAll", true, {
    "": toAll,
    nftables: toAll,
    iptables: { by: "iptables", shown: /-A CNI-DN-\w+ -p tcp .*-j CNI-HOSTPORT-SETMARK/ },
  }),
  ...rows("portmap", "reservedHostPorts", [8080], {
    "": { refused: 103 },
    nftables: { refused: 103 },
    iptables: { refused: 103 },
  }),
  ...rows("bridge", "ipMasq", true, {
    "": { by: "nftables", shown: /10\.1\.1\.2 .*net1/ },
    nftables: { by: "nftables", shown: /10\.1\.1\.2 .*net1/ },
    iptables: { by: "iptables", shown: /-A POSTROUTING -s 10\.1\.1\.2\/32/ },
  }),
];

/** ADD of network 1 with one option of one of its plugins. */
function add(bed: Bed, [plugin, option, value, backend]: Row): Outcome {
  const { options } = fakeFirewalld(bed);
  bed.host.sh("for i in iptables ip6tables; do $i -t nat -N KUBE-MARK-MASQ; done");
  const [bridge] = network(1);
  const key = plugin === "bridge" ? "ipMasqBackend" : "backend";
  const own = { [option]: value, ...(backend === "" ? {} : { [key]: backend }) };
  const box = bed.container();
  if (plugin === "bridge") return bed.add("bridge", box, { ...bridge, ...own });
  const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }];
  const runtimeConfig = plugin === "portmap" ? { runtimeConfig: { portMappings } } : {};
  const prevResult = new Chain(bed, [bridge]).add(box);
  const { cniVersion, name } = bridge;
  const config = { cniVersion, name, type: plugin, ...runtimeConfig, ...own, prevResult };
  const run = bed.add(plugin, box, config, options);
  if (run.ok) expect(bed.check(plugin, box, config, options)).toSucceed();
  return run;
}

it.for(
  table.map((row) => [`${row[0]}: ${row[1]} ${JSON.stringify(row[2])}`, row[3], row] as const),
)("%s with backend %j", ([, , row], { bed }) => {
  const fate = row[4];
  const before = bed.snapshot();
  const run = add(bed, row);
  if ("by" in fate) {
    expect(run).toSucceed();
    expect(shows[fate.by](bed)).toMatch(fate.shown);
    return;
  }
  expect(run.error).toMatchObject({
    code: fate.refused,
    msg: expect.stringContaining(row[1]),
  });
  expect(bed.leftovers(before).filter((line) => line.includes("8080"))).toEqual([]);
});

plain.each(["firewall", "portmap"])("no option of %s is missing in the table", (plugin) => {
  const file = resolve(import.meta.dirname, `../../docs/schemas/${plugin}.schema.json`);
  const schema = JSON.parse(readFileSync(file, "utf8")) as { properties: Config };
  const common = ["backend", "runtimeConfig", "cniVersion", "name", "type", "prevResult"];
  const own = ["capabilities", "$schema", "dns", "ipam", "args", ...common];
  const options = Object.keys(schema.properties).filter((option) => !own.includes(option));
  const tested = table.filter((row) => row[0] === plugin).map((row) => row[1]);
  expect(new Set(tested)).toEqual(new Set(options));
});

describe("bridges of different backends", () => {
  it.for([
    ["iptables", "nftables"],
    ["iptables", ""],
    ["nftables", "iptables"],
  ])("are isolated from each other: %j and %j", ([one, two], { bed }) => {
    const policy = { ingressPolicy: "same-bridge" };
    const first = attach(bed, network(1, { ...policy, backend: one })).box;
    const second = attach(bed, network(2, { ...policy, backend: two })).box;
    expect(reaches(first, 2, 2)).toEqual(dropped);
    expect(reaches(second, 1, 2)).toEqual(dropped);
  });
});

/** As without the module br_netfilter: iptables do not see what a bridge forwards. */
const unseen = `cd /proc/sys/net/bridge 2>/dev/null || exit 0
  for i in iptables ip6tables; do echo 0 >bridge-nf-call-$i; done`;

it.for(["", "nftables", "iptables", "firewalld"])(
  "isolated holds within a bridge without br_netfilter, by backend %j",
  (backend, { bed }) => {
    const { options } = fakeFirewalld(bed);
    bed.host.sh(unseen);
    const list = new Chain(bed, network(1, { ingressPolicy: "isolated", backend }));
    const [first, second] = [bed.container(), bed.container()];
    list.add(first, options);
    const result = list.add(second, options);
    expect(reaches(first, 1, 3)).toEqual(dropped);
    expect(reaches(first, 1, 1)).toEqual(passes);
    for (const run of list.del(second, result, options)) expect(run).toSucceed();
    expect(bed.host.nft()).not.toMatch(/10\.1\.1\.3|fd00:1::3/);
  },
);

it("isolated is refused where neither nf_tables nor iptables see what a bridge forwards", ({
  bed,
}) => {
  const fail = "socket:error=EPROTONOSUPPORT:when=2+";
  const [bridge, firewall] = network(1, { ingressPolicy: "isolated", backend: "iptables" });
  const box = bed.container();
  const prevResult = new Chain(bed, [bridge]).add(box);
  bed.host.sh(unseen);
  const { error } = bed.add("firewall", box, { ...firewall, prevResult }, { fail });
  expect(error).toMatchObject({ code: 100, msg: expect.stringContaining("br_netfilter") });
  expect(shows.iptables(bed)).not.toContain("10.1.1.2");
});

describe("a zone of firewalld, which does not run", () => {
  const prevResult = { cniVersion: "1.1.0", ips: [{ address: "10.1.1.9/24" }] };

  it.for(["", "nftables", "iptables", "firewalld"])(
    "is refused if it distrusts, by backend %j",
    (backend, { bed }) => {
      const { options, stop } = fakeFirewalld(bed);
      stop();
      const config = { ...network(1, { backend, firewalldZone: "pods" })[1], prevResult };
      const before = bed.snapshot();
      const { error } = bed.add("firewall", bed.container(), config, options);
      expect(error).toMatchObject({ code: 100, msg: expect.stringContaining("not running") });
      expect(bed.leftovers(before).filter((line) => line.includes("10.1.1.9"))).toEqual([]);
      expect(bed.status("firewall", config, options).error.code).toBe(50);
    },
  );

  it.for(["", "nftables", "iptables"])(
    "is not missed if it trusts, by backend %j",
    (backend, { bed }) => {
      const { options, stop } = fakeFirewalld(bed);
      stop();
      const config = { ...network(1, { backend, firewalldZone: "trusted" })[1], prevResult };
      expect(bed.add("firewall", bed.container(), config, options)).toSucceed();
      expect(bed.status("firewall", config, options)).toSucceed();
    },
  );
});
