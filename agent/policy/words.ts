/** Rules of policies in words. */

import { formatCidr } from "../../lib/ip/cidr.ts";
import { choiceName } from "./peers.ts";
import {
  type Direction,
  isBlock,
  isNamed,
  type PolicyPeer,
  type PolicyPort,
  type PolicyRule,
} from "./policy.ts";
import { quoted } from "./selector.ts";

/** A rule, as `TCP port 80 from pods app=web of shop`. */
export function ruleWords({ peers, ports }: PolicyRule, direction: Direction): string {
  const what = ports?.map(portWords).join(" or ") ?? "anything";
  const whom = peers?.map(peerWords).join(" or ") ?? "anyone";
  return `${what} ${direction === "ingress" ? "from" : "to"} ${whom}`;
}

function peerWords(peer: PolicyPeer): string {
  if (isBlock(peer)) {
    const except = peer.except.map(formatCidr).join(" and ");
    return `addresses of ${formatCidr(peer.block)}${except === "" ? "" : ` but ${except}`}`;
  }
  return choiceName(peer);
}

function portWords(port: PolicyPort): string {
  if (isNamed(port)) return `${port.protocol} port ${quoted(port.name)}`;
  const { protocol, range } = port;
  if (!range) return `${protocol}`;
  const [first, last] = range;
  return first === last ? `${protocol} port ${first}` : `${protocol} ports ${first} to ${last}`;
}
