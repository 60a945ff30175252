/** Turns what the tools print into named things, leaving out what changes by itself. */

/** A JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: Json;
}

type Named = readonly (readonly [string, Json])[];
type List = readonly JsonObject[];

/** What changes by itself: timers, lifetimes, states that follow the carrier, counters. */
const volatile = new Set([
  "operstate",
  "tentative",
  "valid_life_time",
  "preferred_life_time",
  "topology_change",
  "topology_change_detected",
  "expires",
  "handle",
  "packets",
  "bytes",
  "fdb_n_learned",
  "cache",
]);
const volatileFlags = ["LOWER_UP", "NO-CARRIER", "linkdown"];

function stable(value: Json): Json {
  if (Array.isArray(value)) {
    return value.filter((item) => !volatileFlags.includes(item)).map(stable);
  }
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !volatile.has(key) && !/timer$/.test(key));
  return Object.fromEntries(kept.map(([key, item]) => [key, stable(item)]));
}

function named(key: string, value: JsonObject): readonly [string, Json] {
  return [key, stable(value)];
}

/** `ip -details address show`: every link, and every address of every link. */
export function links(list: List): Named {
  return list
    .filter(isNotEmpty)
    .flatMap(({ addr_info, ...link }) => [
      named(`link ${link.ifname}`, link),
      ...(addr_info as List)
        .filter((item) => isNotEmpty(item) && !isOfKernel(item, String(link.address)))
        .map((item) => named(`address ${link.ifname} ${item.local}/${item.prefixlen}`, item)),
    ]);
}

/** The link-local address the kernel makes from the hardware address once there is a carrier. */
function isOfKernel({ local }: JsonObject, mac: string): boolean {
  const [a = "", b, c, d, e, f] = mac.split(":");
  const first = (Number.parseInt(a, 16) ^ 2).toString(16);
  const groups = [`${first}${b}`, `${c}ff`, `fe${d}`, `${e}${f}`];
  const short = groups.map((group) => group.replace(/^0+(?=.)/, "")).join(":");
  return local === `fe80::${short.replace(/^0:/, "")}`;
}

/** `ip route show table all`, without those the kernel makes and moves with the carrier. */
export function routes(list: List, family: string): Named {
  const others = list.filter((route) => isNotOfKernel(route) && !isLate(route, family));
  return others.map((route) => {
    const via = route.gateway === undefined ? "" : ` via ${route.gateway}`;
    const key = `${family} ${route.type} ${route.dst}${via} dev ${route.dev}`;
    return named(`${key} table ${route.table ?? "main"}`, route);
  });
}

function isNotOfKernel({ dst, type, protocol }: JsonObject): boolean {
  const ofLinkLocal = /^fe80:/.test(String(dst)) || dst === "ff00::/8";
  // That of an IPv6 address comes once no duplicate was found, and the address is told by itself.
  const ofAddress = type === "anycast" || (type === "local" && String(dst).includes(":"));
  return !(protocol === "kernel" && (ofLinkLocal || ofAddress));
}

/** The kernel adds this route for an IPv6 address some time after the address, which is compared. */
function isLate({ type, protocol }: JsonObject, family: string): boolean {
  return family === "routes6" && type === "local" && protocol === "kernel";
}

/** `ip rule show`. */
export function rules(list: List, family: string): Named {
  return list.map(({ protocol: _, ...rule }) => named(`${family} ${rule.priority}`, rule));
}

/** Permanent neighbours and fdb entries; the kernel keeps those of multicast itself. */
export function neighbours(list: List, kind: string): Named {
  return list
    .filter(({ mac }) => !/^(33:33|01:00:5e|01:80:c2)/.test(String(mac ?? "")))
    .filter(({ state }) => kind !== "fdb" || ["permanent", "static"].includes(String(state)))
    .map((item) => {
      const vlan = item.vlan === undefined ? "" : ` vlan ${item.vlan}`;
      return named(`${kind} ${item.dev ?? item.ifname} ${item.dst ?? item.mac}${vlan}`, item);
    });
}

/** `tc qdisc show` and `tc filter show`; a link without queue says so itself. */
export function queueing(list: List, title: string): Named {
  const others = list.filter(({ kind }) => kind !== "noqueue");
  return others.map((item) => named(`${title} ${item.kind} ${item.dev ?? ""}`, item));
}

/** `nft list ruleset`: tables, chains, rules, sets, and each element of a set by itself. */
export function nftables({ nftables: list }: JsonObject): Named {
  return (list as List).flatMap((entry) => {
    const [kind = "", value] = Object.entries(entry)[0] ?? [];
    return kind === "metainfo" ? [] : nftObject(kind, value as JsonObject);
  });
}

function nftObject(kind: string, { elem, ...object }: JsonObject): Named {
  const table = kind === "table" ? object.name : object.table;
  const owner = `nft ${object.family} ${table}`;
  if (kind === "table") return [named(owner, object)];
  if (kind === "rule") {
    return [
      named(`${owner} rule ${object.chain} ${JSON.stringify(stable(object.expr ?? ""))}`, object),
    ];
  }
  const name = `${owner} ${kind} ${object.name}`;
  const elements = (elem ?? []) as readonly Json[];
  return [
    named(name, object),
    ...elements
      .map(stable)
      .map((item) => [`${name} element ${JSON.stringify(item)}`, item] as const),
  ];
}

function isNotEmpty(object: JsonObject): boolean {
  return Object.keys(object).length > 0;
}
