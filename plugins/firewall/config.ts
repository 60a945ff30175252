/** The firewall plugin's configuration and what it takes from the result before it. */

import type { Attachment } from "../../lib/cni/call.ts";
import type { Defaults } from "../../lib/cni/defaults.ts";
import { brief, CniError, Code, configError } from "../../lib/cni/error.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import { givenAt } from "../../lib/cni/netconf.ts";
import type { Result } from "../../lib/cni/result.ts";
import { warn } from "../../lib/cni/warn.ts";
import { cidrsOf, containerIps, hostLinks } from "../../lib/cni/whose.ts";
import type { ForwardBackend, ForwardOptions } from "../../lib/filter/forward-backends.ts";
import { findJunction } from "../../lib/filter/forward-ports.ts";
import type { Forwarding, Ingress } from "../../lib/filter/ingress.ts";
import type { IpAddress } from "../../lib/ip/address.ts";
import { holderNote } from "../../lib/net/holder.ts";
import type { Netns } from "../../lib/net/netns.ts";

export interface FirewallConfig extends ForwardOptions {
  readonly policy: Ingress["policy"];
}

/** The configuration; `strict` refuses names that iptables or firewalld would not take. */
export function parseFirewallConfig(
  json: JsonObject,
  strict: boolean,
  defaults: Defaults,
): FirewallConfig {
  const adminChain = givenAt(json, "iptablesAdminChainName");
  const zone = givenAt(json, "firewalldZone");
  if (strict && adminChain !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_-]{0,27}$/.test(adminChain)) {
    throw configError("iptablesAdminChainName", "the name of a chain of iptables", adminChain);
  }
  if (strict && zone !== undefined && !/^[A-Za-z0-9_/-]+$/.test(zone)) {
    throw configError("firewalldZone", "the name of a zone", zone);
  }
  return {
    backend: backendOf(givenAt(json, "backend"), strict) ?? defaults.backend,
    adminChain,
    zone,
    policy: (givenAt(json, "ingressPolicy") ?? "open") as Ingress["policy"],
  };
}

const backends = ["nftables", "iptables", "firewalld"] as const;

/** As with the reference plugin an unknown name is none, but that is said. */
function backendOf(name: string | undefined, strict: boolean): ForwardBackend {
  if (name === "ip6tables") return "iptables";
  const known = backends.find((each) => each === name);
  if (name !== undefined && known === undefined && strict) {
    const choice = `backend ${brief(name)} is unknown, so the choice is made as if none were given`;
    warn("firewall", `${choice}; known are ${backends.join(", ")}`);
  }
  return known;
}

/** Whom the firewall is for, and where it is. */
export interface Request {
  readonly attachment: Attachment;
  readonly container: Netns;
  readonly prevResult: Result;
  readonly policy: Ingress["policy"];
}

/** What is to reach an attachment, and from where. */
export function forwardingOf(host: Netns, request: Request): Forwarding {
  const { attachment: owner, container, prevResult } = request;
  const links = hostLinks(prevResult, owner.ifName);
  const note = holderNote(links, container);
  const addresses = addressesOf(prevResult, owner.ifName);
  return { owner, note, addresses, ingress: ingressOf(host, request, links) };
}

/** All addresses of the container: none of them may be reached by whom the policy keeps away. */
export function addressesOf(result: Result, ifName: string): readonly IpAddress[] {
  return cidrsOf(containerIps(result, ifName)).map(({ address }) => address);
}

/** A policy is about a bridge, which is the first link of the result that is one on the host. */
function ingressOf(
  host: Netns,
  { attachment: { ifName }, container, policy }: Request,
  links: readonly string[],
): Ingress {
  if (policy === "open") return { policy };
  const junction = findJunction(host, { links, container, ifName });
  if (junction) return { policy, ...junction };
  const state = `prevResult names no bridge of this host, got [${links.join(", ")}]`;
  throw new CniError(
    Code.config,
    `Cannot use ingress policy "${policy}": ${state}; make sure to chain "firewall" with "bridge"`,
  );
}
