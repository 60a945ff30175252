/** Forwarded packets that may reach a container: what is asked for, whichever backend lets them. */

import type { IpAddress } from "../ip/address.ts";
import type { Link } from "../net/link.ts";
import type { Owner } from "../net/owner.ts";

/** A port of a bridge. */
export type Port = Pick<Link, "index" | "name" | "isolated">;

/** An attachment's bridge, and the ports of it by which its container is reached. */
export interface Junction {
  readonly bridge: string;
  readonly ports: readonly Port[];
}

/** From where a bridge's containers are reached, apart from links that isolate nothing. */
export type Ingress =
  | { readonly policy: "open" }
  | ({ readonly policy: "same-bridge" | "isolated" } & Junction);

/** An attachment, its addresses, and who may reach them. */
export interface Forwarding {
  readonly owner: Owner;
  /** Where it is found, by which others find out whether it lives. */
  readonly note?: string | undefined;
  readonly addresses: readonly IpAddress[];
  readonly ingress: Ingress;
}

/** A forwarded address, and the comment that tells whose it is. */
export interface Forwarded {
  readonly address: IpAddress;
  readonly comment: string;
}
