/** The checks of state: what is left of attachments, what lacks, and the ways to other hosts. */

import { addressTwice } from "./address-twice.ts";
import { agentState } from "./agent-state.ts";
import { attachmentChanged } from "./attachment-changed.ts";
import { attachmentGone } from "./attachment-gone.ts";
import { attachmentUnleased } from "./attachment-unleased.ts";
import { clockBehind } from "./clock-behind.ts";
import { dhcpDaemon } from "./dhcp-daemon.ts";
import { dhcpLeaseExpired } from "./dhcp-lease-expired.ts";
import { dhcpLeaseMissing } from "./dhcp-lease-missing.ts";
import type { Check } from "./finding.ts";
import { leaseUnattached } from "./lease-unattached.ts";
import { networkUnseen } from "./network-unseen.ts";
import { overlayEntries } from "./overlay-entries.ts";
import { overlayFileOld } from "./overlay-file-old.ts";
import { overlayPathMtu } from "./overlay-path-mtu.ts";
import { overlayUnreachable } from "./overlay-unreachable.ts";
import { poolFull } from "./pool-full.ts";
import { portHolderGone } from "./port-holder-gone.ts";
import { portListened } from "./port-listened.ts";
import { resultListless } from "./result-listless.ts";
import { resultUnreadable } from "./result-unreadable.ts";
import { ruleUnowned } from "./rule-unowned.ts";

/** By the names under which it is said that one of them could not look. */
export const stateChecks: { readonly [name: string]: Check } = {
  "networks and their attachments": networkUnseen,
  "attachments that are gone": attachmentGone,
  "reservations without an attachment": leaseUnattached,
  "attachments without a reservation": attachmentUnleased,
  "attachments with one address": addressTwice,
  "attachments as the kernel shows them": attachmentChanged,
  "pools of addresses": poolFull,
  "rules without an owner": ruleUnowned,
  "host ports of who is gone": portHolderGone,
  "programs behind host ports": portListened,
  "kept results": resultUnreadable,
  "networks of kept results": resultListless,
  "entries of overlays": overlayEntries,
  "ways to other hosts": overlayUnreachable,
  "packet sizes between hosts": overlayPathMtu,
  "the age of an overlay's files": overlayFileOld,
  "agents of networks": agentState,
  "the clock": clockBehind,
  "the dhcp daemon": dhcpDaemon,
  "leases of dhcp": dhcpLeaseExpired,
  "attachments without a lease of dhcp": dhcpLeaseMissing,
};
