/** vlan: its id, and frames that bear it. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import { ethernet, listen, sendFrames } from "../bed/frames.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { backgroundInBed } from "../bed/paths.ts";

/** A type of frames that is nobody's, linux/if_ether.h: ETH_P_802_EX1. */
const EXPERIMENT = 0x88b5;

const onVlan = needs("802.1Q");

const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]];
const ipam = { type: "host-local", ranges };
const base = { cniVersion: "1.1.0", name: "net", type: "vlan" };
const config: Config = { ...base, master: "uplink", vlanId: 5, ipam };

function attach(bed: Bed, more: Config = {}): { readonly box: Container; readonly ended: Config } {
  const box = bed.container();
  const prevResult = bed.add("vlan", box, { ...config, ...more }).result;
  return { box, ended: { ...config, ...more, prevResult } };
}

/** The neighbour, with an address in these VLANs. */
function outsideWith(bed: Bed, ...ids: readonly number[]): Container {
  const outside = bed.outside();
  for (const id of ids) {
    outside.sh(`
      ip link add link wire name wire.${id} up type vlan id ${id}
      ip address add 10.1.2.${200 + id}/24 dev wire.${id}
      ip address add fd00:1::${id}:1/64 dev wire.${id} nodad`);
  }
  return outside;
}

/** Sends a text to all who hear the container. */
function shout(box: Container, text: string): void {
  const from = String(box.link("eth0").address);
  const frame = ethernet({ to: "ff:ff:ff:ff:ff:ff", from, type: EXPERIMENT }, Buffer.from(text));
  sendFrames(box, "eth0", [frame]);
}

describe("the id", () => {
  onVlan.for([0, 1, 5, 4094])("may be %d", (vlanId, { bed }) => {
    bed.outside();
    const { box, ended } = attach(bed, { vlanId });
    expect(box.link("eth0").linkinfo).toMatchObject({
      info_kind: "vlan",
      info_data: { protocol: "802.1Q", id: vlanId },
    });
    expect(bed.check("vlan", box, ended)).toSucceed();
  });

  onVlan("is 0 where none is given: frames with a priority and no VLAN", ({ bed }) => {
    bed.outside();
    const { box } = attach(bed, { vlanId: undefined });
    expect(box.link("eth0").linkinfo).toMatchObject({ info_data: { id: 0 } });
  });

  it("is refused by name where it is none, and nothing is changed", ({ bed }) => {
    bed.outside();
    const box = bed.container();
    const before = bed.snapshot();
    for (const vlanId of [-1, 4095, 5000, 4_294_967_301, "5", 5.5, true]) {
      for (const command of ["ADD", "CHECK", "STATUS"]) {
        const call = { command, container: box, config: { ...config, vlanId } };
        const { error } = bed.exec("vlan", call);
        expect([vlanId, command, error.code]).toEqual([vlanId, command, 7]);
        expect(error.msg).toContain("vlanId");
      }
    }
    expect(bed.leftovers(before)).toEqual([]);
  });

  onVlan.for([
    ["the host", (bed: Bed) => bed.host.sh("ip link add link uplink name up.5 type vlan id 5")],
    ["another container", (bed: Bed) => attach(bed)],
  ] as const)("is one link's at a master: refused if %s has it", ([, take], { bed }) => {
    bed.outside();
    const box = bed.container();
    take(bed);
    const before = bed.snapshot();
    const { error } = bed.add("vlan", box, config);
    expect(error.code).toBe(103);
    expect(error.msg).toMatch(/\b5\b/);
    expect(error.msg).toContain('"uplink"');
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  onVlan("may be the same at another master", ({ bed }) => {
    bed.outside();
    bed.host.sh("ip link add spare0 up type veth peer name spare1 && ip link set spare1 up");
    attach(bed);
    const { box, ended } = attach(bed, { master: "spare0" });
    expect(bed.check("vlan", box, ended)).toSucceed();
  });

  onVlan("is looked at by CHECK", ({ bed }) => {
    bed.outside();
    const { box, ended } = attach(bed);
    const { error } = bed.check("vlan", box, { ...ended, vlanId: 6 });
    expect(error.code).toBe(104);
    expect(error.msg).toMatch(/\b6\b.*\b5\b/);
  });
});

describe("the master", () => {
  it("has to be named", ({ bed }) => {
    bed.outside();
    bed.host.sh("ip route add default via 203.0.113.2");
    const box = bed.container();
    const before = bed.snapshot();
    for (const master of [undefined, ""]) {
      for (const command of ["ADD", "CHECK", "STATUS"]) {
        const call = { command, container: box, config: { ...config, master } };
        const { error } = bed.exec("vlan", call);
        expect([master, command, error.code]).toEqual([master, command, 7]);
        expect(error.msg).toContain("master");
      }
    }
    expect(bed.leftovers(before)).toEqual([]);
  });

  onVlan("may be a VLAN itself, whose frames bear two tags", ({ bed }) => {
    bed.outside();
    bed.host.sh("ip link add link uplink name up.7 up type vlan id 7");
    const { box, ended } = attach(bed, { master: "up.7" });
    expect(box.link("eth0").link_index).toBe(bed.host.link("up.7").ifindex);
    expect(bed.check("vlan", box, ended)).toSucceed();
  });
});

describe("packets", () => {
  onVlan("reach the neighbour in the same VLAN, and come back", ({ bed }) => {
    const outside = outsideWith(bed, 5);
    const { box } = attach(bed);
    expect(box.pingAll(["10.1.2.205", "fd00:1::5:1"])).toEqual([true, true]);
    expect(outside.pingAll(["10.1.2.2", "fd00:1::2"])).toEqual([true, true]);
  });

  onVlan("of two containers stay in their VLANs", ({ bed }) => {
    const outside = outsideWith(bed, 5, 6);
    const { box: five } = attach(bed);
    const { box: six } = attach(bed, { name: "other", vlanId: 6 });
    const [onFive, onSix] = [listen(outside, "wire.5"), listen(outside, "wire.6")];
    shout(five, "five first");
    shout(six, "six");
    shout(five, "five last");
    onSix.until(Buffer.from("six"));
    onFive.until(Buffer.from("five last"));
    expect(onSix.hasSeen(Buffer.from("five first"))).toBe(false);
    expect(onFive.hasSeen(Buffer.from("six"))).toBe(false);
  });

  onVlan("bear the tag on the master", ({ bed }) => {
    outsideWith(bed, 5);
    const { box } = attach(bed);
    bed.host.sh(`
      tcpdump -i uplink -U -w /tmp/tags --immediate-mode </dev/null >/tmp/told 2>&1 &
      echo $! >>${backgroundInBed}`);
    bed.host.until("grep -q 'listening on' /tmp/told");
    expect(box.ping("10.1.2.205")).toBe(true);
    const seen = "tcpdump -r /tmp/tags -n -e 'vlan 5 and icmp' 2>/dev/null | grep";
    bed.host.until(`${seen} 'vlan 5, .*10.1.2.205 > 10.1.2.2: ICMP echo reply'`);
    expect(bed.host.succeeds(`${seen} 'vlan 5, .*10.1.2.2 > 10.1.2.205: ICMP echo request'`)).toBe(
      true,
    );
  });
});
