/** P8: DEL takes back all that ADD made, whatever happened in between. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge, bridgeWith, hostLocal, masqueraded } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Variables } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import type { Result } from "../bed/outcome.ts";
import { programsInBed } from "../bed/paths.ts";
import type { Snapshot } from "../bed/snapshot.ts";
import { reservations } from "../bed/store.ts";

const dualStack = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]],
  routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
};
const config = bridgeWith(dualStack, { ipMasq: true, macspoofchk: true });
const shared = sharedBy(config);

/** A machine with one attachment, and what it was before. */
function attached(bed: Bed): { box: Container; before: Snapshot; result: Result } {
  const box = bed.container();
  const before = bed.snapshot();
  const { result } = bed.add("bridge", box, config);
  expect(bed.leftovers(before, shared)).not.toEqual([]);
  return { box, before, result };
}

describe("P8 DEL", () => {
  it("P8.01 takes back all that ADD made", ({ bed }) => {
    const { box, before } = attached(bed);
    expect(bed.del("bridge", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before, shared)).toEqual([]);
  });

  it.for(["nftables", "iptables"])("P8.01 also with masquerade by %s", (ipMasqBackend, { bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    const backed = { ...config, ipMasqBackend };
    bed.add("bridge", box, backed).result;
    expect(bed.del("bridge", box, backed)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before, shared)).toEqual([]);
  });

  needs("legacy iptables")("P8.01 also with masquerade by the older iptables", ({ bed }) => {
    const tools = bed.folder("tools");
    for (const name of ["iptables", "ip6tables"]) {
      for (const job of ["", "-save", "-restore"]) {
        bed.host.sh(`ln -s "$(command -v ${name}-legacy${job})" ${tools}/${name}${job}`);
      }
    }
    const options = { env: { PATH: `${tools}:${programsInBed}` } };
    const box = bed.container();
    const before = bed.snapshot();
    const backed = { ...config, ipMasqBackend: "iptables" };
    bed.add("bridge", box, backed, options).result;
    expect(bed.host.sh("iptables-legacy-save -t nat")).toContain("MASQUERADE");
    expect(bed.del("bridge", box, backed, options)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before, shared)).toEqual([]);
  });

  it("P8.01 loopback goes down", ({ bed }) => {
    const box = bed.container();
    const lo = { cniVersion: "1.1.0", name: "lo", type: "loopback" };
    bed.add("loopback", box, lo).result;
    expect(box.link("lo").flags).toContain("UP");
    expect(bed.del("loopback", box, lo)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(box.link("lo").flags).not.toContain("UP");
  });

  it("P8.02 can be repeated", ({ bed }) => {
    const { box, before } = attached(bed);
    for (let time = 0; time < 3; time++) {
      expect(bed.del("bridge", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
    }
    expect(bed.leftovers(before, shared)).toEqual([]);
  });

  it.for(["bridge", "host-local", "loopback"])(
    "P8.03 of what was never added is no error: %s",
    (program, { bed }) => {
      const box = bed.container();
      const before = bed.snapshot();
      expect(bed.del(program, box, config)).toMatchObject({ exitCode: 0, stdout: "" });
      expect(bed.leftovers(before, shared)).toEqual([]);
    },
  );

  const withoutNamespace: readonly (readonly [string, Variables])[] = [
    ["P8.04 without CNI_NETNS", { CNI_NETNS: undefined }],
    ["P8.04 with an empty CNI_NETNS", { CNI_NETNS: "" }],
    ["P8.06 with a CNI_NETNS that is a plain file", { CNI_NETNS: "/etc/passwd" }],
  ];
  it.for(withoutNamespace)("%s frees address and rules", ([, env], { bed }) => {
    const { box, before } = attached(bed);
    bed.del("bridge", box, config, { env });
    expect(reservations(bed)).toEqual([]);
    box.sh("ip link delete eth0 2>/dev/null || true"); // without a namespace this may be ours to do
    expect(bed.leftovers(before, shared)).toEqual([]);
  });

  it.for(withoutNamespace.slice(0, 2))("%s is no error", ([, env], { bed }) => {
    const { box } = attached(bed);
    expect(bed.del("bridge", box, config, { env })).toMatchObject({ exitCode: 0, stdout: "" });
  });

  it("P8.05 P8.13 with a namespace that is gone is no error and frees all else", ({ bed }) => {
    const before = bed.snapshot();
    const box = bed.container();
    bed.add("bridge", box, config).result;
    bed.host.sh(`ip netns delete ${box.name}`);
    expect(bed.del("bridge", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before, shared).filter((line) => !line.includes("/run/netns"))).toEqual(
      [],
    );
  });

  const foreignResults = [
    "null",
    "{}",
    "[]",
    '"text"',
    '{"cniVersion":"9.9"}',
    '{"cniVersion":"0.2.0","ip4":{"ip":"10.1.2.2/24"}}',
    '{"cniVersion":"1.1.0","interfaces":[],"ips":[{"address":"10.1.2.2/24","interface":7}]}',
    '{"cniVersion":"1.1.0","ips":[{"address":"nonsense"}]}',
  ];
  it.for(foreignResults)("P8.07 does its work with the prevResult %s", (text, { bed }) => {
    const { box, before } = attached(bed);
    const run = bed.del("bridge", box, { ...config, prevResult: JSON.parse(text) });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before, shared)).toEqual([]);
  });

  it("P8.07 does its work with the result of its ADD", ({ bed }) => {
    const { box, before, result } = attached(bed);
    const run = bed.del("bridge", box, { ...config, prevResult: result });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before, shared)).toEqual([]);
  });

  it("P8.08 frees address and rules if the interface is gone", ({ bed }) => {
    const { box, before } = attached(bed);
    box.sh("ip link delete eth0");
    expect(bed.del("bridge", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before, shared)).toEqual([]);
  });

  it("P8.09 one failing step does not keep the others", ({ bed }) => {
    const fake = bed.recorder("fake");
    const ips = [{ address: "10.1.2.7/24", gateway: "10.1.2.1" }];
    fake.answer("ADD", { stdout: { cniVersion: "1.1.0", ips } });
    fake.answer("DEL", { stdout: { code: 120, msg: "stuck" }, exitCode: 1 });
    const faked = bridgeWith({ type: "fake" }, { ipMasq: true });
    const box = bed.container();
    const before = bed.snapshot();
    bed.add("bridge", box, faked).result;

    const { error } = bed.del("bridge", box, faked);
    expect(error.msg).toContain("stuck");
    expect(bed.leftovers(before, sharedBy(faked))).toEqual([]);
  });

  const broken = [
    ["options that contradict each other", { hairpinMode: true, promiscMode: true }],
    ["an MTU that is no number", { mtu: "big" }],
    ["an impossible VLAN", { vlan: 70_000 }],
    ["an unknown masquerade backend", { ipMasqBackend: "magic" }],
    ["a malformed hardware address", { runtimeConfig: { mac: "nope" } }],
    ["a range that is none", { ipam: { ...dualStack, ranges: [[{ subnet: "10.1.2.5/24" }]] } }],
    ["no range at all", { ipam: { type: "host-local" } }],
    ["a resolv.conf that is not there", { ipam: { ...dualStack, resolvConf: "/nope" } }],
  ] as const;
  it.for(broken)("P8.10 needs nothing that only ADD needs: %s", ([, change], { bed }) => {
    const { box, before } = attached(bed);
    const run = bed.del("bridge", box, { ...config, ...change });
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(bed.leftovers(before, shared)).toEqual([]);
  });

  it("P8.12 leaves other attachments and other people's things alone", ({ bed }) => {
    const plain = masqueraded("10.1.2.0/24");
    const [first, second] = [bed.container(), bed.container()];
    const outside = bed.outside();
    bed.host.sh("nft 'add table inet mine; add chain inet mine c; add rule inet mine c accept'");
    bed.add("bridge", first, plain).result;
    const before = bed.snapshot();
    bed.add("bridge", second, plain).result;

    expect(bed.del("bridge", second, plain)).toSucceed();
    const store = { network: "net", dataDir: "/var/lib/cni/networks" };
    expect(bed.leftovers(before, store)).toEqual([]);
    expect(first.ping("10.1.2.1")).toBe(true);
    expect(first.ping("203.0.113.2")).toBe(true);
    expect(outside.succeeds("ip route get 10.1.2.2")).toBe(false);
  });

  it("P8.12 host-local frees only what belongs to this attachment", ({ bed }) => {
    const [first, second] = [bed.container(), bed.container()];
    for (const box of [first, second]) bed.add("host-local", box, hostLocal("10.1.2.0/24")).result;
    bed.add("host-local", first, hostLocal("10.1.2.0/24"), { ifName: "eth1" }).result;
    expect(bed.del("host-local", first, hostLocal("10.1.2.0/24"))).toSucceed();
    expect(reservations(bed)).toEqual(["10.1.2.3", "10.1.2.4"]);
  });

  it("P8.12 the bridge stays", ({ bed }) => {
    const box = bed.container();
    bed.add("bridge", box, bridge("10.1.2.0/24")).result;
    bed.del("bridge", box, bridge("10.1.2.0/24"));
    expect(bed.host.links()).toEqual(["lo", "uplink0", "br0"]);
    expect(bed.host.addresses("br0")).toEqual(["10.1.2.1/24"]);
  });
});
