/**
 * What a node has set for every call: defaults for its networks (/etc/cni/weft.json), and a log of calls
 * (there, or WEFT_LOG). Most nodes have set nothing, and that costs one system call.
 */

import * as host from "host";
import { ENOENT } from "../host/errno.ts";
import { O_NONBLOCK, O_RDONLY } from "../host/file.ts";
import { lazily } from "../host/lazy.ts";
import { NODE_FILE } from "./defaults.ts";
import type { Environment } from "./environment.ts";
import type { Settings } from "./node-settings.lazy.ts";

/** What is set for a call of a plugin; undefined if nothing is. */
export function nodeSettings(plugin: string, environment: Environment): Settings | undefined {
  const fd = host.open(NODE_FILE, O_RDONLY | O_NONBLOCK, 0);
  if (fd === -ENOENT && host.getenv("WEFT_LOG") === undefined) return undefined;
  const { settingsOf } = lazily<typeof import("./node-settings.lazy.ts")>("node-settings");
  return settingsOf(fd, plugin, environment);
}
