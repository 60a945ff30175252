/** CNI_ARGS: `KEY=VALUE;KEY=VALUE`, strict as in the reference, but kind to well-known keys. */

import { parseAddress } from "../ip/address.ts";
import { parseCidr } from "../ip/cidr.ts";
import { CniError, Code } from "./error.ts";

export type CniArgs = { readonly [key: string]: string };

/** Keys another plugin of the same call may need: one variable serves the whole chain. */
const wellKnown = /^(IP|MAC|GATEWAY|K8S_[A-Z0-9_]+|IgnoreUnknown)$/;

/** Reads CNI_ARGS; code 4 on a malformed pair, or an unknown key without IgnoreUnknown. */
export function parseArgs(text: string, known: readonly string[]): CniArgs {
  if (text === "") return {};
  const args: { [key: string]: string } = {};
  for (const pair of text.split(";")) {
    const parts = pair.split("=");
    const [key = "", value = ""] = parts;
    if (parts.length !== 2) throw argsError(`invalid pair "${pair}"`);
    args[key] = value;
  }
  if (args.IP !== undefined) requireAddresses(args.IP);
  const unknown = Object.entries(args).filter(
    ([key]) => !known.includes(key) && !wellKnown.test(key),
  );
  if (!ignoresUnknown(args) && unknown.length > 0) {
    const pairs = unknown.map(([key, value]) => `"${key}=${value}"`).join(" ");
    throw argsError(`unknown args [${pairs}]`);
  }
  return args;
}

/** Refused before anything is done, since IPAM would only refuse it later. */
function requireAddresses(list: string): void {
  const faulty = list
    .split(",")
    .find((text) => text !== "" && !parseAddress(text) && !parseCidr(text));
  if (faulty !== undefined)
    throw argsError(`IP must be an address such as 10.1.2.3, got "${faulty}"`);
}

function ignoresUnknown(args: CniArgs): boolean {
  const value = args.IgnoreUnknown ?? "false";
  if (/^(1|true)$/i.test(value)) return true;
  if (/^(0|false)$/i.test(value)) return false;
  throw argsError(
    `error parsing value of pair "IgnoreUnknown=${value}": boolean unmarshal error: invalid input ${value}`,
  );
}

function argsError(state: string): CniError {
  return new CniError(Code.environment, `Cannot use CNI_ARGS: ${state}`);
}

/** Reads what can be read of CNI_ARGS, for commands that must not fail over it. */
export function parseArgsLeniently(text: string): CniArgs {
  const args: { [key: string]: string } = {};
  for (const pair of text.split(";")) {
    const at = pair.indexOf("=");
    if (at > 0) args[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return args;
}
