/** What every nfnetlink message begins with. Layout from linux/netfilter/nfnetlink.h. */

import { u8, u16be } from "../bytes/scalar.ts";
import { struct } from "../bytes/struct.ts";

/** The family the message is about, the protocol's version, and a number of the subsystem's. */
export const nfgenmsg = /* @__PURE__ */ struct("nfgenmsg", {
  family: u8,
  version: u8,
  resource: u16be,
});
