/** A policy as it is to be enforced: whose it is, for which addresses, and where packets pass. */

import type { IpAddress } from "../ip/address.ts";
import type { Owner } from "../net/owner.ts";
import type { Policy } from "./policy-rules.ts";

/** Where all packets of a container pass on the host. */
export interface PolicyPlace {
  /** The bridge, if the links are ports of one. */
  readonly bridge: string | undefined;
  /** The host's ends of the container's links. */
  readonly links: readonly string[];
}

/** The rules that judge what bridges forward themselves: those for IP, or those for bridges. */
export type BridgeJudge = "ip" | "bridge";

/** What is to be enforced for one attachment. */
export interface Enforced {
  readonly owner: Owner;
  /** Where it is found, by which others find out whether it lives. */
  readonly note?: string | undefined;
  readonly addresses: readonly IpAddress[];
  readonly policy: Policy;
  /** True if the agent judges its connections as well, by its addresses. */
  readonly hasAgent?: boolean;
  readonly place: PolicyPlace;
}
