import { describe, expect } from "vitest";
import type { Bed } from "./bed.ts";
import { it } from "./it.ts";
import { type End, reach, type Way, wayText } from "./reach.ts";

/** Two ends of links of a host that forwards. */
function ends(bed: Bed): readonly [End, End] {
  bed.host.sh("sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
  const [one, two] = [1, 2].map((n): End => {
    const { name, netns } = bed.container(`end${n}`);
    bed.host.sh(`
      ip link add to${n} type veth peer name eth0 netns ${name}
      ip address add 10.1.${n}.1/24 dev to${n}; ip address add fd00:${n}::1/64 dev to${n} nodad
      ip link set to${n} up
      ip -n ${name} address add 10.1.${n}.2/24 dev eth0
      ip -n ${name} address add fd00:${n}::2/64 dev eth0 nodad
      ip -n ${name} link set eth0 up
      ip -n ${name} route add default via 10.1.${n}.1
      ip -n ${name} -6 route add default via fd00:${n}::1`);
    return { name, netns, addresses: [`10.1.${n}.2`, `fd00:${n}::2`] };
  });
  if (!one || !two) throw new Error("no ends");
  return [one, two];
}

function waysBetween(one: End, two: End): readonly Way[] {
  return (["TCP", "UDP", "SCTP"] as const).flatMap((protocol) =>
    ([4, 6] as const).flatMap((family) =>
      [80, 81].flatMap((port) => [
        { from: one, to: two, family, protocol, port, sourcePort: 20_000 },
        { from: two, to: one, family, protocol, port, sourcePort: 20_000 },
      ]),
    ),
  );
}

describe("who reaches whom", () => {
  it("is asked, and what is dropped is told from what comes and from what is refused", ({
    bed,
  }) => {
    const [one, two] = ends(bed);
    const ways = waysBetween(one, two);
    const signed = (sign: string) => {
      const signs = reach(bed, ways);
      return ways.filter((_, i) => signs[i] === sign).map(wayText);
    };
    expect(signed("+")).toHaveLength(24);
    bed.host.sh(`
      nft 'add table inet t; add chain inet t c { type filter hook forward priority 0; }
           add rule inet t c ip daddr 10.1.1.2 udp dport 81 drop
           add rule inet t c ip6 daddr fd00:2::2 sctp dport 80 drop
           add rule inet t c ip daddr 10.1.2.2 tcp dport 80 reject with tcp reset
           add rule inet t c ip saddr 10.1.2.2 udp sport 80 drop'`);
    expect(signed("-")).toEqual(["end2 > end1 UDP 81 (IPv4)", "end1 > end2 SCTP 80 (IPv6)"]);
    expect(signed("!")).toEqual(["end1 > end2 TCP 80 (IPv4)"]);
    expect(signed("?")).toEqual(["end1 > end2 UDP 80 (IPv4)"]);
    expect(signed("+")).toHaveLength(20);
  });
});
