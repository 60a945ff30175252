import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge } from "../bed/configs.ts";
import { sharedBy } from "../bed/difference.ts";
import { needs } from "../bed/kernel.ts";

const subnet = "10.1.2.0/24";
const vlanIt = needs("bridge VLAN filtering");

interface PortVlans {
  readonly ifname: string;
  readonly vlans: readonly { readonly vlan: number; readonly flags?: readonly string[] }[];
}

/** The VLANs of the host end of an attachment, as `bridge vlan` shows them: `7 PVID,Egress Untagged`. */
function vlansOf(bed: Bed, port: string): readonly string[] {
  const all = JSON.parse(bed.host.sh("bridge -json vlan show")) as readonly PortVlans[];
  const own = all.find(({ ifname }) => ifname === port)?.vlans ?? [];
  return own.map(({ vlan, flags = [] }) => [vlan, ...flags].join(" "));
}

function attach(bed: Bed, options: Readonly<Record<string, unknown>>) {
  const config = bridge(subnet, options);
  const box = bed.container();
  const { result } = bed.add("bridge", box, config);
  return { box, config, result, veth: result.interfaces[1]?.name ?? "" };
}

describe("bridge with VLANs", () => {
  vlanIt("an access VLAN is the port's own and only one", ({ bed }) => {
    const { veth } = attach(bed, { vlan: 7 });
    expect(vlansOf(bed, veth)).toEqual(["7 PVID Egress Untagged"]);
    expect(bed.host.sh("cat /sys/class/net/br0/bridge/vlan_filtering").trim()).toBe("1");
  });

  vlanIt("preserveDefaultVlan keeps VLAN 1", ({ bed }) => {
    const { veth } = attach(bed, { vlan: 7, preserveDefaultVlan: true });
    expect(vlansOf(bed, veth)).toEqual(["1 Egress Untagged", "7 PVID Egress Untagged"]);
  });

  vlanIt("a trunk is tagged, and its untagged frames are VLAN 1", ({ bed }) => {
    const { veth } = attach(bed, { vlanTrunk: [{ id: 42 }, { minID: 100, maxID: 102 }] });
    expect(vlansOf(bed, veth)).toEqual(["1 PVID Egress Untagged", "42", "100", "101", "102"]);
  });

  vlanIt("a trunk and an access VLAN go together", ({ bed }) => {
    const { veth } = attach(bed, { vlan: 7, vlanTrunk: [{ minID: 6, maxID: 8 }] });
    expect(vlansOf(bed, veth)).toEqual(["6", "7 PVID Egress Untagged", "8"]);
  });

  vlanIt("all VLANs fit on one port", ({ bed }) => {
    const { veth } = attach(bed, { vlanTrunk: [{ minID: 2, maxID: 4094 }] });
    expect(vlansOf(bed, veth)).toHaveLength(4094);
  });

  vlanIt("filtering is switched on for a bridge that exists", ({ bed }) => {
    bed.host.sh("ip link add br0 type bridge && ip link set br0 up");
    const { veth } = attach(bed, { vlan: 7 });
    expect(bed.host.sh("cat /sys/class/net/br0/bridge/vlan_filtering").trim()).toBe("1");
    expect(vlansOf(bed, veth)).toEqual(["7 PVID Egress Untagged"]);
  });

  vlanIt("containers of one VLAN reach each other and their gateway, others do not", ({ bed }) => {
    const first = attach(bed, { vlan: 7, isGateway: true });
    const second = attach(bed, { vlan: 7, isGateway: true });
    const other = attach(bed, { vlan: 8, isGateway: false });
    expect(first.result.interfaces.map(({ name }) => name)).toContain("br0.7");
    expect(first.box.ping("10.1.2.1")).toBe(true);
    expect(first.box.ping(`${second.result.ips[0]?.address}`.split("/")[0] ?? "")).toBe(true);
    expect(first.box.ping(`${other.result.ips[0]?.address}`.split("/")[0] ?? "")).toBe(false);
  });

  vlanIt("the gateway has an interface of the VLAN, shared and made once", ({ bed }) => {
    const { config, box, result } = attach(bed, { vlan: 7, isGateway: true });
    attach(bed, { vlan: 7, isGateway: true });
    expect(bed.host.addresses("br0.7")).toContain("10.1.2.1/24");
    expect(bed.host.sh("ip -o link show type veth | grep -c 'br0\\.7@'").trim()).toBe("1");
    const checked = bed.check("bridge", box, { ...config, prevResult: result });
    expect(checked).toMatchObject({ exitCode: 0, stdout: "" });
  });

  vlanIt("DEL leaves what is shared and nothing else", ({ bed }) => {
    const warm = attach(bed, { vlan: 7, isGateway: true });
    bed.del("bridge", warm.box, warm.config);
    const before = bed.snapshot();
    const { box, config } = attach(bed, { vlan: 7, isGateway: true });
    expect(bed.del("bridge", box, config)).toSucceed();
    const left = bed.leftovers(before, sharedBy(config)).filter((line) => !line.includes(" box"));
    expect(left).toEqual([]);
  });
});
