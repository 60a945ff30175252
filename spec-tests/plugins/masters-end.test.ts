/** A link above a link of the host after ADD, for ipvlan and vlan: CHECK, DEL, GC, STATUS. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { above, attach, network } from "../bed/masters.ts";
import { reservations } from "../bed/store.ts";

describe.each(above)("$program", (plugin) => {
  const { program, feature, own } = plugin;
  const works = needs(feature);
  const config = network(plugin);

  describe("CHECK", () => {
    works("is content after ADD, and changes nothing", ({ bed }) => {
      bed.outside();
      const { box, ended } = attach(bed, config);
      const before = bed.snapshot();
      expect(bed.check(program, box, ended)).toMatchObject({ exitCode: 0, stdout: "" });
      expect(bed.leftovers(before)).toEqual([]);
    });

    works.for([
      ["the link", "ip link delete eth0", "no such interface"],
      [
        "its kind",
        "ip link delete eth0; ip link add eth0 type bridge",
        `${program}, found "bridge"`,
      ],
      ["that it is up", "ip link set eth0 down", "up"],
      ["an address", "ip address delete 10.1.2.2/24 dev eth0", "10.1.2.2/24"],
      ["an address of IPv6", "ip address delete fd00:1::2/64 dev eth0", "fd00:1::2/64"],
      ["a route", "ip route delete 192.0.2.0/24", "192.0.2.0/24"],
      ["its MTU", "ip link set eth0 mtu 1300", "1400"],
    ] as const)("misses %s", ([, change, word], { bed }) => {
      bed.outside();
      const { box, ended } = attach(bed, { ...config, mtu: 1400 });
      box.sh(change);
      const { error } = bed.check(program, box, ended);
      expect(error.code).toBe(104);
      expect(error.msg).toContain(word);
    });

    works("misses its hardware address", ({ bed }) => {
      bed.outside();
      const { box, ended } = attach(bed, config);
      const prevResult = JSON.parse(
        JSON.stringify(ended.prevResult).replace(/"mac":"[^"]*"/, '"mac":"02:00:00:00:00:07"'),
      );
      const { error } = bed.check(program, box, { ...ended, prevResult });
      expect(error.code).toBe(104);
      expect(error.msg).toContain("02:00:00:00:00:07");
    });

    works("misses the master, and finds a link that is above another", ({ bed }) => {
      bed.outside();
      bed.host.sh("ip link add spare0 up type veth peer name spare1 && ip link set spare1 up");
      const { box, ended } = attach(bed, config);
      const wrong = [
        ["nowhere0", /nowhere0/],
        ["spare0", /above "spare0", and is above another link/],
      ] as const;
      for (const [master, words] of wrong) {
        const { error } = bed.check(program, box, { ...ended, master });
        expect(error.code).toBe(104);
        expect(error.msg).toMatch(words);
      }
    });

    works("misses the reservation, and what ADD has reported", ({ bed }) => {
      bed.outside();
      const { box, ended } = attach(bed, config);
      expect(bed.check(program, box, { ...ended, prevResult: undefined }).error.code).toBe(7);
      bed.host.sh("rm /var/lib/cni/networks/net/10.1.2.2 /var/lib/cni/networks/net/fd00*");
      expect(bed.check(program, box, ended).exitCode).toBe(1);
    });
  });

  describe("DEL", () => {
    const endings: readonly (readonly [string, (bed: Bed, box: Container) => void])[] = [
      ["with the namespace", () => undefined],
      ["without the link", (_, box) => void box.sh("ip link delete eth0")],
      ["without the namespace", (bed, box) => void bed.host.sh(`ip netns delete ${box.name}`)],
      ["without the master", (bed) => void bed.host.sh("ip link delete uplink")],
    ];
    const knowledge = [
      ["and with the result", true],
      ["and without the result", false],
    ] as const;
    const cases = endings.flatMap(([what, change]) =>
      knowledge.map(([also, hasResult]) => [`${what} ${also}`, change, hasResult] as const),
    );
    works.for(cases)("%s leaves nothing, and works twice", ([, change, hasResult], { bed }) => {
      bed.outside();
      const { box, ended } = attach(bed, config);
      change(bed, box);
      for (const _ of ["once", "twice"]) {
        const run = bed.del(program, box, hasResult ? ended : config);
        expect(run).toMatchObject({ exitCode: 0, stdout: "" });
      }
      expect(reservations(bed)).toEqual([]);
      if (bed.host.succeeds(`ip netns list | grep -q "^${box.name}"`)) {
        expect(box.links()).toEqual(["lo"]);
      }
    });

    works("leaves the machine as it was", ({ bed }) => {
      bed.outside();
      const box = bed.container();
      const before = bed.snapshot();
      const prevResult = bed.add(program, box, config).result;
      expect(bed.del(program, box, { ...config, prevResult })).toSucceed();
      expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    });

    works.for([
      ["no default route", { master: "" }],
      ["a master that was never there", { master: "nowhere0" }],
      ["an MTU above the master's", { mtu: 9000 }],
      ["a mode that does not exist", { mode: "sideways" }],
      ["a VLAN out of range", { vlanId: 5000 }],
      ["a master in a container that is gone", { linkInContainer: true }],
    ] as const)("does not mind %s", ([what, wrong], { bed }) => {
      bed.outside();
      const { box } = attach(bed, config);
      if (what.includes("gone")) bed.host.sh(`ip netns delete ${box.name}`);
      const run = bed.del(program, box, { ...config, ...wrong });
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
      expect(reservations(bed)).toEqual([]);
      if (!what.includes("gone")) expect(box.links()).toEqual(["lo"]);
    });

    works.for([
      ["another kind", "ip link add eth0 type bridge", {}],
      ["the alias of another attachment", "ip link set eth0 alias 'weft net other eth0'", {}],
      [
        "another hardware address than ADD reported, and no alias",
        "ip link set eth0 alias ''",
        { mac: "02:00:00:00:00:08" },
      ],
    ] as const)("leaves a link of %s", ([what, change, more], { bed }) => {
      bed.outside();
      const box = what === "another kind" ? bed.container() : attach(bed, config).box;
      box.sh(change);
      const interfaces = [{ name: "eth0", sandbox: box.netns, ...more }];
      const prevResult = { cniVersion: "1.1.0", interfaces };
      expect(bed.del(program, box, { ...config, prevResult })).toSucceed();
      expect(box.links()).toContain("eth0");
    });
  });

  describe("GC", () => {
    works("gives back the addresses of attachments that are no longer valid", ({ bed }) => {
      bed.outside();
      const { box: kept } = attach(bed, config);
      attach(bed, network(plugin, "vlanId" in own ? { vlanId: 6 } : {}));
      expect(reservations(bed)).toHaveLength(4);
      const valid = [{ containerID: kept.containerID, ifname: "eth0" }];
      const run = bed.gc(program, { ...config, "cni.dev/valid-attachments": valid });
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
      expect(reservations(bed)).toEqual(["10.1.2.2", "fd00:1::2"]);
      expect(kept.links()).toEqual(["lo", "eth0"]);
    });

    it("needs no master", ({ bed }) => {
      const run = bed.gc(program, { ...config, "cni.dev/valid-attachments": [] });
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    });
  });

  describe("STATUS", () => {
    works("changes nothing, and asks the address manager", ({ bed }) => {
      bed.outside();
      const before = bed.snapshot();
      expect(bed.status(program, config)).toMatchObject({ exitCode: 0, stdout: "" });
      expect(bed.leftovers(before)).toEqual([]);
      expect(bed.status(program, { ...config, ipam: { type: "nowhere" } }).error.code).toBe(102);
    });

    works("names a master that is missing, by its own code", ({ bed }) => {
      const { error } = bed.status(program, config);
      expect(error).toMatchObject({ code: 50, msg: expect.stringContaining('"uplink"') });
    });
  });
});
