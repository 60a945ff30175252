/**
 * By which backends forwarded packets are let through on this host: nf_tables, and besides it
 * iptables or firewalld where those drop what they do not know.
 *
 * What is asked for is done whatever the backend: the administrator's chain in iptables is asked, a
 * zone that is named has the addresses, and nf_tables isolate bridges also for iptables, which
 * would know nothing of bridges of another backend, nor of what a bridge itself forwards.
 */

import { lazily } from "../host/lazy.ts";
import { type Family, family } from "../ip/address.ts";
import type { Netns } from "../net/netns.ts";
import { findFilters, hasFirewalldRules } from "./forward-path.ts";
import type { Forwarding } from "./ingress.ts";
import { usualFlavour } from "./iptables/flavours.ts";
import type { Filter, IptablesForwarding } from "./iptables/forward-rules.ts";
import { notInstalled, pathOf } from "./iptables/iptables.ts";
import { findGeneration } from "./nft-transaction.ts";

type Firewalld = typeof import("./firewalld.lazy.ts");

/** Who is asked for; undefined leaves the choice to what the host's own rules need. */
export type ForwardBackend = "nftables" | "iptables" | "firewalld" | undefined;

/** The backend, and the names that iptables and firewalld need, if any is given. */
export interface ForwardOptions {
  readonly backend: ForwardBackend;
  readonly adminChain: string | undefined;
  readonly zone: string | undefined;
}

/** As the reference plugin has them. */
const ADMIN_CHAIN = "CNI-ADMIN";
const ZONE = "trusted";

const open = { policy: "open" } as const;

const firewalld = () => lazily<Firewalld>("firewalld");

/** The zone of firewalld that has the addresses. */
export function zoneOf({ zone = ZONE }: ForwardOptions): string {
  return zone;
}

/** What matters of a forwarding for the choice. */
export type Kind = Pick<Forwarding, "addresses" | "ingress">;

/** The families of the addresses. */
export function familiesOf({ addresses }: Kind): readonly Family[] {
  return ([4, 6] as const).filter((of) => addresses.some((address) => family(address) === of));
}

/** What has to have rules for packets to pass, and for those to be dropped that must not. */
export interface Paths {
  readonly nftables: boolean;
  readonly filters: readonly Filter[];
  readonly firewalld: boolean;
}

/** The backends that this host and the options need. */
export function pathsOn(host: Netns, options: ForwardOptions, wanted: Kind): Paths {
  const { backend } = options;
  const byFirewalld = usesFirewalld(host, options);
  const isWanted = backend !== "iptables" || byFirewalld || wanted.ingress.policy !== "open";
  const isAsked = backend === "nftables" || backend === "firewalld";
  const hasNftables = isWanted && (isAsked || findGeneration(host) !== undefined);
  const onlyIptables = backend === "iptables" || !hasNftables;
  const filters = familiesOf(wanted).flatMap((of) =>
    filtersOn(host, of, { options, onlyIptables }),
  );
  return { nftables: hasNftables, filters, firewalld: byFirewalld };
}

/** A zone that distrusts must not be left out; without firewalld nobody distrusts by zones. */
export function usesFirewalld(host: Netns, { backend, zone }: ForwardOptions): boolean {
  if (backend === "firewalld" || (zone !== undefined && zone !== ZONE)) return true;
  if (zone === undefined && (backend !== undefined || !hasFirewalldRules(host))) return false;
  return firewalld().firewalldFault() === undefined;
}

interface Asked {
  readonly options: ForwardOptions;
  /** True if iptables accept everything, and not only where they drop by default. */
  readonly onlyIptables: boolean;
}

/** Who of iptables accepts packets, and, besides, who only asks the administrator. */
function filtersOn(host: Netns, of: Family, { options, onlyIptables }: Asked): readonly Filter[] {
  const { backend, adminChain } = options;
  const { restricted, asked } = findFilters(host, of, adminChain ?? ADMIN_CHAIN);
  const usual = () => [usualFlavour(host, of)];
  const accepting = onlyIptables ? usual() : backend === undefined ? restricted : [];
  const isNew = adminChain !== undefined && asked.length + accepting.length === 0;
  const asking = (isNew ? usual() : asked).filter((flavour) => !accepting.includes(flavour));
  const filter = (accepts: boolean) => (flavour: Filter["flavour"]) => ({
    of,
    flavour,
    accepts,
    isAsked: asked.some((each) => each === flavour),
  });
  return [...accepting.map(filter(true)), ...asking.map(filter(false))];
}

/** What iptables have to do; isolation is left to nf_tables unless iptables are asked for. */
export function forIptables(
  wanted: Forwarding,
  { backend, adminChain = ADMIN_CHAIN }: ForwardOptions,
  { nftables: isolates, filters }: Pick<Paths, "nftables" | "filters">,
): IptablesForwarding {
  const isOpen = isolates && backend !== "iptables";
  const ingress = isOpen ? open : wanted.ingress;
  return { ...wanted, ingress, adminChain, filters };
}

/** What this host lacks for forwarding by these backends, in words. */
export function findMissingBackend(host: Netns, options: ForwardOptions): string | undefined {
  if (options.backend === "nftables" && findGeneration(host) === undefined) {
    return "the kernel has no nf_tables";
  }
  const anyone = { addresses: [new Uint8Array(4), new Uint8Array(16)], ingress: open };
  const { filters, firewalld: byFirewalld } = pathsOn(host, options, anyone);
  const programs = filters.map(({ of }) => (of === 4 ? "iptables-restore" : "ip6tables-restore"));
  const missing = programs.find((program) => pathOf(program) === undefined);
  if (missing !== undefined) return notInstalled(missing);
  return byFirewalld ? firewalld().firewalldFault() : undefined;
}
