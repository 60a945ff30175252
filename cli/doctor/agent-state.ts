/** `weft agent`, on a host that it has joined to a network: whether it runs, and what it says of itself. */

import { type Health, socketOf } from "../../agent/health.ts";
import { findLeftFaults } from "../../agent/left-behind.ts";
import { FilesOfHost } from "../../agent/own-files.ts";
import { isObject } from "../../lib/cni/json.ts";
import { listDirectory } from "../../lib/host/directory.ts";
import { fileStatus } from "../../lib/host/file-status.ts";
import { askAt } from "../../lib/host/health.ts";
import type { Check, Finding } from "./finding.ts";
import { few } from "./words.ts";

const FOLDER = "/run/weft";

/** What an agent has joined, also one that has ended: `weft agent remove` takes that away. */
export const agentState: Check = ({ host }) =>
  networks().flatMap((network) => {
    if (!new FilesOfHost(network).readSaved()) return [];
    const health = healthOf(network);
    if (health) return saidBy(network, health);
    const faults = findLeftFaults(host, network);
    return faults ? [ended(network, faults)] : [];
  });

/** Each has a folder; locks and the like are beside them. */
function networks(): readonly string[] {
  const names = fileStatus(FOLDER) ? listDirectory(FOLDER).sort() : [];
  return names.filter((name) => fileStatus(`${FOLDER}/${name}`)?.isDirectory);
}

function healthOf(network: string): Health | undefined {
  const text = askAt(socketOf(network));
  const health: unknown = text === undefined ? undefined : JSON.parse(text);
  return isObject(health) ? (health as unknown as Health) : undefined;
}

function saidBy(network: string, { problems, limits, store }: Health): readonly Finding[] {
  const advice = "Do what it says; `weft agent status` tells all of it";
  const told = (level: Finding["level"], all: readonly string[]): readonly Finding[] =>
    all.length === 0
      ? []
      : [{ id: "agent", level, finding: `The agent of "${network}" says: ${few(all)}`, advice }];
  const away = store.problem === undefined ? [] : [store.problem];
  return [...told("error", problems), ...told("warning", [...limits, ...away])];
}

function ended(network: string, faults: readonly string[]): Finding {
  const isWhole = faults.length === 0;
  const state = isWhole ? "no host that comes is reached" : few(faults);
  return {
    id: "agent",
    level: isWhole ? "warning" : "error",
    finding: `The agent of "${network}" does not run: ${state}`,
    advice:
      'Start it ("systemctl start weft-agent"), or take what it left away: "weft agent remove"',
  };
}
