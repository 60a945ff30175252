/**
 * loopback: the container's own `lo`, up. Nothing else exists afterwards that did not before.
 */

import type { AddCall, CheckCall, DelCall } from "../../lib/cni/call.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import type { Result } from "../../lib/cni/result.ts";
import { interfacePlugin } from "../../lib/cni/run.ts";
import { allOrNothing } from "../../lib/cni/undo.ts";
import { unconfirmed } from "../../lib/cni/verdict.ts";
import { family, formatAddress, isLoopback } from "../../lib/ip/address.ts";
import { type Cidr, formatCidr } from "../../lib/ip/cidr.ts";
import { type Address, listAddresses } from "../../lib/net/address.ts";
import { findLink, getLink, setLinkDown, setLinkUp } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import * as schema from "./loopback.schema.json";

type Config = Readonly<Record<never, never>>;

function add(call: AddCall<Config>, _host: Netns, container: Netns): Result {
  const lo = getLink(container, "lo");
  return allOrNothing((undo) => {
    const takeBack = () => (lo.isUp ? undefined : setLinkDown(container, lo));
    undo.step("lo up", () => setLinkUp(container, lo), takeBack);
    const addresses = listAddresses(container, lo);
    for (const { cidr } of addresses) requireLoopback(cidr);
    return call.prevResult ?? describe(call.netns, lo.mtu, firstOfEachFamily(addresses));
  });
}

function requireLoopback({ address }: Cidr): void {
  if (isLoopback(address)) return;
  throw new CniError(
    Code.conflict,
    `Cannot use "lo": loopback interface found with non-loopback address "${formatAddress(address)}"`,
  );
}

function firstOfEachFamily(addresses: readonly Address[]): Cidr[] {
  const v4 = addresses.find(({ cidr }) => family(cidr.address) === 4);
  const v6 = addresses.find(({ cidr }) => family(cidr.address) === 6);
  return [v4, v6].flatMap((found) => (found ? [found.cidr] : []));
}

function describe(sandbox: string, mtu: number, addresses: readonly Cidr[]): Result {
  return {
    interfaces: [{ name: "lo", mac: "00:00:00:00:00:00", mtu, sandbox }],
    ips: addresses.map((cidr) => ({ address: formatCidr(cidr), interface: 0 })),
  };
}

function check(_call: CheckCall<Config>, _host: Netns, container: Netns): void {
  if (getLink(container, "lo").isUp) return;
  throw unconfirmed('"lo"', "loopback interface is down");
}

function del(_call: DelCall<Config>, _host: Netns, container: Netns | undefined): void {
  const lo = container && findLink(container, "lo");
  if (container && lo) setLinkDown(container, lo);
}

export const { main, handle, configuration } = interfacePlugin<Config>({
  name: "loopback",
  reference: "1.9.1",
  schema,
  parseConfig: () => ({}),
  add,
  check,
  del,
  gc: () => {},
  status: () => {},
});
