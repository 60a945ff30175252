/** `weft plan`: what it tells is what ADD and DEL do, and it does none of it. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge, masqueraded } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { type Difference, differenceBy, type PlannedStep, planned } from "../bed/facts.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { Lists } from "../bed/lists.ts";
import { itWorks, workingConfig } from "../bed/subjects.ts";

/** The steps that `weft plan` tells as JSON. */
function plan(lists: Lists, words: string): readonly PlannedStep[] {
  const { status, stdout, stderr } = lists.weft(`plan ${words} --json`);
  expect({ status, stderr }).toMatchObject({ status: 0 });
  return JSON.parse(stdout);
}

/** A plan, and then the same for real: what each makes of the machine. */
function both(bed: Bed, box: Container, words: string): readonly [Difference, Difference] {
  const lists = new Lists(bed);
  const before = bed.snapshot();
  const told = planned(plan(lists, words));
  expect(bed.leftovers(before)).toEqual([]);
  const real = differenceBy(bed, box, () => {
    expect(lists.weft(words)).toMatchObject({ status: 0 });
  });
  return [told, real];
}

const ports = "--capability portMappings=8080:80/tcp,8053:53/udp";
const shaped = {
  ingressRate: 1_000_000,
  ingressBurst: 100_000,
  egressRate: 1_000_000,
  egressBurst: 100_000,
};

const lists: Readonly<Record<string, readonly Config[]>> = {
  "bridge, portmap, bandwidth and tuning": [
    masqueraded("10.251.36.0/24"),
    { type: "portmap", capabilities: { portMappings: true } },
    { type: "bandwidth", ...shaped },
    { type: "tuning", sysctl: { "net.ipv4.conf.eth0.arp_filter": "1" }, mtu: 1400 },
  ],
  "the same by iptables, with firewall": [
    { ...masqueraded("10.251.36.0/24"), ipMasqBackend: "iptables" },
    { type: "portmap", backend: "iptables", capabilities: { portMappings: true } },
    { type: "firewall", backend: "iptables" },
  ],
  "firewall with a policy": [
    bridge("10.251.36.0/24", { isDefaultGateway: true }),
    { type: "firewall", backend: "nftables", ingressPolicy: "isolated" },
  ],
  ptp: [workingConfig("ptp")],
  macvlan: [workingConfig("macvlan")],
  "vxlan-overlay": [workingConfig("vxlan-overlay")],
};

describe.for(Object.entries(lists))("weft plan for %s", ([, plugins]) => {
  const works = itWorks(...plugins.map(({ type }) => String(type)));

  works("tells of ADD and of DEL what each then does", ({ bed }) => {
    const box = bed.container();
    new Lists(bed).net(plugins);
    for (const command of ["add", "del"]) {
      const words = `${command} net ${box.netns} --container-id box ${ports}`;
      const [told, real] = both(bed, box, words);
      expect(told).toEqual(real);
      expect([...real.added, ...real.gone].length).toBeGreaterThan(3);
    }
  });
});

describe("weft plan", () => {
  it("names the very next address, and the bridge and its ports as they are", ({ bed }) => {
    const lists = new Lists(bed);
    const [box, other] = [bed.container(), bed.container()];
    lists.net([bridge("10.251.36.0/24", { mtu: 1400 })]);
    expect(lists.weft(`add net ${other.netns}`)).toMatchObject({ status: 0 });
    const [told, real] = both(bed, box, `add net ${box.netns}`);
    expect(told).toEqual(real);
    expect(told.added).toContain("container address 10.251.36.3/24 eth0");
    expect(told.added).toContain("file /var/lib/cni/networks/net/10.251.36.3");
    expect(told.added.filter((fact) => fact.startsWith("host link br0"))).toEqual([]);
  });

  it("works for one plugin, and where there is no namespace yet", ({ bed }) => {
    const lists = new Lists(bed);
    lists.write("one.conf", bridge("10.251.36.0/24"));
    const before = bed.snapshot();
    const steps = plan(lists, `add --conf ${lists.folder}/one.conf`);
    expect(steps).toContainEqual(
      expect.objectContaining({
        ...{ plugin: "bridge", kind: "address", action: "make", where: "container" },
        ...{ what: "10.251.36.2/24 dev eth0" },
      }),
    );
    expect(steps.map(({ step }) => step)).toEqual(steps.map((_, i) => i + 1));
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("is for people a line a step, with what stands for something else", ({ bed }) => {
    const lists = new Lists(bed);
    lists.net([bridge("10.251.36.0/24")]);
    const { stdout } = lists.weft("plan add net /run/netns/nobody --container-id box");
    expect(stdout).toMatch(/^ADD of network "net" for interface eth0 of container box in .*:$/m);
    expect(stdout).toMatch(/^note: there is no namespace \/run\/netns\/nobody: an empty one/m);
    expect(stdout).toMatch(/^ *\d+ {2}bridge {2}host {7}make link br0: bridge, mtu 1500, .*up$/m);
    expect(stdout).toMatch(/^ *\d+ {2}weft {15}make file \/var\/lib\/cni\/results\/net-box-eth0/m);
  });

  it("has files of directories that a configuration names", ({ bed }) => {
    const lists = new Lists(bed);
    const ipam = { type: "host-local", subnet: "10.251.36.0/24", dataDir: "/var/lib/elsewhere" };
    lists.net([{ type: "bridge", bridge: "br0", ipam }]);
    const box = bed.container();
    const [told, real] = both(bed, box, `add net ${box.netns}`);
    expect(told).toEqual(real);
    expect(told.added).toContain("file /var/lib/elsewhere/net/10.251.36.2");
  });

  it("ends as ADD would if a plugin fails, with what is taken back", ({ bed }) => {
    const lists = new Lists(bed);
    const box = bed.container();
    lists.net([bridge("10.251.36.0/24"), { type: "bandwidth", ingressRate: 1 }]);
    const words = `add net ${box.netns}`;
    const before = bed.snapshot();
    const { status, stdout, stderr } = lists.weft(`plan ${words}`);
    expect(bed.leftovers(before)).toEqual([]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: lists.weft(words).stderr });
    expect(stderr).toMatch(/^weft: plugin "bandwidth": .*\(code \d+\)/);
    expect(stdout).toMatch(/ make link eth0:[\s\S]* remove link eth0:/);
    const steps: readonly PlannedStep[] = JSON.parse(lists.weft(`plan ${words} --json`).stdout);
    expect(steps.at(-1)).toMatchObject({ plugin: "bandwidth", kind: "error", action: "fail" });
  });

  it("knows who has a port of the host already, and fails as ADD would", ({ bed }) => {
    const lists = new Lists(bed);
    lists.net([
      bridge("10.251.36.0/24"),
      { type: "portmap", capabilities: { portMappings: true } },
    ]);
    const [first, second] = [bed.container(), bed.container()];
    expect(lists.weft(`add net ${first.netns} ${ports}`)).toMatchObject({ status: 0 });
    const words = `add net ${second.netns} ${ports}`;
    const before = bed.snapshot();
    const { status, stderr } = lists.weft(`plan ${words}`);
    expect(bed.leftovers(before)).toEqual([]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: lists.weft(words).stderr });
    expect(stderr).toMatch(/^weft: plugin "portmap": .*8080.*\(code 103\)/);
  });

  it("writes no line into the log, and says nothing of that", ({ bed }) => {
    const lists = new Lists(bed);
    lists.net([bridge("10.251.36.0/24")]);
    const env = { WEFT_LOG: "/var/log/weft.log" };
    const before = bed.snapshot();
    const planned = lists.weft("plan add net", env);
    expect(planned).toMatchObject({ status: 0, stderr: "" });
    expect(planned.stdout).not.toContain("weft.log");
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("changes nothing either if it is killed while a plugin is at work", ({ bed }) => {
    const lists = new Lists(bed);
    const pipe = `${bed.fakes}/pipe`;
    bed.write(`${bed.fakes}/waiting`, `#!/bin/sh\nread word <${pipe}\nread word <${pipe}\n`);
    bed.host.sh(`chmod 755 ${bed.fakes}/waiting; mkfifo ${pipe}`);
    lists.net([masqueraded("10.251.36.0/24"), "waiting"]);
    const before = bed.snapshot();
    const { stdout } = lists.run(`${bed.bin}/weft plan add net >/dev/null & pid=$!
      echo first >${pipe}
      kill -9 $pid; wait $pid; echo $?`);
    expect(stdout).toBe("137\n");
    bed.host.until("! grep -qs '[f]akes/waiting' /proc/[0-9]*/cmdline");
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("shows without root what it can, and says what it cannot", ({ bed }) => {
    const lists = new Lists(bed);
    lists.net([bridge("10.251.36.0/24")]);
    bed.host.sh(`chmod -R a+rX ${lists.folder}`);
    const before = bed.snapshot();
    const user = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    const { status, stdout, stderr } = lists.run(`${user} ${bed.bin}/weft plan add net`);
    expect(bed.leftovers(before)).toEqual([]);
    if (status === 0) {
      expect(stderr).toBe("");
      expect(stdout).toMatch(/^note: this is not root: leases and nf_tables .* are not seen/m);
      expect(stdout).toMatch(/ make address 10\.251\.36\.2\/24 dev eth0$/m);
    } else {
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toMatch(/^weft: Cannot make namespaces, which this host lets only root do/);
    }
  });

  it("finds a container by what a process has, and refuses what is none", ({ bed }) => {
    const lists = new Lists(bed);
    lists.net([bridge("10.251.36.0/24")]);
    const box = bed.container();
    box.sh("ip link add eth0 type bridge");
    const { stderr } = lists.run(`nsenter --net=${box.netns} sleep 100 & pid=$!
      until [ /proc/$pid/ns/net -ef ${box.netns} ]; do :; done
      ${bed.bin}/weft plan add net /proc/$pid/ns/net; kill $pid`);
    expect(stderr).toMatch(/^weft: plugin "bridge": .*eth0.*\(code \d+\)/);
    for (const [netns, words] of [
      ["/proc/self/ns/net", "it is the network namespace of this host"],
      [`${lists.folder}/10-net.conflist`, "it is not a namespace file"],
    ]) {
      const refused = lists.weft(`plan add net ${netns}`);
      expect(refused).toMatchObject({ status: 1, stdout: "" });
      expect(refused.stderr).toContain(words);
    }
  });

  it("tells of what cannot be asked in a copy of the host", ({ bed }) => {
    const lists = new Lists(bed);
    lists.net([{ type: "bridge", bridge: "br0", ipam: { type: "dhcp" } }, { type: "firewall" }]);
    const { status, stdout } = lists.weft("plan add net");
    expect(status).toBe(1);
    expect(stdout).toMatch(/^note: no DHCP server can be asked here/m);
    expect(stdout).toMatch(/^note: firewalld is not asked/m);
  });

  it("says of what is called wrongly how it is called", ({ bed }) => {
    const lists = new Lists(bed);
    for (const words of ["", "check net", "add", "add net --unknown"]) {
      expect(lists.weft(`plan ${words}`)).toMatchObject({ status: 2, stdout: "" });
    }
    expect(lists.weft("plan add nowhere")).toMatchObject({
      ...{ status: 1, stderr: expect.stringContaining('Cannot find network "nowhere"') },
    });
  });
});
