/** What is seen of a host, and makes its picture: plain values, as they were found. */

import type { Attachment } from "../../lib/cni/call.ts";
import type {
  SeenDefault,
  SeenInside,
  SeenLink,
  SeenOverlay,
} from "../../lib/inventory/seen-links.ts";
import type { SeenNat } from "../../lib/inventory/seen-nat.ts";

/** All that the picture is made of. */
export interface Facts extends SeenNat {
  readonly hostname: string;
  readonly links: readonly SeenLink[];
  readonly defaults: readonly SeenDefault[];
  readonly overlays: readonly SeenOverlay[];
  readonly attachments: readonly SeenAttachment[];
  /** What could not be looked at, in sentences. */
  readonly unseen: readonly string[];
}

/** An attachment, as far as it is known. */
export interface SeenAttachment extends Attachment {
  /** The path of its namespace; "" if it is not known. */
  readonly netns: string;
  /** Whether that is a namespace; undefined if nobody can tell. */
  readonly isThere: boolean | undefined;
  /** Its interface, if its namespace could be looked into and has it. */
  readonly inside: SeenInside | undefined;
  /** What files say: addresses, and the names of its links on the host. */
  readonly addresses: readonly string[];
  readonly hostLinks: readonly string[];
}
