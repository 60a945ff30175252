/**
 * A machine as facts, a line each, as the system's own tools tell it, and the steps of a plan in the
 * same lines: so what was planned can be compared with what became of it.
 */
import type { Bed } from "./bed.ts";
import type { Container } from "./container.ts";
import type { Entry, View } from "./view.ts";

/** One step of `weft plan --json`. */
export interface PlannedStep {
  readonly step: number;
  readonly plugin: string;
  readonly kind: string;
  readonly action: "make" | "change" | "remove" | "fail";
  readonly where: string;
  readonly what: string;
  readonly detail: Entry;
  readonly before?: Entry;
}

/** Facts that are there after something was done, and were not before; and those that are gone. */
export interface Difference {
  readonly added: readonly string[];
  readonly gone: readonly string[];
}

/** What is other on a machine after `body`. */
export function differenceBy(bed: Bed, box: Container, body: () => void): Difference {
  const before = new Set(factsOf(bed, box));
  body();
  const after = new Set(factsOf(bed, box));
  return {
    added: [...after].filter((fact) => !before.has(fact)).sort(),
    gone: [...before].filter((fact) => !after.has(fact) && !isOfOneLink(fact)).sort(),
  };
}

/** What a plan says will be other in the end: what comes and goes on the way is neither. */
export function planned(steps: readonly PlannedStep[]): Difference {
  const of = (wanted: readonly string[], key: "detail" | "before") =>
    steps
      .filter(({ action }) => wanted.includes(action))
      .flatMap((step) => factsIn(step, step[key] ?? {}));
  const added = of(["make", "change"], "detail");
  const gone = [...of(["remove"], "detail"), ...of(["change"], "before")];
  return {
    added: added.filter((fact) => !gone.includes(fact)).sort(),
    gone: gone.filter((fact) => !added.includes(fact) && !isOfOneLink(fact)).sort(),
  };
}

/** A link's sysctls come and go with it: what they were is no fact. */
function isOfOneLink(fact: string): boolean {
  return /^\w+ sysctl \S*\/(conf|neigh)\/(?!all\/|default\/)/.test(fact);
}

function factsIn({ kind, where, what, action }: PlannedStep, detail: Entry): readonly string[] {
  const here = `${where} ${kind}`;
  switch (kind) {
    case "link":
      return linkFacts(where, what, { kind: "", master: "", ...detail }, action !== "change");
    case "address":
      return [`${here} ${detail.address} ${detail.link}`];
    case "route":
      return [`${here} ${detail.destination} ${detail.gateway ?? ""} ${detail.link ?? ""}`];
    case "rule":
      return [`${here} ${detail.from} ${detail.table}`];
    case "nft":
      return nftFact(where, detail);
    case "sysctl":
      return isTold(what.slice("net/".length), String(detail.value))
        ? [`${here} ${what} ${detail.value}`]
        : [];
    case "file":
      return action === "change" ? [] : [`file ${what}`];
    default:
      return [];
  }
}

function linkFacts(where: string, name: string, told: Entry, isWhole: boolean): readonly string[] {
  return ["kind", "mtu", "state", "master"]
    .filter((key) => isWhole || told[key] !== "")
    .flatMap((key) => (told[key] === undefined ? [] : `${where} link ${name} ${key} ${told[key]}`));
}

function nftFact(where: string, { type, table, name, set, element, chain }: Entry) {
  if (type === "rule") return [];
  const own = type === "element" ? `${set} ${element}` : `${name ?? ""}${chain ?? ""}`;
  return [`${where} nft ${type} ${table} ${own}`];
}

/* ---- the machine ---- */

function factsOf(bed: Bed, box: Container): readonly string[] {
  const files = "find /run/cni /run/weft /var/lib/cni /var/lib/elsewhere 2>/dev/null; true";
  return [
    ...factsOfView(bed.host, "host"),
    ...factsOfView(box, "container"),
    ...linesOf(bed.host.sh(files)).map((path) => `file ${path}`),
  ];
}

function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}

function factsOfView(view: View, where: string): readonly string[] {
  const links = view.ip("address show");
  return [
    ...links.flatMap((link) => ownLinkFacts(where, link)),
    ...links.flatMap(({ ifname, addr_info }) =>
      (addr_info as readonly Entry[])
        .filter(({ local }) => local !== undefined && !/^fe80:.*ff:fe/.test(String(local)))
        .map(({ local, prefixlen }) => `${where} address ${local}/${prefixlen} ${ifname}`),
    ),
    ...["-4", "-6"].flatMap((family) =>
      view
        .ip(`${family} route show table all`)
        .filter(({ table, dst }) => table !== "local" && dst !== "fe80::/64")
        .filter(({ dst }) => dst !== "ff00::/8" && dst !== "multicast")
        .map(
          ({ dst, gateway = "", dev = "" }) =>
            `${where} route ${withLength(dst)} ${gateway} ${dev}`,
        ),
    ),
    ...nftFacts(view, where),
    ...sysctlFacts(view, where),
  ];
}

function withLength(destination: unknown): string {
  const text = String(destination);
  if (text === "default" || text.includes("/")) return text;
  return `${text}/${text.includes(":") ? 128 : 32}`;
}

function ownLinkFacts(where: string, link: Entry): readonly string[] {
  const { ifname, mtu, flags, master = "", linkinfo } = link;
  const kind = (linkinfo as Entry | undefined)?.info_kind ?? "";
  const state = (flags as readonly string[]).includes("UP") ? "up" : "down";
  return linkFacts(where, String(ifname), { kind, mtu, state, master }, true);
}

function nftFacts(view: View, where: string): readonly string[] {
  const { nftables } = JSON.parse(view.sh("nft -j list ruleset")) as {
    readonly nftables: readonly Readonly<Record<string, Entry>>[];
  };
  return nftables.flatMap(({ table, chain, set, map }) => {
    const own = set ?? map;
    if (table) return [`${where} nft table ${table.family} ${table.name} `];
    if (chain) return [`${where} nft chain ${chain.family} ${chain.table} ${chain.name}`];
    if (!own) return [];
    const place = `${own.family} ${own.table} ${own.name}`;
    const elements = (own.elem ?? []) as readonly unknown[];
    return [
      `${where} nft set ${place}`,
      ...elements.map((each) => `${where} nft element ${place} ${keyText(each)}`),
    ];
  });
}

/** An element is a key, or a pair of a key and where it leads to; a comment wraps the key. */
function keyText(element: unknown): string {
  const key = Array.isArray(element) ? element[0] : element;
  const { elem } = Object(key) as { readonly elem?: { readonly val: unknown } };
  const value = elem ? elem.val : key;
  if (typeof value !== "object") return String(value);
  const { concat = [] } = value as { readonly concat?: readonly unknown[] };
  return concat.join(" . ");
}

/** Those of a link are facts where they differ from what new links get. */
function sysctlFacts(view: View, where: string): readonly string[] {
  const text = view.sh("cd /proc/sys/net; grep -rHs . core ipv4 ipv6 bridge netfilter; true");
  const values = new Map(
    linesOf(text).map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1).trim()] as const;
    }),
  );
  return [...values].flatMap(([name, value]) => {
    const usual = name.replace(/\/(conf|neigh)\/(?!all\/|default\/).*\//, "/$1/default/");
    const isUsual = usual !== name && [value, undefined].includes(values.get(usual));
    if (isUsual || !isTold(name, value)) return [];
    return [`${where} sysctl net/${name} ${value}`];
  });
}

/** What follows from other sysctls, or is the kernel's own, is not compared; nor are counters. */
function isTold(name: string, value: string): boolean {
  const isKernels = /\/(mtu|forwarding|stable_secret|flush)$|nf_conntrack_count|nf_log|fib_|_mem$/;
  return !isKernels.test(name) && !(name.endsWith("/accept_dad") && value === "-1");
}
