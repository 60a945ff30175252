/** What flannel's delegate has on the host, made again: nothing of it is flannel's own. */

import { type Mend, madeCall, mendOf } from "../../lib/cni/mend.ts";
import { delegateConfig, delegateOf, parseFlannelConfig } from "./config.ts";
import { requestWith } from "./delegated.ts";
import * as schema from "./flannel.schema.json";
import { findRecord } from "./record.ts";
import { readSubnetEnv } from "./subnet-env.ts";

/** By what the delegate was given when it made the attachment. */
export const mend: Mend = (request, host, work) => {
  const plugin = { name: "flannel", schema, parseConfig: parseFlannelConfig };
  const call = madeCall(plugin, request);
  const { attachment, config } = call;
  const given =
    findRecord(config.dataDir, attachment)?.config ??
    delegateConfig(config, readSubnetEnv(config.subnetFile));
  mendOf(delegateOf(given))?.(requestWith(call, given), host, work);
};
