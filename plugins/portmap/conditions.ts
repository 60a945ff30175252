/** Conditions in the words of `nft`: those that need no program to be understood. */

import { configError } from "../../lib/cni/error.ts";
import type { Condition } from "../../lib/filter/port-mapping.ts";
import { parseAddress } from "../../lib/ip/address.ts";
import { type Cidr, hostCidr, parseCidr } from "../../lib/ip/cidr.ts";
import { linkNameFault } from "../../lib/net/link-name.ts";

/** Reads `ip saddr != 10.0.0.0/8 iifname eth0`; code 7 for what is not understood. */
export function parseConditions(words: readonly string[], family: 4 | 6): readonly Condition[] {
  const rest = words.flatMap((word) => word.split(/\s+/)).filter((word) => word !== "");
  const conditions: Condition[] = [];
  while (rest.length > 0) conditions.push(parseCondition(rest, family, words));
  return conditions;
}

/** Takes the words of one condition from the beginning of the rest. */
function parseCondition(rest: string[], family: 4 | 6, words: readonly string[]): Condition {
  const malformed = () => {
    const known = `"${family === 4 ? "ip" : "ip6"} saddr", "… daddr" or "iifname", and a value`;
    return configError(`conditionsV${family}`, known, words.join(" "));
  };
  const first = rest.shift();
  if (first === "meta" && rest[0] === "iifname") rest.shift();
  const field = first === "meta" ? "iifname" : first;
  const which = field === "iifname" ? field : rest.shift();
  const isNot = rest[0] === "!=";
  if (isNot || rest[0] === "==") rest.shift();
  const value = (rest.shift() ?? "").replace(/^"(.*)"$/, "$1");
  if (which === "iifname") {
    if (linkNameFault(value) !== undefined || value.includes("*")) throw malformed();
    return { link: value, isNot };
  }
  const cidr = parseNetwork(value);
  const isFamily =
    family === 4
      ? field === "ip" && cidr?.address.length === 4
      : field === "ip6" && cidr?.address.length === 16;
  if (!cidr || !isFamily || (which !== "saddr" && which !== "daddr")) throw malformed();
  return { end: which === "saddr" ? "source" : "destination", cidr, isNot };
}

function parseNetwork(text: string): Cidr | undefined {
  const address = parseAddress(text);
  return address ? hostCidr(address) : parseCidr(text);
}
