/**
 * Ways between hosts of an overlay that take small packets only: connections are made, and stall when
 * data flows. What the kernel knows is looked at; with --probe each host is sent two echoes.
 */

import { type Path, pathsToOthers } from "../../lib/inventory/paths.ts";
import { formatAddress } from "../../lib/ip/address.ts";
import { answeredEchoes, type Echoes } from "../../lib/net/echo.ts";
import { grouped } from "../../lib/net/grouped.ts";
import { withProgress } from "../progress.ts";
import type { Check, Finding } from "./finding.ts";
import { isProbing } from "./probing.ts";
import { few } from "./words.ts";

export const overlayPathMtu: Check = ({ host }) => {
  const usable = pathsToOthers(host).filter(({ way }) => way?.hasCarrier);
  const tight = usable.filter(({ largest, way }) => (way?.mtu ?? largest) < largest);
  const others = usable.filter((path) => !tight.includes(path));
  const said = [...tight.map(narrow), ...(isProbing() ? probe(others) : [])];
  return [...grouped(said, ({ id, why }) => `${id} ${why}`).values()].flatMap(findingOf);
};

/** What is wrong with the way to a host; of several hosts it is said once. */
interface Said {
  readonly id: "overlay-path-mtu" | "overlay-silent";
  readonly why: string;
  readonly peer: string;
}

const advice = {
  "overlay-path-mtu":
    'Set "mtu" in the network\'s file so much lower, and attach the containers anew',
  "overlay-silent":
    "Look whether they are up, or filter ICMP: then nothing is known of the way there",
};

function findingOf(all: readonly Said[]): readonly Finding[] {
  const [first] = all;
  if (!first) return [];
  const { id, why } = first;
  const level = id === "overlay-silent" ? "warning" : "error";
  const finding = `${why}: ${few(all.map(({ peer }) => peer))}`;
  return [{ id, level, finding, advice: advice[id] }];
}

function narrow({ device, peer, largest, way }: Path): Said {
  const state = `but the way by "${way?.link}" takes ${way?.mtu}`;
  const why = `Packets of "${device}" measure up to ${largest} bytes, ${state}`;
  return { id: "overlay-path-mtu", why, peer: formatAddress(peer) };
}

/** An IP packet that every way takes (RFC 791, RFC 8200). */
const SMALL = { 4: 68, 6: 1280 };

function probe(paths: readonly Path[]): readonly Said[] {
  const answers = withProgress((tell) =>
    answeredEchoes(paths.map(echoesOf), (silent) =>
      tell(`waiting for echoes of ${few(silent.map(({ address }) => formatAddress(address)))}`),
    ),
  );
  return paths.flatMap((path, i): readonly Said[] => {
    const { device, largest } = path;
    const [small = 0] = echoesOf(path).sizes;
    const answered = answers[i] ?? [];
    const peer = formatAddress(path.peer);
    if (answered.length === 0) {
      return [{ id: "overlay-silent", why: `No echo by hosts of "${device}" came back`, peer }];
    }
    if (answered.includes(largest)) return [];
    const why = `Small packets pass between hosts of "${device}", large ones do not (${small} bytes are answered, ${largest} are not)`;
    return [{ id: "overlay-path-mtu", why, peer }];
  });
}

function echoesOf({ peer, largest }: Pick<Path, "peer" | "largest">): Echoes {
  return { address: peer, sizes: [peer.length === 4 ? SMALL[4] : SMALL[6], largest] };
}
