/** All checks, by the names under which it is said that one of them could not look. */

import { brNetfilter } from "./br-netfilter.ts";
import type { Check } from "./finding.ts";
import { forwarding } from "./forwarding.ts";
import { kernelFeatures } from "./kernel-features.ts";
import { listVersions } from "./list-versions.ts";
import { lists } from "./lists.ts";
import { mtu } from "./mtu.ts";
import { namedLinks } from "./named-links.ts";
import { bothIptables, forwardPolicy, loopbackOpen } from "./packet-filter.ts";
import { pluginFiles } from "./plugin-files.ts";
import { rpFilter } from "./rp-filter.ts";
import { stateChecks } from "./state-checks.ts";
import { subnets } from "./subnets.ts";
import { tablesFull } from "./tables-full.ts";

export const checks: { readonly [name: string]: Check } = {
  "the files of plugins": pluginFiles,
  "the versions of lists": listVersions,
  "the files of networks": lists,
  "the features of the kernel": kernelFeatures,
  "links that networks name": namedLinks,
  "the forwarding of packets": forwarding,
  "who drops forwarded packets": forwardPolicy,
  "frames that pass the packet filter": brNetfilter,
  "both kinds of iptables": bothIptables,
  "links that open the loopback": loopbackOpen,
  "subnets and routes": subnets,
  "the sizes of packets": mtu,
  "reverse path filtering": rpFilter,
  "tables of the kernel": tablesFull,
  ...stateChecks,
};
