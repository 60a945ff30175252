import { describe, expect, it } from "vitest";
import { parseAddress } from "../../lib/ip/address.ts";
import { formatCidr, parseCidr } from "../../lib/ip/cidr.ts";
import { LINK_SCOPE } from "../../lib/net/route.ts";
import { inTable, ownRoute, type TableRoute } from "../../lib/net/table.ts";
import { planMove } from "./plan.ts";
import type { TabledSource } from "./source.ts";

const link = { index: 2, name: "eth0" };

/** `10.1.2.0/24`, `default 10.1.2.1`, `192.0.2.0/24 10.1.2.9 src 10.1.2.2`: a route as found. */
function route(text: string, table = 254): TableRoute {
  const [, dst = "", gw, src] = /^(\S+)(?: (?!src)(\S+))?(?: src (\S+))?$/.exec(text) ?? [];
  const destination = parseCidr(dst);
  if (!destination) throw new Error(`"${dst}" is no network`);
  const gateway = gw === undefined ? undefined : parseAddress(gw);
  const source = src === undefined ? undefined : parseAddress(src);
  const scope = gateway || destination.address.length === 16 ? 0 : LINK_SCOPE;
  const made = ownRoute(link, { destination, gateway, source, scope });
  return { ...inTable(made, table), isOwn: false };
}

function source(text: string, table: number, gw?: string): TabledSource {
  const cidr = parseCidr(text);
  if (!cidr) throw new Error(`"${text}" is no address`);
  const gateway = gw === undefined ? undefined : parseAddress(gw);
  return { cidr, table, gateway, isGatewayConfigured: false };
}

function shown(routes: readonly TableRoute[]): readonly string[] {
  return routes.map(({ destination, gateway, source: src, table }) => {
    const via = gateway ? ` via ${gateway.join(".")}` : "";
    return `${table}: ${formatCidr(destination)}${via}${src ? ` src ${src.join(".")}` : ""}`;
  });
}

function plan(
  routes: readonly TableRoute[],
  sources: readonly TabledSource[],
  addSourceHints = false,
) {
  const { coming, leaving } = planMove({ link, routes, sources, addSourceHints });
  return { coming: shown(coming), leaving: shown(leaving) };
}

const subnet = "10.1.2.0/24 src 10.1.2.2";

describe("routes of a link", () => {
  it("move to the table of the address in whose subnet they are", () => {
    const routes = [route(subnet), route("10.1.3.0/24 src 10.1.3.2"), route("0.0.0.0/0 10.1.3.1")];
    const sources = [source("10.1.2.2/24", 100), source("10.1.3.2/24", 101)];
    expect(plan(routes, sources)).toEqual({
      coming: [
        "100: 10.1.2.0/24 src 10.1.2.2",
        "101: 10.1.3.0/24 src 10.1.3.2",
        "101: 0.0.0.0/0 via 10.1.3.1",
      ],
      leaving: shown(routes),
    });
  });

  it("move to all tables of their family if they are of no subnet", () => {
    const routes = [route("192.0.2.0/24"), route("198.51.100.0/24 10.9.9.9")];
    const sources = [source("10.1.2.2/24", 100), source("fd00::2/64", 101)];
    expect(plan(routes, sources).coming).toEqual([
      "100: 192.0.2.0/24",
      "100: 198.51.100.0/24 via 10.9.9.9",
    ]);
  });

  it("stay as well if link-local addresses need them", () => {
    const routes = [route("fe80::/64")];
    const { coming, leaving } = plan(routes, [source("fd00::2/64", 101)]);
    expect(coming).toEqual(["101: fe80::/64"]);
    expect(leaving).toEqual([]);
  });

  it("that are where they should be need nothing", () => {
    const routes = [route(subnet, 100), route("0.0.0.0/0 10.1.2.1", 100)];
    const sources = [source("10.1.2.2/24", 100, "10.1.2.9")];
    expect(plan(routes, sources)).toEqual({ coming: [], leaving: [] });
  });
});

describe("the default route of a table", () => {
  it("is the link's own, and else by the gateway of the address", () => {
    const sources = [source("10.1.2.2/24", 100, "10.1.2.9")];
    expect(plan([route("0.0.0.0/0 10.1.2.1")], sources).coming).toEqual([
      "100: 0.0.0.0/0 via 10.1.2.1",
    ]);
    expect(plan([], sources).coming).toEqual(["100: 0.0.0.0/0 via 10.1.2.9"]);
  });

  it("is by a configured gateway, whatever the link's own", () => {
    const sources = [{ ...source("10.1.2.2/24", 100, "10.1.2.9"), isGatewayConfigured: true }];
    expect(plan([route("0.0.0.0/0 10.1.2.1")], sources)).toEqual({
      coming: ["100: 0.0.0.0/0 via 10.1.2.9"],
      leaving: ["254: 0.0.0.0/0 via 10.1.2.1"],
    });
  });

  it("is by the link itself only if no route leads to its gateway", () => {
    const flags = (routes: readonly TableRoute[], gateway: string) => {
      const sources = [source("10.1.2.2/24", 100, gateway)];
      const { coming } = planMove({ link, routes, sources, addSourceHints: false });
      return coming.at(-1)?.message.header.flags;
    };
    expect(flags([route(subnet)], "10.1.2.1")).toBe(0);
    expect(flags([route(subnet, 100)], "10.1.2.1")).toBe(0);
    expect(flags([route(subnet)], "10.9.9.9")).toBe(4);
    expect(flags([], "10.1.2.1")).toBe(4);
  });
});

describe("source hints", () => {
  const both = [source("10.1.2.2/24", 100), source("10.1.2.3/24", 101)];

  it("leave a subnet that names its source, of two addresses the first one's", () => {
    const { coming, leaving } = plan([route(subnet)], both, true);
    expect(coming).toEqual(["100: 10.1.2.0/24 src 10.1.2.2", "101: 10.1.2.0/24 src 10.1.2.2"]);
    expect(leaving).toEqual([]);
  });

  it("take the place of a subnet that names none", () => {
    const { coming, leaving } = plan([route("10.1.2.0/24")], both, true);
    expect(coming).toEqual([
      "100: 10.1.2.0/24",
      "101: 10.1.2.0/24",
      "254: 10.1.2.0/24 src 10.1.2.2",
    ]);
    expect(leaving).toEqual(["254: 10.1.2.0/24"]);
  });
});
