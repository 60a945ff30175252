/** What qdiscs, classes and filters have in common: linux/rtnetlink.h and linux/pkt_sched.h. */

import { attr } from "../bytes/attributes.ts";
import { cstring, s32, u8, u16, u32 } from "../bytes/scalar.ts";
import { struct } from "../bytes/struct.ts";

/** Header of every message about traffic control. */
export const tcmsg = /* @__PURE__ */ struct("tcmsg", {
  family: u8,
  pad1: u8,
  pad2: u16,
  index: s32,
  handle: u32,
  parent: u32,
  info: u32,
});

/** A qdisc, class, filter or action: its kind, and what that kind says. */
export const kindAndOptions = {
  kind: /* @__PURE__ */ attr(1, "KIND", cstring),
  data: { number: 2, name: "OPTIONS" },
};

/** The link that something of traffic control is on. */
export interface On {
  readonly index: number;
  readonly name: string;
}
