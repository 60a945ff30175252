/** `weft ipam`: pools, who has which address, and giving back what nobody has. */
import { describe, expect } from "vitest";
import { asNobody, attach, fullList, keep } from "../bed/attached.ts";
import type { Bed } from "../bed/bed.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { Lists, resultsFolder } from "../bed/lists.ts";

type Row = Readonly<Record<string, unknown>>;

const networks = "/var/lib/cni/networks";
const reserved = `${networks}/net`;

/** What a command tells programs. */
function ipam(lists: Lists, words: string): readonly Row[] {
  const { stdout, stderr } = lists.weft(`ipam ${words} --json`);
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

/** Two containers of `net`, of which the first is gone. */
function lostAndLive(bed: Bed, lists: Lists) {
  const [lost, live] = [attach(bed, lists), attach(bed, lists)];
  bed.host.sh(`ip netns del ${lost.name}`);
  bed.host.until("[ $(ip -o link show type veth | wc -l) = 1 ]");
  return { lost, live };
}

/** Reserves an address an hour ago by hand: a line of a shell. */
function reserve(address: string, holder: string): string {
  return `mkdir -p ${reserved}; printf '${holder}' >${reserved}/${address}; touch -d '1 hour ago' ${reserved}/${address};`;
}

describe("weft ipam ls", () => {
  it("tells what a pool has, what is used, and by whom no more", ({ bed }) => {
    const lists = fullList(bed);
    lostAndLive(bed, lists);
    expect(ipam(lists, "ls")).toEqual([
      {
        ...{ network: "net", type: "host-local", ranges: ["10.251.35.1-10.251.35.254"] },
        ...{ size: 253, used: 2, free: 251, stale: 1, lastReserved: "10.251.35.3" },
        dataDir: networks,
      },
    ]);
    const [head, line, ...more] = lists.weft("ipam ls").stdout.trimEnd().split("\n");
    expect(more).toEqual([]);
    expect(head?.split(/ {2,}/)).toEqual([
      ...["NETWORK", "TYPE", "RANGE", "SIZE", "USED", "FREE", "STALE", "LAST", "KEPT IN"],
    ]);
    expect(line?.split(/ {2,}/)).toEqual([
      ...["net", "host-local", "10.251.35.1-10.251.35.254", "253", "2", "251", "1"],
      ...["10.251.35.3", networks],
    ]);
  });

  it("has a line for each range set, and one for what lies in none", ({ bed }) => {
    const lists = new Lists(bed);
    const ranges = [
      [{ subnet: "10.251.35.0/29", rangeStart: "10.251.35.3" }, { subnet: "10.251.36.0/29" }],
      [{ subnet: "fd00:251:35::/126" }],
    ];
    lists.net([{ type: "bridge", ipam: { type: "host-local", ranges } }]);
    attach(bed, lists);
    bed.host.sh(reserve("203.0.113.213", "old\\r\\neth0")); // that no container of any test has
    expect(ipam(lists, "ls")).toMatchObject([
      {
        ranges: ["10.251.35.3-10.251.35.6", "10.251.36.1-10.251.36.6"],
        ...{ size: 9, used: 1, free: 8, lastReserved: "10.251.35.3" },
      },
      {
        ranges: ["fd00:251:35::1-fd00:251:35::3"],
        size: 2,
        used: 1,
        lastReserved: "fd00:251:35::2",
      },
      { ranges: [], used: 1, stale: 1 },
    ]);
  });

  it("goes by the list that attachments had where the network has no file any more", ({ bed }) => {
    const lists = fullList(bed);
    attach(bed, lists);
    bed.host.sh(`rm ${lists.folder}/*`);
    expect(ipam(lists, "ls")).toMatchObject([{ network: "net", size: 253, used: 1 }]);
    bed.host.sh(`rm -r ${resultsFolder}`);
    const [row, ...others] = ipam(lists, "ls");
    expect(others).toEqual([]);
    expect(row).toMatchObject({ network: "net", ranges: [], used: 1 });
    expect(row).not.toHaveProperty("size");
  });

  it("tells of networks that have given nothing yet, and of leases of dhcp", ({ bed }) => {
    const lists = fullList(bed);
    const lease = { network: "office", containerID: "box", ifName: "eth0" };
    bed.host.sh("mkdir -p -m 700 /run/cni/dhcp.leases");
    const record = { ...lease, reported: "10.251.37.9/24", lease: { server: "10.251.37.1" } };
    bed.write("/run/cni/dhcp.leases/0123456789abcdef.json", JSON.stringify(record));
    bed.write("/run/cni/dhcp.leases/half.json", '{"network":"of');
    expect(ipam(lists, "ls")).toMatchObject([
      { network: "net", type: "host-local", size: 253, used: 0, free: 253 },
      { network: "office", type: "dhcp", ranges: [], used: 1, dataDir: "/run/cni/dhcp.leases" },
    ]);
    expect(ipam(lists, "show office")).toMatchObject([
      { ...lease, type: "dhcp", address: "10.251.37.9", isAlive: true },
    ]);
  });
});

describe("weft ipam show", () => {
  it("tells who has an address, since when, and whether he lives", ({ bed }) => {
    const lists = fullList(bed);
    const { lost, live } = lostAndLive(bed, lists);
    bed.host.sh(`touch -d '2026-01-31 12:00:00 UTC' ${reserved}/10.251.35.2`);
    const gone = `its namespace ${lost.netns} is gone`;
    expect(ipam(lists, "show net")).toEqual([
      {
        ...{ network: "net", type: "host-local", address: "10.251.35.2", containerID: lost.name },
        ...{ ifName: "eth0", since: "2026-01-31T12:00:00Z", isAlive: false, why: gone },
        path: `${reserved}/10.251.35.2`,
      },
      expect.objectContaining({ address: "10.251.35.3", containerID: live.name, isAlive: true }),
    ]);
    const lines = lists.weft("ipam show net").stdout.split("\n");
    expect(lines[1]?.split(/ {2,}/)).toEqual([
      ...["10.251.35.2", "host-local", lost.name, "eth0", "2026-01-31T12:00:00Z", "stale", gone],
    ]);
  });

  it("has addresses in their order, and records that are damaged", ({ bed }) => {
    const lists = fullList(bed);
    bed.host.sh(`${reserve("10.251.35.10", "a\\r\\neth0")} ${reserve("10.251.35.9", "b")}
      ${reserve("fd00::9", "c\\r\\neth0")} ${reserve("10.251.35.100", "")}
      ${reserve("10.251.35.101", "\\001x")} : >${reserved}/lock; echo x >${reserved}/10.251.35
      ln -s 10.251.35.10 ${reserved}/10.251.35.11; mkdir ${reserved}/10.251.35.12`);
    expect(
      ipam(lists, "show net").map(({ address, containerID, ifName, why }) => [
        ...[address, containerID, ifName, why],
      ]),
    ).toEqual([
      ["10.251.35.9", "b", undefined, "no namespace has its interface"],
      ["10.251.35.10", "a", "eth0", "no namespace has its interface"],
      ["10.251.35.100", "", undefined, "it is empty"],
      ["10.251.35.101", "", undefined, "it is corrupt"],
      ["fd00::9", "c", "eth0", "no namespace has its interface"],
    ]);
  });

  it("lets no record do anything to a terminal", ({ bed }) => {
    const lists = fullList(bed);
    bed.host.sh(reserve("10.251.35.9", "a\\r\\n\\302\\233eth0"));
    const { stdout } = lists.weft("ipam show net");
    expect(stdout.trimEnd().split("\n")).toHaveLength(2);
    expect(stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });

  it("finds its way through thousands of reservations", ({ bed }) => {
    bed.host.sh(`mkdir -p ${reserved}; cd ${reserved}
      for i in $(seq 16 31); do for j in $(seq 1 254); do printf "c$i-$j\\r\\neth0" >10.251.$i.$j; done; done
      touch -d '1 hour ago' 10.*`);
    const rows: readonly Row[] = JSON.parse(bed.host.sh(`${bed.bin}/weft ipam show net --json`));
    expect(rows).toHaveLength(16 * 254);
    expect(rows.every(({ isAlive }) => !isAlive)).toBe(true);
  });

  it("says of a network that nobody knows that it does not know it", ({ bed }) => {
    const { status, stdout, stderr } = fullList(bed).weft("ipam show nothing");
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^weft: Cannot show network "nothing": .*\n$/);
  });
});

describe("weft ipam free", () => {
  it("gives back what nobody alive has, and host-local knows", ({ bed }) => {
    const lists = fullList(bed);
    const { lost } = lostAndLive(bed, lists);
    const before = bed.snapshot();
    const said = lists.weft("ipam free net 10.251.35.2");
    expect(said).toMatchObject({ status: 0, stderr: "" });
    const why = `its namespace ${lost.netns} is gone`;
    expect(said.stdout).toBe(`freed 10.251.35.2 of eth0 of container ${lost.name}: ${why}\n`);
    expect(bed.leftovers(before)).toEqual([expect.stringContaining(`${reserved}/10.251.35.2`)]);
    const args = { CNI_ARGS: "IP=10.251.35.2" };
    const box = bed.container();
    expect(lists.weft(`add net ${box.netns} --container-id new`, args).stdout).toContain(
      "10.251.35.2/24",
    );
    expect(lists.weft(`del net ${box.netns} --container-id new`)).toMatchObject({ status: 0 });
    expect(bed.list(reserved)).not.toContain("10.251.35.2");
  });

  it("refuses one that somebody alive has, and frees none of the others then", ({ bed }) => {
    const lists = fullList(bed);
    const { live } = lostAndLive(bed, lists);
    const before = bed.snapshot();
    for (const words of ["10.251.35.3", "10.251.35.2 10.251.35.3", "10.251.35.2 10.251.35.99"]) {
      const { status, stdout, stderr } = lists.weft(`ipam free net ${words}`);
      expect([status, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(/^weft: Cannot free 10\.251\.35\.(3|99): .*\n$/);
      expect([words, bed.leftovers(before)]).toEqual([words, []]);
    }
    expect(lists.weft("ipam free net 10.251.35.3").stderr).toContain(
      `eth0 of container ${live.name} has it, which lives: its namespace ${live.netns} is there`,
    );
  });

  it("refuses what is new, since somebody may be attaching", ({ bed }) => {
    const lists = fullList(bed);
    bed.host.sh(`mkdir -p ${reserved}; printf 'new\\r\\neth0' >${reserved}/10.251.35.9`);
    expect(lists.weft("ipam free net 10.251.35.9").stderr).toContain("less than 10 minutes old");
    bed.host.sh(`touch -d '1 hour ago' ${reserved}/10.251.35.9`);
    expect(lists.weft("ipam free net 10.251.35.9")).toMatchObject({ status: 0 });
    expect(bed.list(reserved)).toEqual(["lock"]);
  });

  it("frees several at once, damaged ones as well, and says so to programs", ({ bed }) => {
    const lists = fullList(bed);
    bed.host.sh(`${reserve("10.251.35.9", "old\\r\\neth0")} ${reserve("fd00::9", "")}`);
    expect(ipam(lists, "free net 10.251.35.9 FD00:0::9")).toMatchObject([
      { network: "net", address: "10.251.35.9", containerID: "old", ifName: "eth0" },
      { network: "net", address: "fd00::9", containerID: "", why: "it is empty" },
    ]);
    expect(bed.list(reserved)).toEqual(["lock"]);
  });

  it("waits for host-local's lock, and frees nothing without it", ({ bed }) => {
    const lists = fullList(bed);
    bed.host.sh(`${reserve("10.251.35.9", "old\\r\\neth0")} mkfifo /tmp/go
      flock ${reserved}/lock sh -c 'read x </tmp/go' >/dev/null 2>&1 &
      echo $! >>/run/bed/background`);
    bed.host.until(`grep -q "$(stat -c 'FLOCK.*:%i ' ${reserved}/lock)" /proc/locks`);
    const ended = lists.weft("ipam free net 10.251.35.9");
    expect(ended).toMatchObject({ status: 1, stdout: "" });
    expect(ended.stderr).toMatch(/^weft: Cannot lock .* held by process/);
    expect(bed.list(reserved)).toContain("10.251.35.9");
    bed.host.sh("echo go >/tmp/go");
    bed.host.until(`! grep -q "$(stat -c 'FLOCK.*:%i ' ${reserved}/lock)" /proc/locks`);
    expect(lists.weft("ipam free net 10.251.35.9")).toMatchObject({ status: 0 });
  });

  it("leaves leases of dhcp to del and gc", ({ bed }) => {
    const lists = fullList(bed);
    const lease = { network: "office", containerID: "box", ifName: "eth0" };
    bed.host.sh("mkdir -p -m 700 /run/cni/dhcp.leases");
    const record = JSON.stringify({ ...lease, reported: "10.251.37.9/24", lease: {} });
    bed.write("/run/cni/dhcp.leases/0123456789abcdef.json", record);
    const { status, stderr } = lists.weft("ipam free office 10.251.37.9");
    expect([status, stderr]).toEqual([
      ...[1, expect.stringContaining("`weft del office --container-id box --ifname eth0`")],
    ]);
    expect(bed.list("/run/cni/dhcp.leases")).toHaveLength(1);
  });

  it("asks which is meant where an address is kept in two places", ({ bed }) => {
    const lists = fullList(bed);
    bed.host.sh(
      `${reserve("10.251.35.9", "old\\r\\neth0")} cp -a /var/lib/cni/networks /var/lib/other`,
    );
    bed.host.sh("chmod 755 /var/lib/other");
    lists.write("20.conflist", {
      ...{ cniVersion: "1.1.0", name: "net2" },
      plugins: [{ type: "bridge", ipam: { type: "host-local", dataDir: "/var/lib/other" } }],
    });
    const asked = lists.weft("ipam free net 10.251.35.9");
    expect([asked.status, asked.stderr]).toEqual([1, expect.stringContaining("--data-dir")]);
    const where = "--data-dir /var/lib/other";
    expect(lists.weft(`ipam free net 10.251.35.9 ${where}`)).toMatchObject({ status: 0 });
    expect(bed.list("/var/lib/other/net")).not.toContain("10.251.35.9");
    expect(bed.list(reserved)).toContain("10.251.35.9");
  });

  it("frees nothing where not all that tells of life can be looked at", ({ bed }) => {
    const lists = fullList(bed);
    bed.host.sh(reserve("10.251.35.9", "old\\r\\neth0"));
    keep(bed, { network: "net", containerID: "old", netns: "/proc/self/ns/net" });
    bed.host.sh(`chmod 777 ${resultsFolder}`);
    const { status, stderr } = lists.weft("ipam free net 10.251.35.9");
    expect([status, stderr]).toEqual([1, expect.stringContaining(`"${resultsFolder}"`)]);
    bed.host.sh(`chmod 700 ${resultsFolder}`);
    const said = lists.run(`${asNobody} ${bed.bin}/weft ipam free net 10.251.35.9`);
    expect([said.status, said.stderr]).toEqual([1, expect.stringContaining("root")]);
    expect(bed.list(reserved)).toContain("10.251.35.9");
  });

  needs("reference plugins")("is known to the reference's host-local as well", ({ bed }) => {
    const lists = new Lists(bed);
    const ipamOnly = { type: "host-local", subnet: "10.251.35.0/30" };
    const config = { cniVersion: "1.0.0", name: "net", type: "bridge", ipam: ipamOnly };
    const from = { from: bed.peer, path: bed.peer };
    const [first, second] = [bed.container(), bed.container()];
    bed.add("host-local", first, config, from);
    bed.host.sh(`touch -d '1 hour ago' ${reserved}/*; ip netns del ${first.name}`);
    expect(lists.weft("ipam free net 10.251.35.2")).toMatchObject({ status: 0 });
    expect(bed.add("host-local", second, config, from).result.ips).toMatchObject([
      { address: "10.251.35.2/30" },
    ]);
  });
});

describe("weft ipam", () => {
  it("changes nothing but by free", ({ bed }) => {
    const lists = fullList(bed);
    lostAndLive(bed, lists);
    bed.host.sh(reserve("10.251.35.100", ""));
    const before = bed.snapshot();
    for (const words of ["ls", "show net", "ls --json", "show nothing", "free net 10.251.35.3"]) {
      lists.weft(`ipam ${words}`);
      expect([words, bed.leftovers(before)]).toEqual([words, []]);
    }
  });

  it("tells a user who is not root what is reserved in all", ({ bed }) => {
    const lists = fullList(bed);
    attach(bed, lists);
    const said = lists.run(`${asNobody} ${bed.bin}/weft ipam ls --json`);
    expect(said.status).toBe(1);
    expect(said.stderr).toContain("by root only");
    expect(JSON.parse(said.stdout)).toMatchObject([{ network: "net", size: 253 }]);
  });

  it.for([
    ...["", "what", "ls net", "show", "show a b", "free", "free net", "free net ''", "ls --what"],
    ...["ls --data-dir elsewhere", "free net 10.1.2.3 --force"],
  ])("is told how it is called: ipam %s", (words, { bed }) => {
    const { status, stdout, stderr } = new Lists(bed).weft(`ipam ${words}`);
    expect([status, stdout, stderr]).toEqual([2, "", expect.stringContaining("usage: ")]);
  });

  it.for(["10.1.2", "10.1.2.3/24/1", "a", "10.1.2.3,10.1.2.4", "../../etc"])(
    "frees no %s",
    (address, { bed }) => {
      const { status, stderr } = fullList(bed).weft(`ipam free net ${address}`);
      expect([status, stderr]).toEqual([1, expect.stringMatching(/^weft: Cannot free .*\n$/)]);
    },
  );
});
