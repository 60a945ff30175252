/** What a bridge learns from frames of a pod under macspoofchk: none may move another's address. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { ethernet, joined, listen, sendFrames, VLAN, vlanTag } from "../bed/frames.ts";
import { it } from "../bed/it.ts";
import { waitUntil } from "../bed/patience.ts";

const checked = bridge("10.1.2.0/24", { macspoofchk: true });
const free = bridge("10.1.2.0/24");
/** The groups that bridges keep to themselves, IEEE 802.1D and 802.1Q. */
const groups = Array.from({ length: 16 }, (_, i) => `01:80:c2:00:00:0${i.toString(16)}`);

interface Attached {
  readonly pod: Container;
  readonly port: string;
  readonly mac: string;
}

/** A pod that says nothing of its own accord: what it says would teach the bridge. */
function attach(bed: Bed, config = checked): Attached {
  const pod = bed.container();
  pod.sh("for i in all default; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; done");
  const port = bed.add("bridge", pod, config).result.interfaces[1]?.name ?? "";
  return { pod, port, mac: String(pod.link("eth0").address) };
}

/** The port by which the bridge sends what is for an address; none if it does not know. */
function placeOf(bed: Bed, mac: string): unknown {
  const entries = bed.host.bridge("fdb show br br0") as readonly { mac: string; ifname: string }[];
  return entries.find((entry) => entry.mac === mac && !("vlan" in entry))?.ifname;
}

/** Sends frames with the victim's source out of the attacker's pod; all have come on return. */
function forge(bed: Bed, attacker: Attached, frames: readonly Uint8Array[]): void {
  const last = ethernet(
    { to: "01:80:c2:00:00:03", from: attacker.mac, type: 0x88b5 },
    joined("the last"),
  );
  const eyes = listen(bed.host, attacker.port, `port-${attacker.port}`);
  sendFrames(attacker.pod, "eth0", [...frames, last]);
  eyes.until(last);
}

/** A frame for each group: a BPDU's header, LLDP, and a type that nobody has. */
function forgedFrames(from: string): readonly Uint8Array[] {
  const payload = joined("a frame that bridges keep to themselves");
  return groups.flatMap((to) => [
    ethernet({ to, from, type: 0x88cc }, payload),
    ethernet({ to, from, type: 0x0026 }, joined([0x42, 0x42, 3, 0, 0, 0, 0], payload)),
    ethernet({ to, from, type: VLAN }, vlanTag(0, 0x88cc, payload)),
  ]);
}

function victimAndAttacker(bed: Bed, config = checked) {
  const victim = attach(bed, config);
  const attacker = attach(bed, config);
  victim.pod.until("ping -n -q -c 1 -W 1 10.1.2.1");
  expect(placeOf(bed, victim.mac)).toBe(victim.port);
  return { victim, attacker };
}

/** A victim that is asked for its neighbour's address meanwhile teaches it again. */
function expectToLearn(bed: Bed, victim: Attached, attacker: Attached): void {
  waitUntil("the bridge to learn from the attacker", () => {
    forge(bed, attacker, forgedFrames(victim.mac));
    return placeOf(bed, victim.mac) === attacker.port;
  });
}

describe("a bridge", () => {
  it("does not learn a victim's address from frames to its own groups, under macspoofchk", ({
    bed,
  }) => {
    const { victim, attacker } = victimAndAttacker(bed);
    forge(bed, attacker, forgedFrames(victim.mac));
    expect(placeOf(bed, victim.mac)).toBe(victim.port);
  });

  it("nor if it was there before", ({ bed }) => {
    bed.host.sh("ip link add br0 type bridge && ip link set br0 up");
    const { victim, attacker } = victimAndAttacker(bed);
    forge(bed, attacker, forgedFrames(victim.mac));
    expect(placeOf(bed, victim.mac)).toBe(victim.port);
  });

  it("nor if it speaks STP", ({ bed }) => {
    bed.host.sh("ip link add br0 type bridge stp_state 1 forward_delay 200 && ip link set br0 up");
    const { victim, attacker } = victimAndAttacker(bed);
    forge(bed, attacker, forgedFrames(victim.mac));
    expect(placeOf(bed, victim.mac)).toBe(victim.port);
  });

  it("nor if somebody let it learn again, once the next pod is there", ({ bed }) => {
    attach(bed);
    bed.host.sh("ip link set br0 type bridge no_linklocal_learn 0");
    const { victim, attacker } = victimAndAttacker(bed);
    forge(bed, attacker, forgedFrames(victim.mac));
    expect(placeOf(bed, victim.mac)).toBe(victim.port);
  });

  it("learns it where the check is not asked for", ({ bed }) => {
    const { victim, attacker } = victimAndAttacker(bed, free);
    expectToLearn(bed, victim, attacker);
  });

  it("learns it under macspoofchk as well if somebody lets it: the check does not see the frame", ({
    bed,
  }) => {
    const { victim, attacker } = victimAndAttacker(bed);
    bed.host.sh("ip link set br0 type bridge no_linklocal_learn 0");
    expectToLearn(bed, victim, attacker);
  });
});

describe("no_linklocal_learn", () => {
  it("is missed by CHECK", ({ bed }) => {
    const box = bed.container();
    const { result: prevResult } = bed.add("bridge", box, checked);
    bed.host.sh("ip link set br0 type bridge no_linklocal_learn 0");
    const { error } = bed.check("bridge", box, { ...checked, prevResult });
    expect(error).toMatchObject({ code: 104, msg: expect.stringContaining("no_linklocal_learn") });
    const unchecked = bed.check("bridge", box, { ...free, prevResult });
    expect(unchecked).toSucceed();
  });

  it("stays as it is where nobody asks for the check", ({ bed }) => {
    attach(bed, free);
    expect(bed.host.sh("ip -d link show br0")).toContain("no_linklocal_learn 0");
    attach(bed);
    attach(bed, free);
    expect(bed.host.sh("ip -d link show br0")).toContain("no_linklocal_learn 1");
  });
});
