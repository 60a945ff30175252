/** `weft inventory` as a person uses it. */
import { describe, expect } from "vitest";
import { Chain } from "../bed/chain.ts";
import { bridge, bridgeWith } from "../bed/configs.ts";
import { everything, inventory } from "../bed/inventory.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { withoutNfTables } from "../bed/no-nf-tables.ts";
import { workingConfig } from "../bed/subjects.ts";

describe("weft inventory", () => {
  const net = bridge("10.1.2.0/24");

  it("tells a thing a line, for people", ({ bed }) => {
    const box = bed.container();
    const { interfaces = [] } = bed.add("bridge", box, net).result;
    const [, outside] = interfaces;
    bed.host.sh(`ip address add 192.0.2.1/32 dev ${outside?.name}`);
    expect(bed.host.sh(`${bed.bin}/weft inventory net`).split("\n")).toEqual([
      `link ${outside?.name} of eth0 of container box1-id`,
      `address 192.0.2.1/32 of ${outside?.name} of eth0 of container box1-id`,
      "lease /var/lib/cni/networks/net/10.1.2.2 of eth0 of container box1-id",
      "",
    ]);
    expect(bed.host.sh(`${bed.bin}/weft inventory net box1-id | wc -l`)).toBe("3\n");
    expect(bed.host.sh(`${bed.bin}/weft inventory net box1-id eth1`)).toBe("");
    expect(bed.host.sh(`${bed.bin}/weft inventory other`)).toBe("");
  });

  it("names ports, and whose clients are masqueraded", ({ bed }) => {
    const box = bed.container();
    new Chain(bed, everything("nftables", "net", 8080)).add(box);
    const words = inventory(bed, "net").filter(({ what }) => /port|clients/.test(what));
    expect(words.map(({ what }) => what)).toEqual([
      "clients of tcp port 8080 in hostports4-near of nf_tables",
      "clients of udp port 8080 in hostports4-near of nf_tables",
      "tcp port 8080 in hostports4-any of nf_tables",
      "udp port 8080 in hostports4-any of nf_tables",
    ]);
  });

  it("names what a network over many hosts has, whoever is attached", ({ bed }) => {
    const box = bed.container();
    const config = workingConfig("vxlan-overlay");
    const prevResult = bed.add("vxlan-overlay", box, config).result;
    const device = ["guard of weft.1", "link weft.1"];
    const words = () => inventory(bed, "net").filter(({ containerID }) => !containerID);
    expect(
      words()
        .map(({ what }) => what)
        .sort(),
    ).toEqual(device);
    expect(bed.host.sh(`${bed.bin}/weft inventory net`)).toContain("link weft.1 marked ");
    expect(bed.del("vxlan-overlay", box, { ...config, prevResult })).toSucceed();
    expect(
      inventory(bed, "net")
        .map(({ what }) => what)
        .sort(),
    ).toEqual(device);
  });

  it("finds leases that are kept elsewhere where it is told to", ({ bed }) => {
    const dataDir = "/var/lib/elsewhere";
    const box = bed.container();
    bed.add("bridge", box, bridgeWith({ type: "host-local", subnet: "10.1.2.0/24", dataDir }));
    const leases = (words: string) =>
      inventory(bed, words).flatMap(({ kind, what }) => (kind === "lease" ? what : []));
    expect(leases("net")).toEqual([]);
    for (const option of [`--data-dir ${dataDir}`, `--data-dir=${dataDir}`]) {
      expect(leases(`net ${option}`)).toEqual([`lease ${dataDir}/net/10.1.2.2`]);
      expect(leases(`${option} net box1-id eth0`)).toHaveLength(1);
    }
  });

  it("tells what very old versions left as the container's", ({ bed }) => {
    bed.host.sh(
      "mkdir -p /var/lib/cni/networks/net; echo box-id >/var/lib/cni/networks/net/10.1.2.9",
    );
    expect(bed.host.sh(`${bed.bin}/weft inventory net`)).toBe(
      "lease /var/lib/cni/networks/net/10.1.2.9 of container box-id\n",
    );
    expect(inventory(bed, "net box-id eth1")).toHaveLength(1);
  });

  needs("reference plugins")(
    "tells what the reference plugins left, as far as it says whose it is",
    ({ bed }) => {
      const box = bed.container();
      bed.add(
        "bridge",
        box,
        { ...net, cniVersion: "0.4.0", ipMasq: true },
        { from: bed.peer, path: bed.peer },
      );
      const found = inventory(bed, "net");
      expect(found.map(({ kind }) => kind)).toEqual(["rule", "lease"]);
      expect(inventory(bed, "net box1-id eth0")).toEqual(found);
      expect(
        bed.gc("bridge", { ...net, ipMasq: true, "cni.dev/valid-attachments": [] }),
      ).toSucceed();
      expect(inventory(bed, "net")).toEqual([]);
    },
  );

  it.for([true, false])("needs no nf_tables, with iptables: %s", (hasIptables, { bed }) => {
    const { as = [], env = {} } = withoutNfTables(bed, hasIptables);
    const run = `PATH=${env.PATH} ${as.join(" ")} ${bed.bin}/weft inventory net --json`;
    expect(JSON.parse(bed.host.sh(run))).toEqual([]);
    const box = bed.container();
    bed.add("bridge", box, net);
    expect(JSON.parse(bed.host.sh(run))).toHaveLength(2);
  });

  it("says why it cannot tell", ({ bed }) => {
    const folder = "/tmp/others";
    bed.host.sh(`mkdir -p ${folder}/net; chmod 777 ${folder}`);
    const run = `${bed.bin}/weft inventory net --data-dir ${folder} 2>&1 >/dev/null`;
    const said = bed.host.sh(`${run}; echo status $?`);
    expect(said).toMatch(/^weft: Cannot use directory "\/tmp\/others\/net".*\nstatus 1\n$/);
  });
});
