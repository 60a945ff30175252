/** firewalld over D-Bus, by the program `busctl`: addresses are sources of a zone. */

import * as host from "host";
import { runProgram } from "../host/process.ts";
import type { IpAddress } from "../ip/address.ts";
import { type Cidr, formatCidr, hostCidr } from "../ip/cidr.ts";
import { NetError } from "../net/error.ts";
import { notInstalled, pathOf } from "./iptables/iptables.ts";

const NAME = "org.fedoraproject.FirewallD1";
const ZONE = ["/org/fedoraproject/FirewallD1", `${NAME}.zone`];
const BUS = "org.freedesktop.DBus";

/** How long firewalld may take to change its rules, in milliseconds. */
const DEADLINE = 60_000;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly error: string;
}

function busctl(...words: readonly string[]): Answer {
  const path = pathOf("busctl");
  if (path === undefined) throw unusable(notInstalled("busctl"));
  const args = ["--system", "--auto-start=no", "call", ...words];
  const stdin = new Uint8Array(0);
  const program = { path, args, env: host.environment(), stdin, milliseconds: DEADLINE };
  const { status, stdout, stderr } = runProgram(program);
  const [text, error] = [stdout, stderr].map((bytes) => (host.decode(bytes) ?? "").trim());
  return { status, text: text ?? "", error: error ?? "" };
}

function unusable(state: string): NetError {
  return new NetError("unsupported", `Cannot use firewalld: ${state}`);
}

/** What a zone has: an address, or all of a subnet. */
type Source = IpAddress | Cidr;

function textOf(source: Source): string {
  return formatCidr("prefixLength" in source ? source : hostCidr(source));
}

function ask(method: string, zone: string, source: Source): Answer {
  return busctl(NAME, ...ZONE, method, "ss", zone, textOf(source));
}

/** Why firewalld cannot be used, in words; undefined if it is running. */
export function firewalldFault(): string | undefined {
  if (pathOf("busctl") === undefined) return notInstalled("busctl");
  const { status, text, error } = busctl(
    BUS,
    "/org/freedesktop/DBus",
    BUS,
    "NameHasOwner",
    "s",
    NAME,
  );
  if (status !== 0) return `the system bus does not answer: ${error}`;
  return text === "b true" ? undefined : "firewalld is not running";
}

/** Binds addresses to a zone; those that are bound to it already are fine. */
export function addSources(zone: string, addresses: readonly Source[]): void {
  for (const address of addresses) {
    const { status, error } = ask("addSource", zone, address);
    if (status === 0 || error.includes("ZONE_ALREADY_SET")) continue;
    const state = `cannot bind ${textOf(address)} to zone "${zone}": ${error}`;
    if (error.includes("ZONE_CONFLICT"))
      throw new NetError("conflict", `Cannot use firewalld: ${state}`);
    throw unusable(firewalldFault() ?? state);
  }
}

/** What is not bound to the zone, in words; every answer is read. */
export function findSourceFault(zone: string, addresses: readonly Source[]): string | undefined {
  for (const address of addresses) {
    const { status, text, error } = ask("querySource", zone, address);
    const shown = textOf(address);
    if (status !== 0) return `firewalld does not say whether zone "${zone}" has ${shown}: ${error}`;
    if (text !== "b true") return `zone "${zone}" of firewalld does not have ${shown}`;
  }
  return undefined;
}

/** Frees addresses from a zone; without firewalld, or in no such zone, they are free. */
export function deleteSources(zone: string, addresses: readonly Source[]): void {
  if (pathOf("busctl") === undefined) return;
  for (const address of addresses) {
    const { status, error } = ask("removeSource", zone, address);
    if (status === 0 || /UNKNOWN_SOURCE|ZONE_CONFLICT|INVALID_ZONE/.test(error)) continue;
    if (firewalldFault() !== undefined) return;
    throw unusable(`cannot free ${textOf(address)} from zone "${zone}": ${error}`);
  }
}
