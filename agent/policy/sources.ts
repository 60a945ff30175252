/** Where the objects come from that policies are explained by: the agent of this host, or files. */

import * as host from "host";
import { Failure } from "../../lib/host/failure.ts";
import { closeFile, O_RDONLY, openFile, readToEnd } from "../../lib/host/file.ts";
import { askAt } from "../../lib/host/health.ts";
import { lazily } from "../../lib/host/lazy.ts";
import type { JsonObject } from "../../lib/overlay/contract/host.ts";

/** All objects of a large cluster, with all that they say. */
const LONGEST_MANIFEST = 256 << 20;

/** The socket at which the agent of a network tells the objects it knows. */
export function policySocketOf(network: string): string {
  return `/run/weft/${network}/policy.sock`;
}

/** The objects in a manifest; "-" is stdin. Throws Failure. */
export function objectsInFile(path: string): readonly JsonObject[] {
  const fd = path === "-" ? 0 : openFile(path, O_RDONLY);
  const what = path === "-" ? "standard input" : `"${path}"`;
  try {
    const text = host.decode(readToEnd(fd, what, LONGEST_MANIFEST));
    if (text === undefined) throw new Failure("system", `Cannot read ${what}: it is not UTF-8`);
    return readManifest(text, path);
  } finally {
    if (fd !== 0) closeFile(fd);
  }
}

/** The objects that the agent of this host knows. Throws Failure. */
export function objectsOfAgent(network: string): readonly JsonObject[] {
  const path = policySocketOf(network);
  const text = askAt(path);
  const state = "no agent with --network-policy is running, and no --file is given";
  const objects = text === undefined ? [] : readManifest(text, path);
  const refusal = text === undefined ? { message: state } : objects.find(isStatus);
  if (!refusal) return objects;
  throw new Failure("system", `Cannot ask the agent of network "${network}": ${refusal.message}`);
}

/** What an agent says that does not know all objects yet. */
function isStatus({ kind }: JsonObject): boolean {
  return kind === "Status";
}

function readManifest(text: string, path: string): readonly JsonObject[] {
  return lazily<typeof import("../../lib/store/kubernetes/manifest.lazy.ts")>(
    "manifest",
  ).readManifest(text, path);
}
