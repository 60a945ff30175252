/** Rules of iptables that lead ports of this host to containers, as iptables-save writes them. */

import { family, formatAddress, parseAddress } from "../../ip/address.ts";
import { formatCidr, hostCidr, networkOf, parseCidr } from "../../ip/cidr.ts";
import { type Owner, quotedNames, RULE_COMMENT_SIZE } from "../../net/owner.ts";
import type { Holder } from "../port-holder.ts";
import {
  familyOf,
  type HostPort,
  type HostPorts,
  type PortOptions,
  type Target,
} from "../port-mapping.ts";
import { portChainName } from "../reference/names.ts";
import { quoted } from "./iptables.ts";

/** The chain from which each container's is reached. */
export const DNAT = "CNI-HOSTPORT-DNAT";
const SETMARK = "CNI-HOSTPORT-SETMARK";
const MASQ = "CNI-HOSTPORT-MASQ";

/** How many ports one rule of the match `multiport` has room for. */
const PORTS_PER_RULE = 15;

/** Lines as iptables-save writes them; those for all attachments, and those of one. */
export interface Rules {
  readonly chains: readonly string[];
  /** Each is inserted at the beginning of its chain, or added at its end. */
  readonly first: readonly string[];
  readonly last: readonly string[];
  readonly own: readonly string[];
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
  const chain = portChainName(owner);
  const marks = snat !== undefined && options.markChain === undefined;
  const mark = `0x${((1 << (snat?.markBit ?? 13)) >>> 0).toString(16)}`;
  const comment = (text: string) => `-m comment --comment "${text}"`;
  return {
    chains: [...(marks ? [SETMARK, MASQ] : []), DNAT, chain],
    first: marks
      ? [`-A POSTROUTING ${comment("CNI portfwd requiring masquerade")} -j ${MASQ}`]
      : [],
    last: [
      ...(marks
        ? [
            `-A ${SETMARK} ${comment("CNI portfwd masquerade mark")} -j MARK --set-xmark ${mark}/${mark}`,
            `-A ${MASQ} -m mark --mark ${mark}/${mark} -j MASQUERADE`,
          ]
        : []),
      `-A PREROUTING -m addrtype --dst-type LOCAL -j ${DNAT}`,
      `-A OUTPUT -m addrtype --dst-type LOCAL -j ${DNAT}`,
    ],
    own: [...chainRules(wanted, target, options), ...entryRules(wanted, target, options)],
  };
}

/** The match by which a rule names the interface it is for. */
export function interfaceComment({ ifName }: Owner): string {
  return `-m comment --comment "interface ${quoted(ifName)}"`;
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

function entryRules({ owner, note }: HostPorts, target: Target, { words }: PortOptions): string[] {
  const name = entryName(owner, note);
  const conditions = words[familyOf(target)].map((word) => ` "${quoted(word)}"`).join("");
  return entries(target).map(
    ({ protocol, ports }) =>
      `-A ${DNAT} -p ${protocol} -m comment --comment "${quoted(name)}" -m multiport --dports ${ports}` +
      `${conditions} -j ${portChainName(owner)}`,
  );
}

/** Whose the rule is; what is noted of the holder has to fit into the comment as a whole. */
function entryName(owner: Owner, note: string | undefined): string {
  const end = `interface ${owner.ifName}`;
  const size = RULE_COMMENT_SIZE - `dnat  ${end}`.length;
  const names = `dnat ${quotedNames(owner, size)}`;
  const whole = `${names} at ${note} ${end}`;
  return note !== undefined && whole.length <= RULE_COMMENT_SIZE ? whole : `${names} ${end}`;
}

/** The holder of the port that a rule of a container's chain is for, by the jump to the chain. */
export function holderIn(found: readonly string[], rule: string): Holder {
  const [, chain = ""] = rule.split(" ");
  const [, own = ""] = / --comment "interface (.*?)"/.exec(rule) ?? [];
  const jumps = found.filter(
    (line) => line.startsWith(`-A ${DNAT} `) && line.endsWith(` -j ${chain}`),
  );
  const jump = jumps.find((line) => line.includes(` interface ${own}" `));
  const names = /name: \\"(.*?)\\" id: \\"(.*?)\\"(?: at (\S+ \S+))? interface (.*?)" -/;
  const [, network, containerID, note, ifName] = names.exec(jump ?? "") ?? [];
  const isCut = network?.startsWith("#");
  if (isCut || network === undefined || containerID === undefined || ifName === undefined) {
    return { owner: undefined, note: undefined };
  }
  return { owner: { network, containerID, ifName }, note };
}

/** The jumps into a container's chain: protocols, and as many ports as one rule takes. */
export function entries({ mappings }: Target) {
  const protocols = Array.from(new Set(mappings.map(({ protocol }) => protocol))).sort();
  return protocols.flatMap((protocol) => {
    const of = mappings.filter((mapping) => mapping.protocol === protocol);
    const ports = Array.from(new Set(of.map(({ port }) => port)));
    const rules: { readonly protocol: string; readonly ports: string }[] = [];
    for (let at = 0; at < ports.length; at += PORTS_PER_RULE) {
      rules.push({ protocol, ports: ports.slice(at, at + PORTS_PER_RULE).join(",") });
    }
    return rules;
  });
}

/** Whether a rule is for an interface; the reference's rules name none, and are. */
export function isOf(line: string, { ifName }: Owner): boolean {
  const [, name = ifName] =
    / interface (.*?)" -/.exec(line) ?? / --comment "interface (.*?)"/.exec(line) ?? [];
  return name === quoted(ifName);
}

/** The port of the host that a rule of a container's chain is for. */
export function portIn(line: string): HostPort | undefined {
  const [, chain = "", protocol, port] =
    /^-A (\S+) .*-p (tcp|udp|sctp) .*--dport (\d+) /.exec(line) ?? [];
  if (!chain.startsWith("CNI-DN-")) return undefined;
  const at = / -d (\S+) /.exec(line)?.[1];
  const address = at === undefined ? undefined : (parseCidr(at)?.address ?? parseAddress(at));
  return { protocol: protocol as HostPort["protocol"], address, port: Number(port) };
}
