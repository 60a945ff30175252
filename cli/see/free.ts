/** `weft ipam free`: gives addresses back that nobody alive has: all that are named, or none. */

import { CniError, Code, oneLine } from "../../lib/cni/error.ts";
import { addressesIn } from "../../lib/inventory/alive.ts";
import { usualDirectories } from "../../lib/inventory/inventory.ts";
import { giveBack, leasesOfDhcp, whileNobodyReserves } from "../../lib/inventory/pools.ts";
import { type Holding, type Pool, pathOf, poolsOf } from "./pools.ts";
import type { Said } from "./say.ts";

/** What is to be freed. */
export interface Wish {
  readonly network: string;
  readonly addresses: readonly string[];
  readonly dataDirs: readonly string[];
}

/** Frees addresses with host-local's lock held; throws CniError, and then none was freed. */
export function free(wish: Wish): Said {
  const { network, dataDirs } = wish;
  const addresses = wish.addresses.map((text) => canonical(text));
  const path = pathOf(placeOf(wish, addresses));
  return whileNobodyReserves(path, () => {
    const { pools, faults } = poolsOf(network, dataDirs);
    const [fault] = faults;
    if (fault !== undefined) throw refusal(`Cannot free addresses of "${network}": ${fault}`);
    const pool = pools.find((each) => pathOf(each) === path);
    const holdings = addresses.map((address) => stale(network, address, pool));
    giveBack(holdings);
    return reportOf(network, holdings);
  });
}

function canonical(text: string): string {
  const [address, ...more] = addressesIn(text);
  if (address !== undefined && more.length === 0) return address;
  const state = `it must be an address such as "10.1.2.3"`;
  throw new CniError(Code.config, `Cannot free "${text}": ${state}`);
}

/** The one pool that all of the addresses are of. */
function placeOf({ network, dataDirs }: Wish, addresses: readonly string[]): Pool {
  const { pools, faults } = poolsOf(network, dataDirs);
  const [fault] = faults;
  if (fault !== undefined) throw refusal(`Cannot free addresses of "${network}": ${fault}`);
  const asked =
    dataDirs.length > 0 ? pools.filter((each) => dataDirs.includes(each.dataDir)) : pools;
  const places = addresses.map((address) => {
    const having = asked.filter((pool) => pool.holdings.some((each) => each.address === address));
    if (having.length > 1) throw inMany(address, having);
    const [place] = having;
    if (!place) throw notReserved(network, address);
    return place;
  });
  const [first] = places;
  const other = first && places.find((place) => pathOf(place) !== pathOf(first));
  if (!first || other) throw inMany(addresses.join(" and "), places);
  return first;
}

function inMany(what: string, pools: readonly Pool[]): CniError {
  const places = [...new Set(pools.map(pathOf))].map((path) => `"${path}"`).join(" and ");
  const advice = "name one directory by --data-dir, and what is there";
  return refusal(`Cannot free ${what}: reserved in ${places}; ${advice}`);
}

/** What a server gave is the server's. */
function notReserved(network: string, address: string): CniError {
  const leases = leasesOfDhcp(usualDirectories.dhcp);
  const lease = leases.find(
    ({ owner, reported }) => owner.network === network && reported.split("/")[0] === address,
  );
  if (!lease) return refusal(`Cannot free ${address}: it is not reserved in network "${network}"`);
  const { containerID, ifName } = lease.owner;
  const state = `a server of dhcp leased it to ${ifName} of container ${containerID}`;
  const advice = `\`weft del ${network} --container-id ${containerID} --ifname ${ifName}\` ends that`;
  return refusal(`Cannot free ${address}: ${state}; ${advice}`);
}

/** The reservation of an address that nobody has; throws if somebody may have it. */
function stale(network: string, address: string, pool: Pool | undefined): Holding {
  const holding = pool?.holdings.find((each) => each.address === address);
  if (!holding) throw notReserved(network, address);
  if (!holding.isAlive) return holding;
  const { containerID, ifName, why } = holding;
  const holder = `${ifName ?? "an interface"} of container ${containerID} has it`;
  throw refusal(`Cannot free ${address}: ${holder}, which lives: ${why}`);
}

function refusal(message: string): CniError {
  return new CniError(Code.conflict, message);
}

function reportOf(network: string, holdings: readonly Holding[]): Said {
  const json = holdings.map(({ address, containerID, ifName, why, path }) => {
    return { network, address, containerID, ifName, why, path };
  });
  return { json, lines: () => holdings.map(freed), faults: [] };
}

function freed({ address, containerID, ifName, why }: Holding): string {
  const of =
    containerID === "" ? "" : ` of ${ifName ?? "an interface"} of container ${containerID}`;
  return oneLine(`freed ${address}${of}: ${why}`);
}
