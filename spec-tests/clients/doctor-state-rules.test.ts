/** `weft doctor`, of rules, elements and chains whose owner is gone, or is nobody that is known. */
import { createHash } from "node:crypto";
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import {
  attach,
  bridgeList,
  destroy,
  type Finding,
  findings,
  findingsOf,
  ofAttachments,
} from "../bed/doctor-state.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { Lists, resultsFolder } from "../bed/lists.ts";
import { withoutNfTables } from "../bed/no-nf-tables.ts";

const reserved = "/var/lib/cni/networks/net";

function listsOf(bed: Bed): Lists {
  const lists = new Lists(bed);
  bridgeList(lists);
  return lists;
}

/** What is found of these ids, as `id: sentence`. */
function said(lists: Lists, ids: readonly string[] = ofAttachments): readonly string[] {
  return findings(lists, ids).map(({ id, finding }: Finding) => `${id}: ${finding}`);
}

describe("weft doctor, of rules,", () => {
  it("finds those of who is gone and kept nowhere", ({ bed }) => {
    const lists = listsOf(bed);
    const [gone] = [attach(bed, lists, 8080), attach(bed, lists, 8081)];
    bed.host.sh(`rm ${resultsFolder}/net-${gone.name}-eth0 ${reserved}/10.251.35.2`);
    expect(said(lists, ["rule-unowned"])).toEqual([]);
    destroy(bed, gone);
    const [found] = findings(lists, ["rule-unowned"]);
    expect(found?.finding).toMatch(
      /^Network "net" has \d+ things? whose owner is gone or not known: /,
    );
    expect(found?.finding).toContain(
      `masquerade of 10.251.35.2 in masquerade4 of nf_tables of container ${gone.name}`,
    );
    expect(found?.advice).toContain("weft gc net --yes");
    expect(lists.weft("gc net --yes")).toMatchObject({ status: 0 });
    expect(said(lists)).toEqual([]);
  });

  it("finds elements of a network that has no file", ({ bed }) => {
    const lists = listsOf(bed);
    attach(bed, lists, 8080);
    const element = (comment: string) =>
      `nft 'add element inet weft masquerade4 { 10.251.35.99 comment "${comment}" : goto masq-10.251.35.0/24 }'`;
    bed.host.sh(element("former box eth0"));
    expect(said(lists)).toEqual([
      'rule-unowned: Network "former" has 1 thing whose owner is gone or not known: masquerade of 10.251.35.99 in masquerade4 of nf_tables of container box',
    ]);
  });

  it("finds elements that name nobody", ({ bed }) => {
    const lists = listsOf(bed);
    attach(bed, lists, 8080);
    const comment = `#${"0".repeat(32)} #${"1".repeat(32)} long`;
    bed.host.sh(
      `nft 'add element inet weft masquerade4 { 10.251.35.99 comment "${comment}" : goto masq-10.251.35.0/24 }'`,
    );
    expect(said(lists)).toEqual([
      `rule-unowned: No attachment or network that is known has the element of "${comment}" in set masquerade4 of nf_tables`,
    ]);
  });

  it("finds chains of iptables that nothing leads to, or that name no network", ({ bed }) => {
    const lists = new Lists(bed);
    bridgeList(lists, {}, { ipMasqBackend: "iptables" });
    attach(bed, lists, 8080);
    expect(said(lists)).toEqual([]);
    const [lost, nobody] = [`CNI-${"a".repeat(24)}`, `CNI-DN-${"b".repeat(21)}`];
    bed.host.sh(`iptables -t nat -N ${lost}; iptables -t nat -N ${nobody}
      iptables -t nat -A POSTROUTING -s 10.251.35.9 -j ${nobody}`);
    expect(said(lists)).toEqual([
      `rule-unowned: No attachment or network that is known has chain ${nobody} in the nat table of IPv4, chain ${lost} in the nat table of IPv4`,
    ]);
  });

  it("finds rules of iptables for a container that nobody knows", ({ bed }) => {
    const lists = new Lists(bed);
    bridgeList(lists, {}, { ipMasqBackend: "iptables" });
    attach(bed, lists, 8080);
    const chain = `CNI-DN-${"c".repeat(21)}`;
    const jump = `-m comment --comment 'dnat name: "net" id: "lost"' -j ${chain}`;
    bed.host.sh(`iptables -t nat -N CNI-HOSTPORT-DNAT; iptables -t nat -N ${chain}
      iptables -t nat -A CNI-HOSTPORT-DNAT ${jump}`);
    const [found, ...others] = said(lists);
    expect(others).toEqual([]);
    expect(found).toMatch(/^rule-unowned: Network "net" has 1 thing .* of container lost$/);
  });

  it.for(["nftables", "iptables"])(
    "takes hashes of long names for what they are, by %s",
    (backend, { bed }) => {
      const lists = new Lists(bed);
      const name = `n${"e".repeat(150)}t`;
      const ipam = { type: "host-local", subnet: "10.251.35.0/24" };
      const portmap = { type: "portmap", backend, capabilities: { portMappings: true } };
      const plugins = [
        { type: "bridge", isGateway: true, ipMasq: true, ipMasqBackend: backend, ipam },
        portmap,
      ];
      lists.write("10-long.conflist", { cniVersion: "1.1.0", name, plugins });
      const { netns } = bed.container();
      const words = "--container-id c1 --capability portMappings=8080:80";
      expect(lists.weft(`add ${name} ${netns} ${words}`)).toMatchObject({ status: 0 });
      expect(said(lists)).toEqual([]);
    },
  );
});

describe("weft doctor, where the kernel has no nf_tables,", () => {
  it.for([true, false])(
    "has nothing to say of what is well, with iptables: %s",
    (hasIptables, { bed }) => {
      const lists = new Lists(bed);
      lists.net([{ type: "bridge", ipam: { type: "host-local", subnet: "10.251.35.0/24" } }]);
      const { as = [], env = {} } = withoutNfTables(bed, hasIptables);
      const run = (words: string) =>
        lists.run(`PATH=${env.PATH} ${as.join(" ")} ${bed.bin}/weft ${words}`);
      const { name, netns } = bed.container();
      expect(run(`add net ${netns} --container-id ${name}`)).toMatchObject({ status: 0 });
      expect(findingsOf(run("doctor --json").stdout, ofAttachments)).toEqual([]);
    },
  );
});

describe("weft doctor, of rules that the reference plugins left,", () => {
  needs("reference plugins")(
    "is silent as long as who made them lives, and finds them when he is gone",
    ({ bed }) => {
      const lists = new Lists(bed);
      bridgeList(lists, { cniVersion: "1.0.0" });
      const [box, other] = [bed.container(), bed.container()];
      for (const [{ name, netns }, port] of [
        [box, 8080],
        [other, 8081],
      ] as const) {
        const words = `--container-id ${name} --capability portMappings=${port}:80`;
        const { status, stderr } = lists.weft(`add net ${netns} ${words}`, { CNI_PATH: bed.peer });
        expect([status, stderr]).toEqual([0, ""]);
      }
      expect(said(lists)).toEqual([]);
      bed.host.sh(`rm ${resultsFolder}/net-${box.name}-eth0 ${reserved}/10.251.35.2
        ip netns del ${box.name}`);
      bed.host.until(`[ $(ip -o link show type veth | wc -l) = 1 ]`);
      const [found, ...others] = said(lists, ["rule-unowned"]);
      expect(others).toEqual([]);
      expect(found).toContain(`of container ${box.name}`);
      expect(found).toMatch(/chain CNI-[\da-f]{24} in table ip nat/);
      expect(found).not.toContain(`of container ${other.name}`);
    },
  );

  it("finds those of no attachment that is known", ({ bed }) => {
    const lists = listsOf(bed);
    const { name } = attach(bed, lists, 8080);
    const hash = (text: string) => createHash("sha512").update(text).digest("hex").slice(0, 16);
    const masquerade = (id: string, network = "net") =>
      `${hash(network)}-${hash(`eth0:${id}`)}-${network} eth0 ${id}`;
    const rulesOf = (id: string) => `
      nft 'add rule inet cni_plugins_masquerade masq_checks ip saddr 10.9.9.9 accept comment "${masquerade(id)}"'
      nft 'add rule ip cni_hostport hostports tcp dport 99 accept comment "${id}"'
      nft 'add rule bridge nat PREROUTING iifname x accept comment "macspoofchk-${id}-eth0"'`;
    bed.host.sh(`
      nft 'add table inet cni_plugins_masquerade; add chain inet cni_plugins_masquerade masq_checks'
      nft 'add table ip cni_hostport; add chain ip cni_hostport hostports'
      nft 'add table bridge nat; add chain bridge nat PREROUTING'
      ${rulesOf(name)}`);
    expect(said(lists)).toEqual([]);
    bed.host.sh(`${rulesOf("lost")}
      nft 'add rule inet cni_plugins_masquerade masq_checks accept comment "${masquerade("x", "other")}"'`);
    const found = said(lists).join("\n");
    for (const comment of [
      masquerade("lost"),
      masquerade("x", "other"),
      "lost",
      "macspoofchk-lost-eth0",
    ]) {
      expect(found.split(`rule "${comment}" in table `)).toHaveLength(2);
    }
    expect(found).not.toContain(name);
  });
});
