/**
 * Ways between hosts of an overlay that take small packets only: connections are made, and stall when
 * data flows. What the kernel knows is looked at; with --probe each host is sent two echoes.
 */

import { type Path, pathsToOthers } from "../../lib/inventory/paths.ts";
import { formatAddress } from "../../lib/ip/address.ts";
import { answeredEchoes, type Echoes } from "../../lib/net/echo.ts";
import type { Check, Finding } from "./finding.ts";
import { isProbing } from "./probing.ts";

export const overlayPathMtu: Check = ({ host }) => {
  const usable = pathsToOthers(host).filter(({ way }) => way?.isUp);
  const tight = usable.filter(({ largest, way }) => (way?.mtu ?? 0) < largest);
  const others = usable.filter((path) => !tight.includes(path));
  return [...tight.map(known), ...(isProbing() ? probe(others) : [])];
};

function known({ device, peer, largest, way }: Path): Finding {
  const state = `the way by "${way?.link}" takes ${way?.mtu}`;
  return tooLarge(
    `Packets of "${device}" to host ${formatAddress(peer)} measure up to ${largest} bytes, ${state}`,
  );
}

function tooLarge(finding: string): Finding {
  const advice = 'Set "mtu" in the network\'s file so much lower, and attach the containers anew';
  return { id: "overlay-path-mtu", level: "error", finding, advice };
}

/** An IP packet that every way takes (RFC 791, RFC 8200). */
const SMALL = { 4: 68, 6: 1280 };

function probe(paths: readonly Path[]): readonly Finding[] {
  const answers = answeredEchoes(paths.map(echoesOf));
  return paths.flatMap(({ device, peer, largest }, i) => {
    const [small = 0, large = 0] = echoesOf({ peer, largest }).sizes;
    const answered = answers[i] ?? [];
    const to = `host ${formatAddress(peer)} of "${device}"`;
    if (answered.length === 0) return [silent(to)];
    if (answered.includes(large)) return [];
    return [
      tooLarge(
        `Small packets get to ${to} and back, large ones do not: ${small} bytes are answered, ${large} are not`,
      ),
    ];
  });
}

function echoesOf({ peer, largest }: Pick<Path, "peer" | "largest">): Echoes {
  return { address: peer, sizes: [peer.length === 4 ? SMALL[4] : SMALL[6], largest] };
}

/** Who answers no echo may filter them. */
function silent(to: string): Finding {
  const finding = `No echo was answered by ${to}`;
  const advice =
    "Look whether it is up, or filters ICMP: then nothing can be said of the way there";
  return { id: "overlay-silent", level: "warning", finding, advice };
}
