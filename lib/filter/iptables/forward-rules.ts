/** The rules of iptables that forward to an attachment: forward-iptables.lazy.ts tells what they do. */

import type { Family, IpAddress } from "../../ip/address.ts";
import { formatCidr, hostCidr } from "../../ip/cidr.ts";
import { ownerText, ownerTexts } from "../../net/owner.ts";
import type { Forwarding, Ingress } from "../forwarding.ts";
import type { Flavour } from "./iptables.ts";
import { comment } from "./rule.ts";
import { ruleMark } from "./rule-notes.ts";

/** The chains of the reference plugins, and one more. */
export const FORWARD = "CNI-FORWARD";
export const STAGE_1 = "CNI-ISOLATION-STAGE-1";
export const STAGE_2 = "CNI-ISOLATION-STAGE-2";
export const USERS = "CNI-ISOLATION-USERS";

/** Connections whose packets reach a container; the reference plugin leaves out the last. */
const STATES = "RELATED,ESTABLISHED,DNAT";
const REFERENCE_STATES = "RELATED,ESTABLISHED";

/** A table of iptables that has a part in forwarding. */
export interface Filter {
  readonly of: Family;
  readonly flavour: Flavour;
  /** True if it accepts packets; else all it has to do is to ask the administrator. */
  readonly accepts: boolean;
  /** True if the administrator's chain is known to be there. */
  readonly isAsked: boolean;
}

/** What to do by which tables, and the chain of the administrator's own rules. */
export interface IptablesForwarding extends Forwarding {
  readonly filters: readonly Filter[];
  readonly adminChain: string;
}

/** What one table is to have. */
export interface Part extends Forwarding {
  readonly filter: Filter;
  readonly adminChain: string;
}

/** A rule that `iptables-save` shows as `-A chain spec`, and where it goes if it is missing. */
export interface SharedRule {
  readonly chain: string;
  readonly at: "first" | "last";
  readonly spec: string;
}

/** The chains and rules that one table is to have. */
export interface Wanted {
  readonly chains: readonly string[];
  readonly shared: readonly SharedRule[];
  readonly own: readonly string[];
}

/** An address as `iptables-save` shows it. */
export function textOf(address: IpAddress): string {
  return formatCidr(hostCidr(address));
}

/** What one table is to have for an attachment. */
export function wantedFor({ filter, owner, note, addresses, ingress, adminChain }: Part): Wanted {
  const mark = ruleMark({ comment: ownerText(owner), holder: note });
  const overrides = comment("CNI firewall plugin admin overrides");
  const accepts = acceptRules(addresses, STATES, ` ${mark}`);
  const entrance: readonly SharedRule[] = [
    {
      chain: "FORWARD",
      at: "first",
      spec: `${comment("CNI firewall plugin rules")} -j ${FORWARD}`,
    },
    { chain: FORWARD, at: "first", spec: `${overrides} -j ${adminChain}` },
  ];
  const chains = [FORWARD, adminChain];
  if (!filter.accepts) return { chains, shared: entrance, own: [] };
  if (ingress.policy === "open") return { chains, shared: entrance, own: accepts };
  return {
    chains: [...chains, STAGE_1, STAGE_2, USERS],
    shared: [...entrance, ...isolationRules(ingress)],
    own: [...accepts, `-A ${USERS} -i ${ingress.bridge} ${mark}`],
  };
}

/** What accepts packets of addresses; a mark begins with a blank. */
function acceptRules(
  addresses: readonly IpAddress[],
  states: string,
  mark: string,
): readonly string[] {
  return addresses
    .map(textOf)
    .flatMap((address) => [
      `-A ${FORWARD} -d ${address} -m conntrack --ctstate ${states}${mark} -j ACCEPT`,
      `-A ${FORWARD} -s ${address}${mark} -j ACCEPT`,
    ]);
}

/**
 * The lines that do as well as each of those that accept, if they have no note: with a comment of
 * earlier versions, and those of the reference plugin, which have fewer states and no comment.
 */
export function acceptVariants({ owner, addresses }: Part): readonly (readonly string[])[] {
  return [
    ...ownerTexts(owner).map((text) => acceptRules(addresses, STATES, ` ${comment(text)}`)),
    acceptRules(addresses, REFERENCE_STATES, ""),
  ];
}

type Isolating = Exclude<Ingress, { readonly policy: "open" }>;

function isolationRules({ policy, bridge }: Isolating): readonly SharedRule[] {
  const rules = "CNI firewall plugin rules (ingressPolicy:";
  const common = comment(`${rules} same-bridge|isolated)`);
  const own = comment(`${rules} ${policy})`);
  const within = `-i ${bridge} -o ${bridge} ${own} -j DROP`;
  return [
    { chain: "FORWARD", at: "first", spec: `${common} -j ${STAGE_1}` },
    { chain: STAGE_1, at: "first", spec: `-i ${bridge} ! -o ${bridge} ${own} -j ${STAGE_2}` },
    ...(policy === "isolated" ? [{ chain: STAGE_1, at: "first", spec: within } as const] : []),
    { chain: STAGE_1, at: "last", spec: `${common} -j RETURN` },
    { chain: STAGE_2, at: "first", spec: `-o ${bridge} ${common} -j DROP` },
    { chain: STAGE_2, at: "last", spec: `${common} -j RETURN` },
  ];
}
