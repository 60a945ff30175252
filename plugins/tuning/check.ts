/** What CHECK confirms: sysctls and the link are as they were asked for. */

import type { CheckCall } from "../../lib/cni/call.ts";
import { confirm } from "../../lib/cni/verdict.ts";
import { formatMac } from "../../lib/ip/mac.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { readSysctl } from "../../lib/net/sysctl.ts";
import { readTunables, type Tunables } from "../../lib/net/tuning.ts";
import type { TuningConfig } from "./config.ts";
import { wantedOf } from "./wanted.ts";

/** What CHECK confirms, in its errors. */
const OF = "the tuning of";

/** Throws code 104 with the first difference. */
export function check(call: CheckCall<TuningConfig>, _host: Netns, container: Netns): void {
  const { sysctls, link } = wantedOf(call);
  for (const [path, value] of sysctls) {
    const found = readSysctl(container, path);
    if (words(found) !== words(value)) confirm(call, difference(path, value, found), OF);
  }
  if (Object.keys(link).length === 0) return;
  const found = shown(readTunables(container, call.attachment.ifName));
  for (const [key, expected] of Object.entries(shown(link))) {
    if (found[key] !== expected) confirm(call, difference(key, expected, found[key]), OF);
  }
}

/** The kernel separates numbers by tabs, people by blanks. */
function words(text: string): string {
  return text.trim().split(/\s+/).join(" ");
}

function shown({ mac, ...rest }: Partial<Tunables>): { readonly [key: string]: unknown } {
  return { ...rest, ...(mac === undefined ? {} : { mac: formatMac(mac) }) };
}

function difference(what: string, expected: unknown, found: unknown): string {
  return `${what} is ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`;
}
