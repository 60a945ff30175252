/**
 * Links of any kind, made directly in the namespace that they are for: above a link of another
 * namespace, as macvlan or vlan, or above none, as dummy.
 */

import { EINVAL, EOPNOTSUPP } from "../host/errno.ts";
import type { Mac } from "../ip/mac.ts";
import { decodeReply } from "../netlink/connection.ts";
import { isRefusal, type NetlinkError } from "../netlink/error.ts";
import * as netlink from "../netlink/link.ts";
import { NetError } from "./error.ts";
import { type Link, type LinkKind, type LinkState, toLinkState } from "./link.ts";
import type { Netns } from "./netns.ts";
import { performNamed } from "./together.ts";

/** A link to be. */
export interface NewLink {
  readonly name: string;
  /** Where it is made. */
  readonly netns: Netns;
  readonly kind: LinkKind;
  /** The link that it is above, in the namespace that is asked. */
  readonly parent?: Pick<Link, "index" | "name" | "mtu"> | undefined;
  /** 0 leaves it to the kernel, which takes the parent's. */
  readonly mtu: number;
  /** Undefined leaves it to the kernel. */
  readonly mac: Mac | undefined;
}

/**
 * Makes a link, down and without an alias, which the kernel takes no sooner than the link is there.
 * `ns` is where its parent is. Throws EEXIST if its name is taken, NetError if the kernel does not
 * know the kind.
 */
export function addLink(ns: Netns, link: NewLink): void {
  const { name, netns, kind, parent, mtu, mac } = link;
  const above = parent ? ` above "${parent.name}"` : "";
  const request = netlink.newLink(`create ${kind.kind} "${name}"${above}`, {
    name,
    linkInfo: { own: kind },
    ...(parent ? { link: parent.index } : {}),
    ...(parent && netns.fd >= 0 ? { netnsFd: netns.fd } : {}),
    ...(mtu > 0 ? { mtu } : {}),
    ...(mac ? { address: mac } : {}),
  });
  const explain = (error: NetlinkError) => explained(error, ns, link);
  (parent ? ns : netns).route.perform({ ...request, explain });
}

function explained(error: NetlinkError, ns: Netns, { kind, parent, mtu }: NewLink): Error {
  const because = (state: string) => new NetError("unsupported", `Cannot ${error.what}: ${state}`);
  if (isRefusal(error, EOPNOTSUPP)) {
    const fault = kindFault(ns, kind.kind);
    return fault === undefined ? error : because(fault);
  }
  if (isRefusal(error, EINVAL) && parent && mtu > parent.mtu) {
    return because(`the MTU ${mtu} is larger than that of "${parent.name}", ${parent.mtu}`);
  }
  return error;
}

/** Gives a link that was just made the alias that tells whose it is, and says how it is. */
export function claimLink(ns: Netns, name: string, alias: string): LinkState {
  const change = { attributes: { alias } };
  const answers = performNamed(ns, {
    alias: netlink.changeLink(`name the owner of "${name}"`, name, change),
    link: netlink.getLink(name),
  });
  return toLinkState(decodeReply(answers.link, netlink.linkStateMessage));
}

/** No link can have this name: a kernel that knows the kind refuses it for that, and makes nothing. */
const IMPOSSIBLE = "weft/probe";

/** Why this kernel makes no links of a kind, in words; undefined if it does. */
export function kindFault(ns: Netns, kind: string): string | undefined {
  const probe = { name: IMPOSSIBLE, linkInfo: { own: { kind } } };
  const [outcome] = ns.route.attempt(netlink.newLink(`probe for links of kind ${kind}`, probe));
  const error = outcome?.error;
  if (isRefusal(error, EOPNOTSUPP)) {
    return `this kernel has no links of kind ${kind}, or their module is not loaded (modprobe ${kind})`;
  }
  if (error && !isRefusal(error, EINVAL)) throw error;
  return undefined;
}
