/** What `weft inventory` tells, and which things of a snapshot that is. */
import type { Bed } from "./bed.ts";
import { bridge } from "./configs.ts";
import type { Config } from "./invocation.ts";

/** A thing as `weft inventory --json` tells it. */
export interface Thing {
  readonly kind: string;
  readonly what: string;
  readonly mark: string;
  readonly containerID?: string;
  readonly ifName?: string;
}

/** What it tells of a network, a container or an attachment. */
export function inventory(bed: Bed, words: string): readonly Thing[] {
  return JSON.parse(bed.host.sh(`${bed.bin}/weft inventory ${words} --json`)) as readonly Thing[];
}

/** What attachments have: a network's devices and their guards are there for all of them. */
export function ofAttachments(bed: Bed, network: string): readonly Thing[] {
  return inventory(bed, network).filter(({ containerID }) => containerID !== undefined);
}

/** Whether a thing is that of a snapshot's key; elements of one set and owner count. */
export function isNamedBy(key: string, { kind, what, mark }: Thing): boolean {
  const words = what.split(" ");
  switch (kind) {
    case "link":
      return key === `host link ${words[1]}`;
    case "qdisc":
      return isNamedQueueing(key, words);
    case "lease":
    case "record":
      return key.startsWith("file ") && words.includes(key.slice(5));
    case "element": {
      const [, set] = /^host nft \w+ weft (?:map|set) (\S+) element /.exec(key) ?? [];
      return key.includes(`"comment":"${mark}"`) && what.endsWith(` in ${set} of nf_tables`);
    }
    default:
      return isNamedRule(key, what);
  }
}

/** Chains and rules as the snapshot has them, by nf_tables or by the older tables. */
const inIptables =
  /^host (?:nft (?<table>ip6? \w+) )?(?<kind>chain |rule |-A |:)(?<chain>\S+)(?<rest>.*)/;

/**
 * `rule -A CNI-FORWARD … in the filter table of IPv4`, and `chain CNI-86a5 in table ip nat`, which
 * has its rules with it, and the one that leads there.
 */
function isNamedRule(key: string, what: string): boolean {
  const { table, chain, rest = "" } = inIptables.exec(key)?.groups ?? {};
  const [, kind, name] = /^(chain|rule -A) (\S+)/.exec(what) ?? [];
  if (table !== undefined && table !== tableOf(what)) return false;
  return chain === name || (kind === "chain" && rest.endsWith(`"target":"${name}"}}]`));
}

function tableOf(what: string): string | undefined {
  const [, family, table] = / in table (\w+) (\w+)$/.exec(what) ?? [];
  if (family !== undefined) return `${family} ${table}`;
  const [, name, version] = / in the (\w+) table of IPv(4|6)$/.exec(what) ?? [];
  return `${version === "6" ? "ip6" : "ip"} ${name}`;
}

/** `qdisc tbf 1: of veth0a1b` and `filter of qdisc ingress ffff: of veth0a1b`. */
function isNamedQueueing(key: string, words: readonly string[]): boolean {
  const [link] = words.slice(-1);
  if (words[0] === "filter") return key.startsWith(`host filters ${link} `);
  return key.replace(/ \(\d+\)$/, "") === `host qdiscs ${words[1]} ${link}`;
}

/** True if a thing is one thing of a snapshot's: a chain is there for its rules. */
export function isOne(key: string, { kind, what }: Thing): boolean {
  const isChain = /^(chain |:)$/.test(inIptables.exec(key)?.groups?.kind ?? "");
  return kind === "element" || (what.startsWith("rule ") && !isChain);
}

/** Limits of what a container receives. */
export const limit: Config = { ingressRate: 8_000_000, ingressBurst: 800_000 };

const settings: Config = { sysctl: { "net.ipv4.conf.eth0.arp_notify": "1" } };

/** A list with everything, in which each plugin finds what the one before has made. */
export function everything(backend: string, name: string, hostPort: number): readonly Config[] {
  const portMappings = ["tcp", "udp"].map((protocol) => ({
    hostPort,
    containerPort: 80,
    protocol,
  }));
  const net = bridge("10.1.2.0/24", { name, ipMasq: true, ipMasqBackend: backend });
  const chained: readonly Config[] = [
    { type: "portmap", backend, snat: true, runtimeConfig: { portMappings } },
    { type: "firewall", backend, ingressPolicy: "same-bridge" },
    { type: "bandwidth", ...limit, egressRate: 4_000_000, egressBurst: 400_000 },
    { type: "tuning", ...settings },
  ];
  return [net, ...chained.map((plugin) => ({ cniVersion: "1.1.0", name, ...plugin }))];
}
