/** `macspoofchk: "strict"`: what a pod can tell its neighbours of hardware addresses. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge } from "../bed/configs.ts";
import {
  ARP,
  bytes,
  ethernet,
  ICMPV6,
  IPV4,
  IPV6,
  icmpv6,
  ipv4,
  ipv6,
  ipv6Bytes,
  joined,
  listen,
  sendFrames,
  UDP,
  udp,
  VLAN,
  vlanTag,
  word,
} from "../bed/frames.ts";
import { it } from "../bed/it.ts";

const subnet = "10.1.2.0/24";
const strict = bridge(subnet, { macspoofchk: "strict" });
const lax = bridge(subnet, { macspoofchk: true });
const other = "02:00:00:00:00:99";
const [everybody, group] = ["ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"];
const [own6, all6] = ["fe80::bad", "ff02::1"];
const PROVIDER_VLAN = 0x88a8;
const zeros = (count: number) => new Uint8Array(count);

/** Frames by what they are, from a port with this address. */
type Frames = Readonly<Record<string, Uint8Array>>;

/** An ARP message for Ethernet and IPv4 that says where the sender is. */
function arp(operation: number, sender: string, sizes = [6, 4]): Uint8Array {
  const head = joined(word(1), word(IPV4), sizes, word(operation));
  return joined(head, bytes(sender), [10, 1, 2, 1], zeros(6), [10, 1, 2, 9]);
}

const address = (type: number, mac: string) => joined([type, 1], bytes(mac));
const target = () => joined(zeros(4), ipv6Bytes("fe80::1"));

/** A message of neighbour discovery, from its fixed part on. */
const discovery = (type: number, ...rest: readonly Uint8Array[]) =>
  icmpv6({ from: own6, to: all6 }, type, joined(...rest));
const solicitation = (...options: readonly Uint8Array[]) => discovery(135, target(), ...options);
const advertisement = (...options: readonly Uint8Array[]) => discovery(136, target(), ...options);

/** The same message behind headers of 8 bytes each, named by their numbers. */
function behind(
  headers: readonly number[],
  packet: Uint8Array,
  body: Uint8Array = zeros(6),
): Uint8Array {
  const chain = headers.map((_, i) => joined([headers[i + 1] ?? ICMPV6, 0], body));
  const message = packet.subarray(40);
  const protocol = headers[0] ?? ICMPV6;
  return ipv6({ from: own6, to: all6, protocol }, joined(...chain, message));
}

const [HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION] = [0, 43, 44, 60];
const padding = bytes("01 04 00 00 00 00");
/** What a fragment header says behind its first two bytes: place, whether more comes, number. */
const fragment = (place: number, more: boolean) => joined(word((place << 3) | +more), [0, 0, 0, 7]);

/** What tells a neighbour another's address, in each way that there is. */
function forged(mac: string): Frames {
  const frame = (type: number, payload: Uint8Array, to = group) =>
    ethernet({ to, from: mac, type }, payload);
  const theirs = solicitation(address(1, other));
  const late = theirs.subarray(40);
  return {
    "ARP request": frame(ARP, arp(1, other), everybody),
    "ARP reply": frame(ARP, arp(2, other), everybody),
    "ARP that is cut short": frame(ARP, arp(2, other).subarray(0, 12), everybody),
    "ARP with odd sizes": frame(ARP, arp(2, mac, [8, 4]), everybody),
    "ARP in a VLAN": frame(VLAN, vlanTag(5, ARP, arp(2, other)), everybody),
    "ARP in VLAN 0": frame(VLAN, vlanTag(0, ARP, arp(2, other)), everybody),
    "ARP of its own in two tags": frame(VLAN, vlanTag(0, VLAN, vlanTag(0, ARP, arp(2, mac)))),
    "ARP in a provider's tag": frame(PROVIDER_VLAN, vlanTag(0, ARP, arp(2, other))),
    "ARP in both tags": frame(PROVIDER_VLAN, vlanTag(0, VLAN, vlanTag(0, ARP, arp(2, other)))),
    "ARP in a tag and a provider's": frame(
      VLAN,
      vlanTag(0, PROVIDER_VLAN, vlanTag(0, ARP, arp(2, other))),
    ),
    "neighbour solicitation": frame(IPV6, theirs),
    "neighbour advertisement": frame(IPV6, advertisement(address(2, other))),
    "router solicitation": frame(IPV6, discovery(133, zeros(4), address(1, other))),
    "router advertisement": frame(IPV6, discovery(134, zeros(12), address(1, mac))),
    "router advertisement without options": frame(IPV6, discovery(134, zeros(12))),
    redirect: frame(IPV6, discovery(137, target(), zeros(16))),
    "two options": frame(IPV6, solicitation(address(1, mac), address(1, other))),
    "a nonce before it": frame(IPV6, solicitation(joined([14, 1], zeros(6)), address(1, other))),
    "a long option": frame(IPV6, solicitation(joined([1, 2], bytes(mac), zeros(8)))),
    "the other kind of option": frame(IPV6, solicitation(address(2, other))),
    "an option that is cut short": frame(IPV6, solicitation(address(1, other).subarray(0, 4))),
    "in a VLAN": frame(VLAN, vlanTag(5, IPV6, theirs)),
    "in two tags": frame(VLAN, vlanTag(0, VLAN, vlanTag(0, IPV6, solicitation()))),
    "behind hop-by-hop options": frame(IPV6, behind([HOP_BY_HOP], theirs, padding)),
    "behind destination options": frame(IPV6, behind([DESTINATION], theirs, padding)),
    "behind a routing header": frame(IPV6, behind([ROUTING], theirs)),
    "behind three headers": frame(
      IPV6,
      behind([HOP_BY_HOP, DESTINATION, DESTINATION], theirs, padding),
    ),
    "in one fragment": frame(IPV6, behind([FRAGMENT], theirs, fragment(0, false))),
    "in a first fragment": frame(IPV6, behind([FRAGMENT], theirs, fragment(0, true))),
    "behind the end of a first fragment": frame(
      IPV6,
      ipv6(
        { from: own6, to: all6, protocol: FRAGMENT },
        joined([DESTINATION, 0], fragment(0, true), [ICMPV6, 1], zeros(6)),
      ),
    ),
    "behind another header than a fragment's": frame(
      IPV6,
      ipv6(
        { from: own6, to: all6, protocol: DESTINATION },
        joined([FRAGMENT, 0], padding, [ICMPV6, 0], fragment(0, true), late),
      ),
    ),
  };
}

/** What is true, or tells no address at all. */
function honest(mac: string): Frames {
  const frame = (type: number, payload: Uint8Array, to = group) =>
    ethernet({ to, from: mac, type }, payload);
  const echo = icmpv6({ from: own6, to: all6 }, 128, joined([0, 1, 0, 1], zeros(24)));
  const ends6 = { from: own6, to: all6 };
  return {
    "ARP request": frame(ARP, arp(1, mac), everybody),
    "ARP reply": frame(ARP, arp(2, mac), everybody),
    "ARP in a VLAN": frame(VLAN, vlanTag(5, ARP, arp(2, mac)), everybody),
    "neighbour solicitation": frame(IPV6, solicitation(address(1, mac))),
    "neighbour solicitation without an address": frame(IPV6, solicitation()),
    "a probe for duplicates": frame(IPV6, solicitation(joined([14, 1], bytes("aabbccddeeff")))),
    "neighbour advertisement": frame(IPV6, advertisement(address(2, mac))),
    "neighbour advertisement without an address": frame(IPV6, advertisement()),
    "router solicitation": frame(IPV6, discovery(133, zeros(4), address(1, mac))),
    "router solicitation without an address": frame(IPV6, discovery(133, zeros(4))),
    "neighbour solicitation in a VLAN": frame(
      VLAN,
      vlanTag(5, IPV6, solicitation(address(1, mac))),
    ),
    "an echo": frame(IPV6, echo),
    "the first fragment of an echo": frame(IPV6, behind([FRAGMENT], echo, fragment(0, true))),
    "a later fragment of an echo": frame(IPV6, behind([FRAGMENT], echo, fragment(4, false))),
    "a report of groups": frame(
      IPV6,
      behind([HOP_BY_HOP], discovery(143, zeros(4)), bytes("05 02 00 00 01 00")),
    ),
    "UDP of IPv6": frame(IPV6, ipv6({ ...ends6, protocol: UDP }, udp(7, 7, zeros(8)))),
    "a later fragment of UDP": frame(
      IPV6,
      ipv6({ ...ends6, protocol: FRAGMENT }, joined([UDP, 0], fragment(4, false), zeros(16))),
    ),
    IPv4: frame(
      IPV4,
      ipv4({ from: "10.1.2.2", to: "10.1.2.255", protocol: UDP }, udp(7, 7, zeros(8))),
      everybody,
    ),
    "IPv4 in a VLAN": frame(
      VLAN,
      vlanTag(
        5,
        IPV4,
        ipv4({ from: "10.1.2.2", to: "10.1.2.255", protocol: UDP }, udp(7, 7, zeros(8))),
      ),
      everybody,
    ),
    "what is neither": frame(0x88b5, zeros(40), everybody),
  };
}

/** Sends frames with a label behind each packet; what a pod of the bridge got of them, by its name. */
function arriving(
  bed: Bed,
  config: typeof strict,
  framesOf: (mac: string) => Frames,
): readonly string[] {
  const [victim, attacker] = [bed.container(), bed.container()];
  // It would cut off what is behind a packet.
  bed.host.sh(
    "for i in /proc/sys/net/bridge/bridge-nf-call-*; do test ! -e $i || echo 0 >$i; done",
  );
  bed.add("bridge", victim, bridge(subnet));
  bed.add("bridge", attacker, config).result;
  const mac = String(attacker.link("eth0").address);
  const frames = Object.entries(framesOf(mac));
  const label = (i: number) => joined(`label ${String(i).padStart(3, "0")}.`);
  const eyes = listen(victim, "eth0", victim.name);
  const last = ethernet({ to: everybody, from: mac, type: 0x88b5 }, joined("the last"));
  sendFrames(attacker, "eth0", [...frames.map(([, frame], i) => joined(frame, label(i))), last]);
  eyes.until(last);
  return frames.filter((_, i) => eyes.hasSeen(label(i))).map(([name]) => name);
}

describe("under macspoofchk strict", () => {
  it("a pod cannot tell a neighbour that another's address is elsewhere", ({ bed }) => {
    expect(arriving(bed, strict, forged)).toEqual([]);
  });

  it("a pod says all that is true, or tells no address", ({ bed }) => {
    expect(arriving(bed, strict, honest)).toEqual(Object.keys(honest(other)));
  });

  it("a pod cannot hide what it says behind headers that are hardly ever used", ({ bed }) => {
    const echoes = (mac: string) => {
      const echo = icmpv6({ from: own6, to: all6 }, 128, joined([0, 1, 0, 1], zeros(24)));
      const headers = [
        [DESTINATION],
        [ROUTING],
        [HOP_BY_HOP, DESTINATION],
        [FRAGMENT, DESTINATION],
      ];
      const packets = headers.map((chain) => behind(chain, echo));
      return Object.fromEntries(
        packets.map((packet, i) => [
          `behind ${headers[i]?.join()}`,
          ethernet({ to: group, from: mac, type: IPV6 }, packet),
        ]),
      );
    };
    expect(arriving(bed, strict, echoes)).toEqual([]);
    expect(arriving(bed, lax, echoes)).toEqual(Object.keys(echoes(other)));
  });

  it("a frame from another source does not pass, whatever is in it", ({ bed }) => {
    expect(arriving(bed, strict, () => honest(other))).toEqual([]);
  });
});

describe("without strict", () => {
  it("all of that arrives under macspoofchk as it was", ({ bed }) => {
    expect(arriving(bed, lax, forged)).toEqual(Object.keys(forged(other)));
    expect(arriving(bed, lax, honest)).toEqual(Object.keys(honest(other)));
  });
});
