/** The CNI_* variables: which a command needs, and what they may hold (CNI spec, "Parameters"). */

import * as host from "host";
import { linkNameFault } from "../net/link-name.ts";
import { CniError, Code } from "./error.ts";

export type Command = "ADD" | "CHECK" | "DEL" | "GC" | "STATUS" | "VERSION";

/** The variables of one invocation; "" where one is not set. */
export interface Environment {
  readonly command: string;
  readonly containerID: string;
  readonly netns: string;
  readonly ifName: string;
  readonly args: string;
  readonly path: string;
  readonly netnsOverride: boolean;
}

/** Reads the CNI_* variables. */
export function readEnvironment(): Environment {
  return {
    command: host.getenv("CNI_COMMAND") ?? "",
    containerID: host.getenv("CNI_CONTAINERID") ?? "",
    netns: host.getenv("CNI_NETNS") ?? "",
    ifName: host.getenv("CNI_IFNAME") ?? "",
    args: host.getenv("CNI_ARGS") ?? "",
    path: host.getenv("CNI_PATH") ?? "",
    netnsOverride: /^(1|true)$/i.test(host.getenv("CNI_NETNS_OVERRIDE") ?? ""),
  };
}

/** Throws code 4 for a variable that the command needs and that is not set, or is malformed. */
export function requireEnvironment(env: Environment): void {
  const { command } = env;
  const needsAttachment = command === "ADD" || command === "CHECK" || command === "DEL";
  if (!needsAttachment) return;
  if (env.containerID !== "") requireContainerID(env.containerID);
  if (env.ifName !== "") requireIfName(env.ifName);
  const missing: string[] = [];
  if (env.containerID === "") missing.push("CNI_CONTAINERID");
  if (env.netns === "" && command !== "DEL") missing.push("CNI_NETNS");
  if (env.ifName === "") missing.push("CNI_IFNAME");
  if (missing.length > 0) {
    throw new CniError(Code.environment, `required env variables [${missing.join(",")}] missing`);
  }
}

/** True if a text may be a container ID or a network name: no path, no space, no option. */
export function isPlainName(text: string): boolean {
  return /^[a-zA-Z0-9]/.test(text) && !/[^a-zA-Z0-9_.-]/.test(text);
}

/** Network names and container IDs become parts of the names of files, which are no longer. */
export const LONGEST_NAME = 255;

function requireContainerID(id: string): void {
  if (id.length > LONGEST_NAME) {
    const state = `it is longer than ${LONGEST_NAME} characters`;
    throw new CniError(Code.environment, `Cannot use CNI_CONTAINERID: ${state}`);
  }
  if (isPlainName(id)) return;
  throw new CniError(Code.environment, "Cannot use CNI_CONTAINERID: invalid characters in it", id);
}

function requireIfName(name: string): void {
  const fault = linkNameFault(name);
  if (fault === undefined) return;
  throw new CniError(Code.environment, `Cannot use CNI_IFNAME: interface name ${fault}`, name);
}
