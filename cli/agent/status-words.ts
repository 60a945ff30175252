/** What the agent says of itself, for people. */

import type {
  EndHealth,
  Health,
  HostHealth,
  PeerHealth,
  PolicyHealth,
} from "../../agent/health.ts";
import { timeText } from "../../lib/cni/time-text.ts";
import { columns, orDash } from "../see/columns.ts";

/** The health of an agent, line by line; `now` is in milliseconds since 1970. */
export function statusLines(health: Health, now: number): readonly string[] {
  const { network, version, started, isReady, problems, limits } = health;
  return [
    `network ${network}: ${isReady ? "ready" : "not ready"}, weft ${version}, runs since ${timeText(started / 1000)}`,
    ...hostLines(health.host),
    storeLine(health, now),
    ...leaseLine(health, now),
    ...problems.map((problem) => `problem: ${problem}`),
    ...limits.map((limit) => `limited: ${limit}`),
    ...policyLines(health.networkPolicy, now),
    "",
    ...peerLines(health.peers),
  ];
}

function hostLines(host: HostHealth | undefined): readonly string[] {
  if (!host) return ["this host has not joined yet"];
  const { backend, subnets, ends, mtu } = host;
  const first = `this host has ${subnets.join(", ")} by ${backend}, MTU ${mtu}`;
  return [first, ...ends.map((end) => `  ${endWords(end)}`)];
}

function endWords({ device, publicIP, vtepMAC }: EndHealth): string {
  const parts = [device, `public address ${publicIP}`, vtepMAC];
  return parts.filter((part) => part !== undefined).join(", ");
}

function storeLine({ store }: Health, now: number): string {
  const { type, at, problem, lastSync } = store;
  const when = lastSync === undefined ? "never heard" : `heard ${ago(now - lastSync)} ago`;
  return `store ${type} at ${at}: ${when}${problem === undefined ? "" : `; problem: ${problem}`}`;
}

function leaseLine({ store }: Health, now: number): readonly string[] {
  const { leaseEnds } = store;
  if (leaseEnds === undefined) return [];
  return [
    leaseEnds > now
      ? `lease ends in ${ago(leaseEnds - now)} unless it is renewed`
      : "lease has ended",
  ];
}

/** A time in its two largest units. */
function ago(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

function policyLines(health: PolicyHealth | undefined, now: number): readonly string[] {
  if (!health) return [];
  const { isEnforced, isKnown, policies, isolatedPods, lastChange, drops } = health;
  const state = isEnforced ? "enforced" : "explained only";
  const known = isKnown ? `${policies} known, ${isolatedPods} pods here isolated` : "not known yet";
  const when = lastChange === undefined ? "" : `, changed ${ago(now - lastChange)} ago`;
  const rows = drops.map(({ pod, direction, packets, bytes }) => [
    ...[pod, direction, `${packets}`, `${bytes}`],
  ]);
  return [
    `network policies ${state}: ${known}${when}`,
    ...health.problems.map((problem) => `problem: ${problem}`),
    ...health.faults.map((fault) => `ignored: ${fault}`),
    ...health.pending.map((pod) => `isolated: pod ${pod}, which the cluster does not know`),
    ...health.contested.map((address) => `contested: ${address} is an address of several pods`),
    ...(rows.length > 0
      ? ["", ...columns([["DROPPED OF", "DIRECTION", "PACKETS", "BYTES"], ...rows])]
      : []),
  ];
}

function peerLines(peers: readonly PeerHealth[]): readonly string[] {
  if (peers.length === 0) return ["no other hosts"];
  const rows = peers.map(({ subnets, ends }) => [
    ends.map(({ publicIP }) => publicIP).join(" "),
    subnets.join(" "),
    orDash(ends.flatMap(({ vtepMAC }) => vtepMAC ?? []).join(" ")),
  ]);
  return columns([["PEER", "SUBNET", "VTEP MAC"], ...rows]);
}
