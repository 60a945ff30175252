/** `weft doctor`, of attachments: what is left of them, what lacks, and what is of nobody. */
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
import { Lists, resultsFolder, usualResult } from "../bed/lists.ts";
import { serve } from "../bed/ports.ts";

const reserved = "/var/lib/cni/networks/net";

function listsOf(bed: Bed, more: object = {}): Lists {
  const lists = new Lists(bed);
  bridgeList(lists, more);
  return lists;
}

/** What is found of these ids, as `id: sentence`. */
function said(lists: Lists, ids: readonly string[] = ofAttachments): readonly string[] {
  return findings(lists, ids).map(({ id, finding }: Finding) => `${id}: ${finding}`);
}

describe("weft doctor, of attachments,", () => {
  it("has nothing to say of those that are well", ({ bed }) => {
    const lists = listsOf(bed);
    for (const port of [8080, 8081]) attach(bed, lists, port);
    expect(said(lists)).toEqual([]);
  });

  it("finds those whose namespace is gone", ({ bed }) => {
    const lists = listsOf(bed);
    const [gone] = [attach(bed, lists, 8080), attach(bed, lists, 8081)];
    destroy(bed, gone);
    expect(findings(lists, ["attachment-gone"])).toEqual([
      {
        id: "attachment-gone",
        level: "warning",
        finding: `Network "net" has 1 attachment whose namespace is gone: eth0 of container ${gone.name}`,
        advice: 'Run "weft gc net --yes"',
      },
    ]);
    expect(lists.weft("gc net --yes")).toMatchObject({ status: 0 });
    expect(said(lists)).toEqual([]);
  });

  it("advises of no GC where the network says disableGC", ({ bed }) => {
    const lists = listsOf(bed, { disableGC: true });
    destroy(bed, attach(bed, lists, 8080));
    const [found] = findings(lists, ["attachment-gone"]);
    expect(found?.advice).toContain("weft del net --container-id ID");
  });

  it("names five of many", ({ bed }) => {
    const lists = new Lists(bed);
    lists.plugin("pa");
    lists.net(["pa"]);
    const boxes = Array.from({ length: 7 }, () => bed.container());
    for (const { name, netns } of boxes) lists.weft(`add net ${netns} --container-id ${name}`);
    for (const { name } of boxes) bed.host.sh(`ip netns del ${name}`);
    expect(said(lists, ["attachment-gone"])).toEqual([
      expect.stringMatching(/ has 7 attachments .* and 2 more$/),
    ]);
  });

  it("finds reservations that no attachment has, unless they are new", ({ bed }) => {
    const lists = listsOf(bed);
    attach(bed, lists, 8080);
    bed.host.sh(`cd ${reserved}
      printf 'old\\r\\neth0' >10.251.35.77; touch -d '1 hour ago' 10.251.35.77
      printf 'new\\r\\neth0' >10.251.35.78`);
    expect(said(lists)).toEqual([
      `lease-unattached: Network "net" has 1 reservation that no attachment has: lease ${reserved}/10.251.35.77 of container old`,
    ]);
    expect(lists.weft("gc net --yes")).toMatchObject({ status: 0 });
    expect(said(lists)).toEqual([]);
  });

  it("finds reservations of a network that has no file", ({ bed }) => {
    const lists = listsOf(bed);
    const folder = "/var/lib/cni/networks/former";
    bed.host.sh(`mkdir -p ${folder}; printf 'old\\r\\neth0' >${folder}/10.251.35.77
      touch -d '1 hour ago' ${folder}/10.251.35.77`);
    const [found] = findings(lists, ["lease-unattached"]);
    expect(found?.finding).toContain('Network "former" has 1 reservation');
    expect(found?.advice).toContain("with a file of the network in NETCONFPATH");
  });

  it("finds attachments whose address nothing reserves", ({ bed }) => {
    const lists = listsOf(bed);
    const [one, two] = [attach(bed, lists, 8080), attach(bed, lists, 8081)];
    bed.host.sh(
      `rm ${reserved}/10.251.35.2; printf '${one.name}\\r\\neth0' >${reserved}/10.251.35.3`,
    );
    expect(said(lists)).toEqual([
      `attachment-unleased: Nothing reserves in network "net", so that others may get it too: 10.251.35.2 of eth0 of container ${one.name}, 10.251.35.3 of eth0 of container ${two.name}`,
    ]);
  });

  it("finds reservations where the list keeps them", ({ bed }) => {
    const lists = new Lists(bed);
    const dataDir = "/var/lib/elsewhere";
    bridgeList(lists, {}, { ipam: { type: "host-local", subnet: "10.251.35.0/24", dataDir } });
    attach(bed, lists, 8080);
    expect(said(lists)).toEqual([]);
    bed.host.sh(`rm ${dataDir}/net/10.251.35.2`);
    expect(said(lists)).toEqual([expect.stringMatching(/^attachment-unleased: /)]);
  });

  it("finds two that have one address, as long as both live", ({ bed }) => {
    const lists = new Lists(bed);
    const boxes = ["one", "two"].map((name, i) => {
      const box = bed.container(name);
      const mac = `02:5e:00:37:02:0${i}`;
      box.sh(`ip link add eth0 address ${mac} type veth peer name x
        ip address add 10.251.34.3/24 dev eth0`);
      const interfaces = [{ name: "eth0", mac, sandbox: box.netns }];
      lists.plugin(`p${name}`, { ADD: { stdout: { ...usualResult, interfaces } } });
      lists.net([`p${name}`]);
      expect(lists.weft(`add net ${box.netns} --container-id ${name}`)).toMatchObject({
        status: 0,
      });
      return box;
    });
    expect(said(lists)).toEqual([
      'address-twice: 10.251.34.3 in network "net" is that of eth0 of container one, eth0 of container two',
    ]);
    bed.host.sh(`ip netns del ${boxes[1]?.name}`);
    expect(said(lists, ["address-twice"])).toEqual([]);
  });

  it("finds what the kernel shows otherwise than the result says", ({ bed }) => {
    const lists = listsOf(bed);
    const [one, two] = [attach(bed, lists, 8080), attach(bed, lists, 8081)];
    one.sh("ip address flush dev eth0");
    expect(said(lists)).toEqual([
      `attachment-changed: Network "net" is not as it was attached: of eth0 of container ${one.name} "eth0" does not have 10.251.35.2`,
    ]);
    two.sh("ip link del eth0");
    expect(said(lists, ["attachment-changed"])).toEqual([
      expect.stringMatching(
        /, of .* the host has no link "veth.*" and its namespace has no "eth0"$/,
      ),
    ]);
  });
});

describe("weft doctor, of host ports,", () => {
  it.for(["nftables", "iptables"])("finds those of who is gone, by %s", (backend, { bed }) => {
    const lists = new Lists(bed);
    const bridge = {
      type: "bridge",
      isGateway: true,
      ipam: { type: "host-local", subnet: "10.251.35.0/24" },
    };
    lists.net([bridge, { type: "portmap", backend, capabilities: { portMappings: true } }]);
    const [gone] = [attach(bed, lists, 8080), attach(bed, lists, 8081)];
    expect(said(lists)).toEqual([]);
    destroy(bed, gone);
    expect(said(lists, ["port-holder-gone"])).toEqual([
      expect.stringMatching(
        new RegExp(
          `Mapped ports of who is gone lead nowhere: tcp port 8080 of .*"${gone.name}" in network "net"$`,
        ),
      ),
    ]);
    expect(lists.weft("gc net --yes")).toMatchObject({ status: 0 });
    expect(said(lists)).toEqual([]);
  });

  it("finds programs that listen behind them", ({ bed }) => {
    const lists = listsOf(bed);
    serve(bed.host, "tcp", 8082);
    attach(bed, lists, 8080);
    expect(said(lists)).toEqual([]);
    serve(bed.host, "tcp", 8080);
    expect(said(lists)).toEqual([
      expect.stringMatching(/^port-listened: .*tcp port 8080 leads to the container .*python3/),
    ]);
  });
});

describe("weft doctor, of whatever it finds,", () => {
  it("changes nothing on the whole machine", ({ bed }) => {
    const lists = listsOf(bed);
    const [gone] = [attach(bed, lists, 8080), attach(bed, lists, 8081)];
    bed.host.sh(`iptables -t nat -N CNI-${"a".repeat(24)}; rm ${reserved}/10.251.35.3
      echo '{' >${resultsFolder}/net-half-eth0`);
    destroy(bed, gone);
    const before = bed.snapshot();
    const { stdout } = lists.weft("doctor");
    for (const id of [
      "attachment-gone",
      "attachment-unleased",
      "rule-unowned",
      "result-unreadable",
    ]) {
      expect(stdout).toContain(`${id}: `);
    }
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("says of what only root can see that it could not look, and goes on", ({ bed }) => {
    const lists = listsOf(bed);
    attach(bed, lists, 8080);
    const nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    const { status, stdout, stderr } = lists.run(`${nobody} ${bed.bin}/weft doctor --json`);
    expect([status, stderr]).toEqual([0, ""]);
    expect(findingsOf(stdout, ofAttachments)).not.toEqual([]);
    for (const { id, level } of findingsOf(stdout, ofAttachments)) {
      expect([id, level]).toEqual(["not-checked", "note"]);
    }
  });

  it("says at which network it could not look, and goes on with others", ({ bed }) => {
    const lists = listsOf(bed);
    destroy(bed, attach(bed, lists, 8080));
    const folder = "/var/lib/cni/networks/other";
    bed.host.sh(`mkdir -p ${folder}; : >${folder}/10.9.9.9; chown 65534 ${folder}`);
    const ids = ["not-checked", "attachment-gone"];
    expect(findings(lists, ids).map(({ id }) => id)).toEqual(ids);
    const [fault] = findings(lists, ids);
    expect(fault?.finding).toContain(`of network "other": Cannot use directory "${folder}"`);
  });

  it("takes no name from a file for a path, or for what a terminal obeys", ({ bed }) => {
    const lists = listsOf(bed);
    attach(bed, lists, 8080);
    const names = ["../../etc", "a/b", "\u001b[31mred"];
    for (const [i, networkName] of names.entries()) {
      const kept = { kind: "cniCacheV1", networkName, containerId: "..", ifName: "\u001b[2J" };
      bed.write(`${resultsFolder}/x-${i}`, JSON.stringify(kept));
    }
    const { stdout } = lists.weft("doctor");
    expect(stdout).toContain("result-listless: ");
    expect(stdout).not.toContain("\u001b");
  });
});
