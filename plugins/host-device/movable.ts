/** Links of the host that no container gets. */

import { CniError, Code } from "../../lib/cni/error.ts";
import { findLink, type Link } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { nameOwner } from "../../lib/net/owner.ts";
import { carriesDefaultRoute } from "../../lib/net/uplink.ts";

/** Throws for the loopback, a port of another link, an attachment's link, and the host's uplink. */
export function requireMovable(host: Netns, device: Link, allowUplink: boolean): void {
  const { name, master, alias } = device;
  const [, mark] = /^weft(?:-overlay)? (.*)/.exec(alias) ?? [];
  if (name === "lo") throw refusal(device, Code.config, "it is the host's loopback");
  if (mark) throw refusal(device, Code.conflict, `it belongs to ${nameOwner(mark)}`);
  if (master !== 0) throw refusal(device, Code.conflict, portState(host, device));
  if (allowUplink || !carriesDefaultRoute(host, device)) return;
  const state = "the host's default route leads by it, and without it the host would be cut off";
  throw refusal(device, Code.config, `${state}; "allowUplink": true moves it all the same`);
}

function portState(host: Netns, { master, name }: Link): string {
  const upper = findLink(host, master)?.name ?? master;
  return `it is a port of "${upper}"; take it off first (ip link set ${name} nomaster)`;
}

function refusal({ name }: Link, code: number, state: string): CniError {
  return new CniError(code, `Cannot move "${name}" into a container: ${state}`);
}
