/** The rules of iptables that forward to an attachment: forward-iptables.ts tells what they do. */

import type { Family, IpAddress } from "../../ip/address.ts";
import { formatCidr, hostCidr } from "../../ip/cidr.ts";
import { ownerText, ownerTexts } from "../../net/owner.ts";
import type { Forwarding, Ingress } from "../ingress.ts";
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

/** A rule that attachments share, and where in its chain it goes if it is missing. */
export interface SharedRule {
  readonly chain: string;
  readonly at: "first" | "last";
  readonly line: string;
}

/** The chains and rules that one table is to have, as iptables-save writes them. */
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
  const entrance = [
    first("FORWARD", `${comment("CNI firewall plugin rules")} -j ${FORWARD}`),
    first(FORWARD, `${overrides} -j ${adminChain}`),
  ];
  const chains = [FORWARD, adminChain];
  if (!filter.accepts) return { chains, shared: entrance, own: [] };
  const accepts = addresses.flatMap((address) => [
    acceptTo(address, STATES, mark),
    acceptFrom(address, mark),
  ]);
  if (ingress.policy === "open") return { chains, shared: entrance, own: accepts };
  return {
    chains: [...chains, STAGE_1, STAGE_2, USERS],
    shared: [...entrance, ...isolationRules(ingress)],
    own: [...accepts, `-A ${USERS} -i ${ingress.bridge} ${mark}`],
  };
}

function first(chain: string, rest: string): SharedRule {
  return { chain, at: "first", line: `-A ${chain} ${rest}` };
}

function last(chain: string, rest: string): SharedRule {
  return { chain, at: "last", line: `-A ${chain} ${rest}` };
}

function acceptTo(address: IpAddress, states: string, mark: string): string {
  const match = `-m conntrack --ctstate ${states}`;
  return `-A ${FORWARD} -d ${textOf(address)} ${match} ${joined(mark, "-j ACCEPT")}`;
}

function acceptFrom(address: IpAddress, mark: string): string {
  return `-A ${FORWARD} -s ${textOf(address)} ${joined(mark, "-j ACCEPT")}`;
}

function joined(mark: string, rest: string): string {
  return mark === "" ? rest : `${mark} ${rest}`;
}

/**
 * For each rule that accepts, the lines without a note that do: ours first, then one of an earlier
 * version, and one of the reference plugin, which has fewer states and no comment.
 */
export function acceptChoices({ owner, addresses }: Part): readonly (readonly string[])[] {
  const marks = ownerTexts(owner).map(comment);
  return addresses.flatMap((address) => [
    [
      ...marks.map((mark) => acceptTo(address, STATES, mark)),
      acceptTo(address, REFERENCE_STATES, ""),
    ],
    [...marks, ""].map((mark) => acceptFrom(address, mark)),
  ]);
}

type Isolating = Exclude<Ingress, { readonly policy: "open" }>;

function isolationRules({ policy, bridge }: Isolating): readonly SharedRule[] {
  const rules = "CNI firewall plugin rules (ingressPolicy:";
  const common = comment(`${rules} same-bridge|isolated)`);
  const own = comment(`${rules} ${policy})`);
  const within = first(STAGE_1, `-i ${bridge} -o ${bridge} ${own} -j DROP`);
  return [
    first("FORWARD", `${common} -j ${STAGE_1}`),
    first(STAGE_1, `-i ${bridge} ! -o ${bridge} ${own} -j ${STAGE_2}`),
    ...(policy === "isolated" ? [within] : []),
    last(STAGE_1, `${common} -j RETURN`),
    first(STAGE_2, `-o ${bridge} ${common} -j DROP`),
    last(STAGE_2, `${common} -j RETURN`),
  ];
}
