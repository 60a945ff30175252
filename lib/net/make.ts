/**
 * Links of any kind, made directly in the namespace that they are for: above a link of another
 * namespace, as macvlan or vlan, or above none, as dummy.
 */

import { EADDRNOTAVAIL, EEXIST, EINVAL, EOPNOTSUPP } from "../host/errno.ts";
import { lazily } from "../host/lazy.ts";
import { randomBytes } from "../host/random.ts";
import type { Mac } from "../ip/mac.ts";
import { decodeReply } from "../netlink/connection.ts";
import { isRefusal, NetlinkError } from "../netlink/error.ts";
import * as netlink from "../netlink/link.ts";
import type { Request } from "../netlink/message.ts";
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
 * know the kind, or for another reason that can be seen.
 */
export function addLink(ns: Netns, link: NewLink): void {
  const asked = link.parent ? ns : link.netns;
  try {
    onceLoaded(asked, link.kind.kind, () => ask(asked, link));
  } catch (cause) {
    throw cause instanceof NetlinkError ? explained(cause, ns, link) : cause;
  }
}

/**
 * Before Linux 6.14 a name counts as taken if the parent's namespace has it, as most hosts have
 * eth0; not so for a link that is asked for by its index.
 */
function ask(asked: Netns, link: NewLink): void {
  try {
    asked.route.perform(requestOf(link));
  } catch (cause) {
    if (!link.parent || !isRefusal(cause, EEXIST)) throw cause;
    asked.route.perform(requestOf(link, randomIndex()));
  }
}

/**
 * Makes what is of a kind of links. Who asks while the kernel is still loading the module of the kind,
 * because another asked for it a moment before, is told that there is none: that one asks once more.
 */
export function onceLoaded<T>(ns: Netns, kind: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (!isRefusal(cause, EOPNOTSUPP) || kindFault(ns, kind) !== undefined) throw cause;
    return make();
  }
}

function requestOf({ name, netns, kind, parent, mtu, mac }: NewLink, index = 0): Request {
  const above = parent ? ` above "${parent.name}"` : "";
  const attributes = {
    name,
    linkInfo: { own: kind },
    ...(parent ? { link: parent.index } : {}),
    ...(parent && netns.fd >= 0 ? { netnsFd: netns.fd } : {}),
    ...(mtu > 0 ? { mtu } : {}),
    ...(mac ? { address: mac } : {}),
  };
  return netlink.newLink(`create ${kind.kind} "${name}"${above}`, attributes, index);
}

/** An index for a link to be that is never another's. */
export function randomIndex(): number {
  const [high = 0, middle = 0, low = 0] = randomBytes(3);
  return 0x100_0000 + ((high << 16) | (middle << 8) | low);
}

function explained(error: NetlinkError, ns: Netns, link: NewLink): Error {
  const { kind } = link.kind;
  const fault = isRefusal(error, EOPNOTSUPP) ? kindFault(ns, kind) : undefined;
  if (fault !== undefined) return new NetError("unsupported", `Cannot ${error.what}: ${fault}`);
  return explainAbove(ns, link, error);
}

/**
 * An error over a link above another with its reason, if it is a refusal of the kernel whose reason
 * can be seen in `ns`, where its parent is; else as it is.
 */
export function explainAbove<E>(ns: Netns, link: NewLink, cause: E): E | NetError {
  const { parent } = link;
  if (!parent || !(cause instanceof NetlinkError)) return cause;
  const { parentFault } = lazily<typeof import("./parent-fault.lazy.ts")>("parent-fault");
  const fault = parentFault(ns, { ...link, parent }, cause);
  return fault ? new NetError(fault.kind, `Cannot ${cause.what}: ${fault.state}`) : cause;
}

/**
 * Gives a link that was just made the alias that tells whose it is, and a hardware address if it
 * could not be made with it; says how the link is.
 */
export function claimLink(
  ns: Netns,
  name: string,
  claim: { readonly alias: string; readonly mac?: Mac | undefined },
): LinkState {
  const { alias, mac } = claim;
  const change = { attributes: { alias, ...(mac ? { address: mac } : {}) } };
  const answers = performNamed(ns, {
    claim: netlink.changeLink(`name the owner of "${name}"`, name, change),
    link: netlink.getLink(name),
  });
  return toLinkState(decodeReply(answers.link, netlink.linkStateMessage));
}

/**
 * No link can have this name and address: a kernel that knows the kind refuses the address before
 * it makes anything. For the name alone it would make the other end of a veth pair first.
 */
const IMPOSSIBLE = { name: "weft/probe", address: new Uint8Array(6) };

/** Why this kernel makes no links of a kind, in words; undefined if it does. */
export function kindFault(ns: Netns, kind: string): string | undefined {
  const probe = { ...IMPOSSIBLE, linkInfo: { own: { kind } } };
  const [outcome] = ns.route.attempt(netlink.newLink(`probe for links of kind ${kind}`, probe));
  const error = outcome?.error;
  if (isRefusal(error, EOPNOTSUPP)) {
    const module = kind === "vlan" ? "8021q" : kind;
    return `this kernel has no links of kind ${kind}, or their module is not loaded (modprobe ${module})`;
  }
  if (error && !isRefusal(error, EINVAL, EADDRNOTAVAIL)) throw error;
  return undefined;
}
