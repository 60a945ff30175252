/** Rules of iptables that lead ports of this host to containers, as iptables-save writes them. */

import { family, formatAddress } from "../../ip/address.ts";
import { formatCidr, hostCidr, networkOf } from "../../ip/cidr.ts";
import { type Owner, quotedNames, RULE_COMMENT_SIZE } from "../../net/owner.ts";
import { familyOf, type HostPorts, type PortOptions, type Target } from "../port-mapping.ts";
import { portChainName } from "../reference/names.ts";
import { DNAT } from "./found-ports.ts";
import { comment, quoted } from "./rule.ts";

const SETMARK = "CNI-HOSTPORT-SETMARK";
const MASQ = "CNI-HOSTPORT-MASQ";

/** How many ports one rule of the match `multiport` has room for. */
const PORTS_PER_RULE = 15;

/** Lines as iptables-save writes them, for all attachments together. */
interface SharedRules {
  readonly chains: readonly string[];
  /** Each is inserted at the beginning of its chain, or added at its end. */
  readonly first: readonly string[];
  readonly last: readonly string[];
}

/** The same, with those of one attachment. */
export interface Rules extends SharedRules {
  /** In the container's chain. */
  readonly inChain: readonly string[];
  readonly jumps: readonly string[];
}

/** One family of an attachment. */
export interface Wanted {
  readonly wanted: HostPorts;
  readonly target: Target;
  readonly options: PortOptions;
}

/** All rules that lead ports to one address of a container. */
export function rulesFor({ wanted, target, options }: Wanted): Rules {
  const { owner, snat } = wanted;
  const marking = snat && options.markChain === undefined ? markingRules(snat.markBit) : nothing;
  return {
    chains: [...marking.chains, DNAT, portChainName(owner)],
    first: marking.first,
    last: [
      ...marking.last,
      `-A PREROUTING -m addrtype --dst-type LOCAL -j ${DNAT}`,
      `-A OUTPUT -m addrtype --dst-type LOCAL -j ${DNAT}`,
    ],
    inChain: chainRules(wanted, target, options),
    jumps: jumpRules(wanted, target, options),
  };
}

const nothing: SharedRules = { chains: [], first: [], last: [] };

/** What masquerades marked packets, and the chain that marks them. */
function markingRules(bit = 13): SharedRules {
  const mark = `0x${((1 << bit) >>> 0).toString(16)}`;
  const toMark = comment("CNI portfwd masquerade mark");
  return {
    chains: [SETMARK, MASQ],
    first: [`-A POSTROUTING ${comment("CNI portfwd requiring masquerade")} -j ${MASQ}`],
    last: [
      `-A ${SETMARK} ${toMark} -j MARK --set-xmark ${mark}/${mark}`,
      `-A ${MASQ} -m mark --mark ${mark}/${mark} -j MASQUERADE`,
    ],
  };
}

/** The match by which a rule names the interface it is for. */
export function interfaceComment({ ifName }: Owner): string {
  return comment(`interface ${ifName}`);
}

function chainRules(
  { owner, snat }: HostPorts,
  { container, mappings }: Target,
  { markChain = SETMARK }: PortOptions,
): readonly string[] {
  const chain = portChainName(owner);
  const isIpv4 = family(container.address) === 4;
  const subnet = formatCidr(networkOf(container));
  const to = isIpv4 ? formatAddress(container.address) : `[${formatAddress(container.address)}]`;
  const sources = snat?.isForAll
    ? [""]
    : [`-s ${subnet} `, ...(isIpv4 ? ["-s 127.0.0.1/32 "] : [])];
  return mappings.flatMap(({ protocol, address, port, containerPort }) => {
    const at = address ? `-d ${formatCidr(hostCidr(address))} ` : "";
    // Forwarders of virtual machines look for "--dport N -j DNAT": nothing may come between.
    const what = `-p ${protocol} ${interfaceComment(owner)} -m ${protocol} --dport ${port}`;
    return [
      ...(snat ? sources : []).map((from) => `-A ${chain} ${from}${at}${what} -j ${markChain}`),
      `-A ${chain} ${at}${what} -j DNAT --to-destination ${to}:${containerPort}`,
    ];
  });
}

function jumpRules({ owner, note }: HostPorts, target: Target, { words }: PortOptions): string[] {
  const mark = comment(jumpName(owner, note));
  const conditions = words[familyOf(target)].map((word) => ` "${quoted(word)}"`).join("");
  return portGroups(target).map(
    ({ protocol, ports }) =>
      `-A ${DNAT} -p ${protocol} ${mark} -m multiport --dports ${ports}` +
      `${conditions} -j ${portChainName(owner)}`,
  );
}

/** Whose the rule is; what is noted of the holder has to fit into the comment as a whole. */
function jumpName(owner: Owner, note: string | undefined): string {
  const end = `interface ${owner.ifName}`;
  const size = RULE_COMMENT_SIZE - `dnat  ${end}`.length;
  const names = `dnat ${quotedNames(owner, size)}`;
  const whole = `${names} at ${note} ${end}`;
  return note !== undefined && whole.length <= RULE_COMMENT_SIZE ? whole : `${names} ${end}`;
}

/** The ports of one jump: all have a protocol in common. */
export interface PortGroup {
  readonly protocol: string;
  /** As iptables shows them: `80,443`. */
  readonly ports: string;
}

/** The jumps that a container's chain needs: each takes as many ports as one rule has room for. */
export function portGroups({ mappings }: Target): readonly PortGroup[] {
  const protocols = Array.from(new Set(mappings.map(({ protocol }) => protocol))).sort();
  return protocols.flatMap((protocol) => {
    const of = mappings.filter((mapping) => mapping.protocol === protocol);
    const ports = Array.from(new Set(of.map(({ port }) => port)));
    const count = Math.ceil(ports.length / PORTS_PER_RULE);
    return Array.from({ length: count }, (_, i) => ({
      protocol,
      ports: ports.slice(i * PORTS_PER_RULE, (i + 1) * PORTS_PER_RULE).join(","),
    }));
  });
}
