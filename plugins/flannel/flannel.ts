/**
 * flannel: containers in the network of a flannel daemon, by another plugin.
 *
 *   flannel daemon ──▶ /run/flannel/subnet.env    this host's subnets, all networks, MTU
 *                               │
 *   configuration: delegate ────┼──▶ bridge       with host-local and the subnets as ranges
 *                               ▼
 *                      /var/lib/cni/flannel/…     what the delegate was given, until DEL
 *
 * Nothing is done here but to tell the delegate, and to remember what it was told.
 */

import type {
  AddCall,
  Attachment,
  CheckCall,
  DelCall,
  GcCall,
  StatusCall,
} from "../../lib/cni/call.ts";
import { delegate, findDelegate, runFound, takeBack } from "../../lib/cni/delegate.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import type { Json, JsonObject } from "../../lib/cni/json.ts";
import type { Result } from "../../lib/cni/result.ts";
import { parseResult } from "../../lib/cni/result-in.ts";
import { interfacePlugin } from "../../lib/cni/run.ts";
import { allOrNothing, asMuchAsPossible, tryTo } from "../../lib/cni/undo.ts";
import { findStale } from "../../lib/net/inventory.ts";
import { findLink } from "../../lib/net/link.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { delegatedShelf } from "../../lib/state/recorded.ts";
import { delegateConfig, delegateOf, type FlannelConfig, parseFlannelConfig } from "./config.ts";
import { requestWith } from "./delegated.ts";
import * as schema from "./flannel.schema.json";
import { deleteRecord, findRecord, restoreRecord, shareRecord, writeRecord } from "./record.ts";
import { readSubnetEnv, readSubnetEnvIfUsable } from "./subnet-env.ts";

type Config = FlannelConfig;

function add(call: AddCall<Config>, _host: Netns, container: Netns): Result {
  const { attachment, config } = call;
  const given = delegateConfig(config, readSubnetEnv(config.subnetFile));
  const type = delegateOf(given);
  const request = requestWith(call, given);
  const plugin = findDelegate(type, request);
  requireFree(call, container);
  const before = findRecord(config.dataDir, attachment);
  return allOrNothing((undo) => {
    const { cniVersion } = call;
    const record = { config: given, cniVersion };
    writeRecord(config.dataDir, attachment, record);
    undo.before("attachment", () => {
      if (before) return restoreRecord(config.dataDir, attachment, { ...before, cniVersion });
      takeBack(type, request);
      deleteRecord(config.dataDir, attachment, undefined);
    });
    shareRecord(config.dataDir, attachment, record);
    return parseResult(runFound(plugin, "ADD", request) ?? null, {
      what: `the result of delegate "${type}"`,
      code: Code.delegate,
      version: call.cniVersion,
      sameShape: false,
    });
  });
}

/** A link that is there is somebody's: what fails because of it must not be taken back. */
function requireFree({ attachment: { ifName }, netns }: AddCall<Config>, container: Netns): void {
  if (!findLink(container, ifName)) return;
  const state = `link "${ifName}" exists already in "${netns}"`;
  throw new CniError(Code.conflict, `Cannot attach the container: ${state}`);
}

function check(call: CheckCall<Config>): void {
  const { attachment, config } = call;
  const given =
    findRecord(config.dataDir, attachment)?.config ??
    delegateConfig(config, readSubnetEnv(config.subnetFile));
  delegate(delegateOf(given), "CHECK", requestWith(call, given));
}

/** Without a record nothing is known to be there: what the delegate cannot do then is no error. */
function del(call: DelCall<Config>): void {
  const { attachment, config } = call;
  const record = findRecord(config.dataDir, attachment);
  if (record) delegate(delegateOf(record.config), "DEL", requestWith(call, record.config));
  else tryTo("delete what has no record", () => tell(call, "DEL"));
  deleteRecord(config.dataDir, attachment, record);
}

/** Tells the delegate of the present configuration. */
function tell(call: DelCall<Config> | GcCall<Config>, command: "DEL" | "GC", more?: JsonObject) {
  const given = delegateConfig(call.config, readSubnetEnvIfUsable(call.config.subnetFile));
  delegate(delegateOf(given), command, requestWith(call, given, more));
}

/** Records without an attachment are deleted as DEL would; the rest is for the delegate to find. */
function gc(call: GcCall<Config>): void {
  const { config, network, valid } = call;
  const stale = findStale(delegatedShelf(config.dataDir), network, valid);
  const list: Json = valid.map(({ containerID, ifName }) => ({ containerID, ifname: ifName }));
  asMuchAsPossible(
    ...stale.map((each) => [`delete "${each.containerID}"`, () => collect(call, each)] as const),
    ["collect", () => tell(call, "GC", { "cni.dev/valid-attachments": list })],
  );
}

function collect(call: GcCall<Config>, attachment: Attachment): void {
  const { dataDir } = call.config;
  const { containerID, ifName } = attachment;
  const record = findRecord(dataDir, attachment);
  if (record) {
    const request = requestWith(call, record.config);
    const environment = { ...request.environment, containerID, ifName, netns: "" };
    delegate(delegateOf(record.config), "DEL", { ...request, environment });
  }
  deleteRecord(dataDir, attachment, record);
}

/** Ready if the daemon has spoken, and the delegate is ready for what it said. */
function status(call: StatusCall<Config>): void {
  const given = delegateConfig(call.config, readSubnetEnv(call.config.subnetFile));
  delegate(delegateOf(given), "STATUS", requestWith(call, given));
}

export const { main, handle, configuration } = interfacePlugin<Config>({
  name: "flannel",
  reference: "1.9.1",
  schema,
  parseConfig: parseFlannelConfig,
  add,
  check,
  del,
  gc,
  status,
});
