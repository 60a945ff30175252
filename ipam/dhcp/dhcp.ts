/**
 * dhcp: addresses from a DHCP server of the container's own network.
 *
 *   runtime ── bridge, macvlan … ── dhcp            asks at /run/cni/dhcp.sock, and ends
 *                                     │
 *                                 dhcp daemon       keeps the leases: renews them, gives them back
 *                                     │
 *   container ── eth0 ───────── DISCOVER, REQUEST ──▶ server
 *
 * The link has to be there before, and to lead to a server. What is known of a lease is the daemon's;
 * a record in a file lets its successor go on with it.
 */

import type { AddCall, CheckCall, DelCall, GcCall, StatusCall } from "../../lib/cni/call.ts";
import { collectEach } from "../../lib/cni/collect.ts";
import type { Result } from "../../lib/cni/result.ts";
import { ipamPlugin } from "../../lib/cni/run.ts";
import { allOrNothing } from "../../lib/cni/undo.ts";
import { requireReady, unconfirmed } from "../../lib/cni/verdict.ts";
import { absolutePath } from "../../lib/host/file-status.ts";
import { warn } from "../../lib/host/warn.ts";
import { backupShelf } from "../../lib/state/recorded.ts";
import { ask, daemonError, inWords, noDaemon } from "./ask.ts";
import { type DhcpConfig, parseDhcpConfig } from "./config.ts";
import * as schema from "./dhcp.schema.json";
import type { AddQuestion } from "./messages.ts";
import { deleteRecord, recordsOf } from "./record-files.ts";

type Config = DhcpConfig;

/** How long the daemon may look for a lease: others give a delegate 90 s, it needs some itself. */
const LEASE_WITHIN = 80_000;
/** How long it may take to answer, besides. */
const ANSWER_WITHIN = 5_000;

function add(call: AddCall<Config>): Result {
  const { attachment, config } = call;
  const answer = allOrNothing((undo) =>
    undo.step(
      "lease",
      () => ask(config, questionOf(call), LEASE_WITHIN + ANSWER_WITHIN),
      () => ask(config, { command: "DEL", attachment }, ANSWER_WITHIN),
    ),
  );
  if (!answer?.lease) throw daemonError(config, `lease an address for ${inWords(attachment)}`);
  const { result, dropped } = answer.lease;
  for (const reason of dropped) warn(`dhcp: ${reason}`);
  return result;
}

function questionOf({ attachment, netns, request }: AddCall<Config>): AddQuestion {
  return {
    command: "ADD",
    attachment,
    netns: absolutePath(netns),
    args: request.environment.args,
    config: { ipam: request.config.ipam },
    within: LEASE_WITHIN,
  };
}

/** The lease must be there, and be the one that was reported. */
function check({ attachment, config, prevResult }: CheckCall<Config>): void {
  const what = `the lease of ${inWords(attachment)}`;
  const answer = ask(config, { command: "CHECK", attachment }, ANSWER_WITHIN);
  if (!answer) throw daemonError(config, `confirm ${what}`);
  const leased = answer.lease?.result.ips[0]?.address ?? "";
  const reported = (prevResult?.ips ?? []).map(({ address }) => address);
  if (!prevResult || reported.includes(leased)) return;
  throw unconfirmed(what, `its address is ${leased}, and ${reported.join(", ")} was reported`);
}

/** Giving back is a courtesy to the server: without a daemon the lease is left to run out. */
function del({ attachment, config }: DelCall<Config>): void {
  if (ask(config, { command: "DEL", attachment }, ANSWER_WITHIN)) return;
  if (!deleteRecord(recordsOf(config.socketPath), attachment)) return;
  warn(`dhcp: the lease of ${inWords(attachment)} is left to run out: ${noDaemon(config)}`);
}

function gc(call: GcCall<Config>): void {
  const { config, network, valid } = call;
  if (ask(config, { command: "GC", network, valid }, ANSWER_WITHIN)) return;
  const shelf = backupShelf(recordsOf(config.socketPath));
  collectEach(shelf, call, (record) => `remove ${shelf.inWords(record)}`);
}

function status({ config }: StatusCall<Config>): void {
  const isThere = ask(config, { command: "STATUS" }, ANSWER_WITHIN) !== undefined;
  requireReady("lease addresses", isThere ? undefined : noDaemon(config));
}

export const { main, handle, result, configuration } = ipamPlugin<Config>({
  name: "dhcp",
  reference: "1.9.1",
  schema,
  parseConfig: parseDhcpConfig,
  commandLine: "dhcp-daemon",
  add,
  check,
  del,
  gc,
  status,
});
