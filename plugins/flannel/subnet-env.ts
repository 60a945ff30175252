/** The file in which flannel's daemon tells what this host's part of its network is. */

import { brief, CniError, Code } from "../../lib/cni/error.ts";
import { type Cidr, networkOf, parseCidr } from "../../lib/ip/cidr.ts";
import { readLines } from "../../lib/state/backup.ts";

export interface SubnetEnv {
  /** All of the overlay, of which the subnets are this host's part; IPv4 first. */
  readonly networks: readonly Cidr[];
  readonly subnets: readonly Cidr[];
  readonly mtu: number;
  /** True if the daemon masquerades. */
  readonly ipMasq: boolean;
}

/** What must be there: one key at least of each line. */
const NEEDED = [
  ["FLANNEL_NETWORK", "FLANNEL_IPV6_NETWORK"],
  ["FLANNEL_SUBNET", "FLANNEL_IPV6_SUBNET"],
  ["FLANNEL_MTU"],
  ["FLANNEL_IPMASQ"],
] as const;

/** Reads the file; throws CniError, code 50, if it is not there or cannot be used. */
export function readSubnetEnv(path: string): SubnetEnv {
  const lines = readLines(path);
  if (!lines) throw unusable(path, "there is no such file");
  const values = new Map(lines.map(splitAtEquals));
  const missing = NEEDED.filter((keys) => !keys.some((key) => values.get(key)));
  if (missing.length > 0) throw unusable(path, `it is missing ${missing.flat().join(", ")}`);
  const read = <T>(key: string, expected: string, parse: (text: string) => T | undefined): T => {
    const text = values.get(key) ?? "";
    const value = parse(text);
    if (value !== undefined) return value;
    throw unusable(path, `${key} must be ${expected}, got ${brief(text)}`);
  };
  const subnets = (kind: string, separator: string) => [
    ...read(`FLANNEL_${kind}`, "an IPv4 subnet", parserOf(4, separator)),
    ...read(`FLANNEL_IPV6_${kind}`, "an IPv6 subnet", parserOf(16, separator)),
  ];
  return {
    networks: subnets("NETWORK", ","),
    subnets: subnets("SUBNET", "\n"),
    mtu: read("FLANNEL_MTU", "a number from 68 to 65535", parseMtu),
    ipMasq: read("FLANNEL_IPMASQ", "true or false", parseFlag),
  };
}

/** The daemon's word if it can be had: taking back must not depend on it. */
export function readSubnetEnvIfUsable(path: string): SubnetEnv | undefined {
  try {
    return readSubnetEnv(path);
  } catch {
    return undefined;
  }
}

function unusable(path: string, state: string): CniError {
  const message = `Cannot use subnet file "${path}": ${state}`;
  return new CniError(Code.notAvailable, message, "the flannel daemon of this host writes it");
}

function splitAtEquals(line: string): readonly [string, string] {
  const [key = ""] = line.split("=", 1);
  return [key, line.slice(key.length + 1)];
}

/** Subnets of one family, without host bits; none if there is no text. */
function parserOf(bytes: number, separator: string) {
  return (text: string): readonly Cidr[] | undefined => {
    const items = text === "" ? [] : text.split(separator);
    const cidrs = items.map((item) => parseCidr(item));
    const found = cidrs.flatMap((cidr) => (cidr?.address.length === bytes ? networkOf(cidr) : []));
    return found.length === items.length ? found : undefined;
  };
}

function parseMtu(text: string): number | undefined {
  const mtu = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return mtu >= 68 && mtu <= 65535 ? mtu : undefined;
}

function parseFlag(text: string): boolean | undefined {
  return text === "true" ? true : text === "false" ? false : undefined;
}
