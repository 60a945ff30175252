/** `weft doctor`, of files: kept results, leases of DHCP, and what was written when. */
import { describe, expect } from "vitest";
import { Lan, startDaemon } from "../bed/dhcp.ts";
import { attach, bridgeList, findings } from "../bed/doctor-state.ts";
import { it } from "../bed/it.ts";
import { Lists, resultsFolder } from "../bed/lists.ts";

const ids = ["result-unreadable", "result-version", "result-listless", "network-gone"];

function said(lists: Lists, of: readonly string[] = ids): readonly string[] {
  return findings(lists, of).map(({ id, finding }) => `${id}: ${finding}`);
}

describe("weft doctor, of kept results,", () => {
  it.for([
    ["half a file", '{"kind":"cniCacheV1","containerId":"c1","ifNa', "it is not a JSON object"],
    ["a list", "[]", "it is not a JSON object"],
    ["nothing", "", "it is not a JSON object"],
    ["no names", '{"kind":"cniCacheV1","result":{}}', "it does not name an attachment"],
  ] as const)("finds one with %s", ([, text, state], { bed }) => {
    const lists = new Lists(bed);
    bridgeList(lists);
    attach(bed, lists, 8080);
    bed.write(`${resultsFolder}/net-c1-eth0`, text);
    expect(said(lists)).toEqual([
      `result-unreadable: 1 kept result cannot be used, since ${state}: ${resultsFolder}/net-c1-eth0`,
    ]);
  });

  it("finds one of another version, but not a bare result, or one being written", ({ bed }) => {
    const lists = new Lists(bed);
    bridgeList(lists);
    attach(bed, lists, 8080);
    bed.write(`${resultsFolder}/net-c1-eth0`, '{"kind":"cniCacheV9","networkName":"net"}');
    bed.write(`${resultsFolder}/net-c2-eth0`, '{"cniVersion":"0.4.0","ips":[]}');
    bed.write(`${resultsFolder}/net-c3-eth0.12.tmp`, "{");
    expect(said(lists)).toEqual([
      `result-version: 1 kept result cannot be used, since its kind is "cniCacheV9", not "cniCacheV1": ${resultsFolder}/net-c1-eth0`,
    ]);
  });

  it("finds those of a network without a file, and says whether they can be detached", ({
    bed,
  }) => {
    const lists = new Lists(bed);
    bridgeList(lists);
    const { name } = attach(bed, lists, 8080);
    expect(said(lists)).toEqual([]);
    bed.host.sh(`rm ${lists.folder}/*`);
    expect(said(lists)).toEqual([
      `network-gone: No file in ${lists.folder} has network "net" any more, of which is attached: eth0 of container ${name}`,
    ]);
    const path = `${resultsFolder}/net-${name}-eth0`;
    bed.write(path, JSON.stringify({ ...JSON.parse(bed.read(path)), config: "" }));
    expect(said(lists)).toEqual([
      `result-listless: No file in ${lists.folder} has network "net", and no list is kept of eth0 of container ${name}`,
    ]);
  });

  it("does not end at thousands of them, nor at what they say", ({ bed }) => {
    const lists = new Lists(bed);
    bridgeList(lists);
    const hostile = {
      kind: "cniCacheV1",
      networkName: "../..",
      containerId: "\u001b[31m",
      ifName: "e",
    };
    bed.host.sh(`mkdir -p ${resultsFolder}`);
    bed.write(`${resultsFolder}/x-y-z`, JSON.stringify(hostile));
    bed.host.sh(`cd ${resultsFolder}; for i in $(seq 2000); do echo '{' >net-c$i-eth0; done`);
    expect(said(lists, ["result-unreadable"])).toEqual([
      expect.stringMatching(/2000 kept results cannot be used.* and 1995 more$/),
    ]);
    const { stdout } = lists.weft("doctor");
    expect(stdout).not.toContain("\u001b");
    expect(findings(lists, ["result-listless"])).toHaveLength(1);
  });
});

describe("weft doctor, of pools,", () => {
  const ids = ["pool-full", "pool-nearly-full"];
  const folder = "/var/lib/cni/networks/net";

  it("finds those that are nearly full, and those that are", ({ bed }) => {
    const lists = new Lists(bed);
    const ranges = [
      [{ subnet: "10.251.35.0/24", rangeStart: "10.251.35.11", rangeEnd: "10.251.35.30" }],
    ];
    lists.net([{ type: "bridge", ipam: { type: "host-local", ranges } }]);
    const reserve = (first: number, last: number) =>
      bed.host.sh(`mkdir -p ${folder}; cd ${folder}
        for i in $(seq ${first} ${last}); do printf "c$i\\r\\neth0" >10.251.35.$i; done`);
    reserve(11, 27);
    reserve(200, 250);
    expect(said(lists, ids)).toEqual([]);
    reserve(28, 28);
    const range = "addresses of 10.251.35.11-10.251.35.30 are in use";
    expect(findings(lists, ids)).toMatchObject([
      {
        ...{ id: "pool-nearly-full", level: "warning" },
        finding: `Network "net" has few addresses left: 18 of 20 ${range}`,
      },
    ]);
    reserve(29, 30);
    expect(findings(lists, ids)).toMatchObject([
      {
        ...{ id: "pool-full", level: "error" },
        finding: `Network "net" has no address left: 20 of 20 ${range}`,
      },
    ]);
  });

  it("looks where the list keeps reservations, and is silent of what the runtime says", ({
    bed,
  }) => {
    const lists = new Lists(bed);
    const ipam = { type: "host-local", subnet: "10.251.35.0/30", dataDir: "/var/lib/elsewhere" };
    lists.net([{ type: "bridge", ipam }]);
    bed.host.sh(`mkdir -p ${folder}; printf 'c\\r\\neth0' >${folder}/10.251.35.2`);
    expect(said(lists, ids)).toEqual([]);
    bed.host.sh(`mkdir -p /var/lib/elsewhere; mv ${folder} /var/lib/elsewhere`);
    expect(said(lists, ids)).toEqual([expect.stringMatching(/^pool-full: .* 1 of 1 /)]);
    lists.net([{ type: "bridge", capabilities: { ipRanges: true }, ipam: { type: "host-local" } }]);
    expect(said(lists, [...ids, "not-checked"])).toEqual([]);
  });
});

describe("weft doctor, of the clock,", () => {
  it("finds leases that were written later than it is now", ({ bed }) => {
    const lists = new Lists(bed);
    bridgeList(lists);
    attach(bed, lists, 8080);
    expect(said(lists, ["clock-behind"])).toEqual([]);
    const lease = "/var/lib/cni/networks/net/10.251.35.2";
    bed.host.sh(`touch -d '2 hours' ${lease}`);
    expect(said(lists, ["clock-behind"])).toEqual([
      `clock-behind: Files were written later than it is now: ${lease}`,
    ]);
  });
});

describe("weft doctor, of addresses from a server,", () => {
  const dhcp = { type: "bridge", bridge: "br0", ipam: { type: "dhcp" } };

  it("finds that nobody gives them", ({ bed }) => {
    const lists = new Lists(bed);
    lists.net([dhcp]);
    expect(said(lists, ["dhcp-daemon"])).toEqual([
      'dhcp-daemon: Network "net" takes addresses of the dhcp daemon at "/run/cni/dhcp.sock", but there is no such socket',
    ]);
    const listen = (then: string) => `python3 -c '
import os, socket
os.makedirs("/run/cni", exist_ok=True)
s = socket.socket(socket.AF_UNIX)
s.bind("/run/cni/dhcp.sock")
${then}'`;
    bed.host.sh(listen(""));
    expect(said(lists, ["dhcp-daemon"])).toEqual([
      expect.stringMatching(/nobody listens there any more$/),
    ]);
  });

  it("is content with a dhcp daemon that listens, and does not connect to it", ({ bed }) => {
    const lists = new Lists(bed);
    lists.net([dhcp]);
    bed.host.until("test -S /run/cni/dhcp.sock");
    expect(said(lists, ["dhcp-daemon", "dhcp-lease-expired", "not-checked"])).toEqual([]);
    lists.net([{ ...dhcp, ipam: { type: "dhcp", daemonSocketPath: "/run/other.sock" } }]);
    const [found] = findings(lists, ["dhcp-daemon"]);
    expect(found?.advice).toContain("dhcp daemon -socketpath /run/other.sock");
  });

  it("finds leases that have run out, and no others", ({ bed }) => {
    const lists = new Lists(bed);
    lists.net([dhcp]);
    const boot = bed.host.sh("cat /proc/sys/kernel/random/boot_id").trim();
    const times = (expiresAt: number) => ({ acquiredAt: 0, renewAt: 0, rebindAt: 0, expiresAt });
    const lease = (address: string, expiresAt: number) => ({
      ...{ version: 1, boot, address, server: "10.77.0.1", serverMac: "02:00:00:00:00:01" },
      ...{ options: {}, ...times(expiresAt) },
    });
    const write = (name: string, of: unknown) => {
      const owner = { network: "net", containerID: name, ifName: "eth0" };
      const record = { ...owner, question: {}, place: {}, reported: "10.77.0.9/24", lease: of };
      bed.write(`/run/cni/dhcp.leases/${name}.json`, JSON.stringify(record));
    };
    bed.host.sh("mkdir -p -m 700 /run/cni/dhcp.leases");
    write("late", lease("10.77.0.11", 1));
    write("lost", null);
    write("fine", lease("10.77.0.12", Number.MAX_SAFE_INTEGER));
    write("damaged", { ...lease("10.77.0.13", 1), boot: "another" });
    const [found, ...others] = said(lists, ["dhcp-lease-expired"]);
    expect(others).toEqual([]);
    expect(found).toMatch(/2 attachments without a lease of DHCP any more: /);
    expect(found).toMatch(
      /eth0 of container late in network "net" .its lease of 10.77.0.11 ran out \d+ s/,
    );
    expect(found).toContain('lost in network "net" (its lease of 10.77.0.9/24 has run out)');
  });

  it("reads what the daemon keeps, and finds what it does not", async ({ bed }) => {
    const lan = new Lan(bed);
    lan.connectBridge("br0");
    const daemon = await startDaemon(bed);
    const lists = new Lists(bed);
    lists.net([dhcp]);
    const { name, netns } = bed.container();
    expect(lists.weft(`add net ${netns} --container-id ${name}`)).toMatchObject({ status: 0 });
    const leaseIds = ["dhcp-lease-expired", "dhcp-lease-missing", "not-checked"];
    expect(said(lists, leaseIds)).toEqual([]);
    await daemon.kill();
    expect(said(lists, leaseIds)).toEqual([]);
    const [path = ""] = bed
      .list("/run/cni/dhcp.leases")
      .map((file) => `/run/cni/dhcp.leases/${file}`);
    const record = JSON.parse(bed.read(path));
    const past = { acquiredAt: 0, renewAt: 0, rebindAt: 0, expiresAt: 0 };
    bed.write(path, JSON.stringify({ ...record, lease: { ...record.lease, ...past } }));
    expect(said(lists, leaseIds)).toEqual([
      expect.stringMatching(/^dhcp-lease-expired: .*10.77.0.10 ran out/),
    ]);
    bed.host.sh(`rm ${path}`);
    expect(said(lists, leaseIds)).toEqual([
      `dhcp-lease-missing: 1 attachment whose lease the dhcp daemon does not keep: eth0 of container ${name} in "net"`,
    ]);
  });
});
