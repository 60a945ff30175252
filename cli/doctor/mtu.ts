/** Whether what containers send fits through the links behind their bridge. */

import type { Link } from "../../lib/net/link.ts";
import { findDefaultUplink } from "../../lib/net/uplink.ts";
import { listVxlanLinks, type VxlanLink } from "../../lib/net/vxlan-links.ts";
import { command } from "./command.ts";
import type { Check, Examined, Finding } from "./finding.ts";
import { bridgesOf, networksOf } from "./networks.ts";

export const mtu: Check = (examined) => {
  const uplink = findDefaultUplink(examined.host);
  return [
    ...intoOverlays(examined),
    ...(uplink ? [...configured(examined, uplink), ...bridges(examined, uplink)] : []),
    ...listVxlanLinks(examined.host).flatMap((overlay) =>
      overlayFindings(examined, overlay, uplink),
    ),
  ];
};

/** What a list asks for. */
function configured(examined: Examined, uplink: Link): readonly Finding[] {
  return networksOf(examined)
    .filter(({ isRouted, mtu: asked }) => isRouted && asked > uplink.mtu)
    .map(({ name, mtu: asked }) => ({
      ...{ id: "mtu-list", level: "warning" as const },
      finding: `Network "${name}" gives containers an MTU of ${asked}, but uplink "${uplink.name}" has ${uplink.mtu}: large packets get lost where ICMP does not come back`,
      advice: `Write "mtu": ${uplink.mtu} into the list`,
    }));
}

/** What a bridge has that is there. One with a port by which others are reached is no matter of the uplink's. */
function bridges(examined: Examined, uplink: Link): readonly Finding[] {
  return bridgesOf(examined)
    .filter(
      ({ link, networks }) => networks.some(({ isRouted }) => isRouted) && link.mtu > uplink.mtu,
    )
    .filter(({ link }) => link.index !== uplink.index)
    .filter(({ networks }) => networks.every((network) => network.mtu <= uplink.mtu))
    .map(({ link, networks }) => ({
      ...{ id: "mtu-bridge", level: "warning" as const },
      finding: `Bridge "${link.name}" has an MTU of ${link.mtu}, but uplink "${uplink.name}" has ${uplink.mtu}: large packets of containers get lost where ICMP does not come back`,
      advice: `Write "mtu": ${uplink.mtu} into the list of "${networks[0]?.name}", and attach its containers anew`,
    }));
}

/** A wrapped packet has to fit the uplink, and what comes from a bridge has to fit the overlay. */
function overlayFindings(
  examined: Examined,
  overlay: VxlanLink,
  uplink: Link | undefined,
): readonly Finding[] {
  const carrier = examined.links.find(({ index }) => index === overlay.uplink) ?? uplink;
  const most = (carrier?.mtu ?? Number.POSITIVE_INFINITY) - overlay.overhead;
  const tooBig: Finding = {
    ...{ id: "mtu-overlay", level: "error" },
    finding: `Overlay "${overlay.name}" has an MTU of ${overlay.mtu}, of which "${carrier?.name}" carries ${most} only: small packets pass, large ones do not`,
    advice: `Run: ${command("ip", "link", "set", overlay.name, "mtu", `${most}`)}, and attach its containers anew`,
  };
  return overlay.mtu > most ? [tooBig] : [];
}

/** Ports of bridges whose containers reach others by an overlay: their packets have to fit it. */
function intoOverlays(examined: Examined): readonly Finding[] {
  const most = Math.min(...listVxlanLinks(examined.host).map((overlay) => overlay.mtu));
  const joined = bridgesOf(examined).filter(({ networks }) =>
    networks.some((each) => each.isOverlay),
  );
  return joined.flatMap(({ link, networks }): readonly Finding[] => {
    const ports = examined.links.filter(
      ({ master, mtu: own }) => master === link.index && own > most,
    );
    if (ports.length === 0) return [];
    return [
      {
        ...{ id: "mtu-bridge", level: "warning" },
        finding: `Containers on bridge "${link.name}" have an MTU of ${ports[0]?.mtu}, but the overlay of "${networks[0]?.name}" has ${most}: large packets to other hosts get lost where ICMP does not come back`,
        advice: `Write "mtu": ${most} into the list, and attach its containers anew`,
      },
    ];
  });
}
