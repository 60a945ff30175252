/** Rules of iptables that lead ports of this host to containers, as iptables-save writes them. */

import { type Family, family, formatAddress, parseAddress } from "../ip/address.ts";
import { formatCidr, hostCidr, networkOf, parseCidr } from "../ip/cidr.ts";
import type { HostPort, HostPorts, Target } from "./hostports.ts";
import { quoted } from "./iptables.ts";
import { type Owner, quotedNames, RULE_COMMENT_SIZE } from "./owner.ts";
import type { Means } from "./portmapping.ts";
import { portChainName } from "./reference-names.ts";

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
  readonly means: Means;
}

/** The family of a target. */
export function familyOf({ container }: Target): Family {
  return family(container.address);
}

/** All rules that lead ports to one address of a container. */
export function rulesFor({ wanted, target, means }: Wanted): Rules {
  const { owner, snat } = wanted;
  const chain = portChainName(owner);
  const marks = snat !== undefined && means.markChain === undefined;
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
    own: [...chainRules(wanted, target, means), ...entryRules(owner, target, means)],
  };
}

/** The match by which a rule names the interface it is for. */
export function interfaceComment({ ifName }: Owner): string {
  return `-m comment --comment "interface ${quoted(ifName)}"`;
}

function chainRules(
  { owner, snat }: HostPorts,
  { container, mappings }: Target,
  { markChain = SETMARK }: Means,
): readonly string[] {
  const chain = portChainName(owner);
  const isIpv4 = container.address.length === 4;
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

function entryRules(owner: Owner, target: Target, { words }: Means): readonly string[] {
  const size = RULE_COMMENT_SIZE - `dnat  interface ${owner.ifName}`.length;
  const name = `dnat ${quotedNames(owner, size)} interface ${owner.ifName}`;
  const conditions = words[familyOf(target)].map((word) => ` "${quoted(word)}"`).join("");
  return entries(target).map(
    ({ protocol, ports }) =>
      `-A ${DNAT} -p ${protocol} -m comment --comment "${quoted(name)}" -m multiport --dports ${ports}` +
      `${conditions} -j ${portChainName(owner)}`,
  );
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
