/** Asking the daemon, with a time limit. */

import type { Attachment } from "../../lib/cni/call.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import { askLine, unanswered } from "../../lib/host/unix-socket.ts";
import type { DhcpConfig } from "./config.ts";
import { type Answer, LONGEST_LINE, parseAnswer, type Question } from "./messages.ts";

/**
 * The daemon's answer; undefined if no daemon listens. Throws the error that it answers; and Failure,
 * which is not settled, if it says nothing for so many milliseconds, or nothing of use.
 */
export function ask(
  { socketPath }: DhcpConfig,
  question: Question,
  within: number,
): Answer | undefined {
  const line = JSON.stringify(question);
  const text = askLine({ path: socketPath, line, within, longest: LONGEST_LINE });
  if (text === undefined) return undefined;
  const answer = parseAnswer(text);
  if (!answer) throw unanswered(socketPath, "it is no answer to a question");
  const { error } = answer;
  if (error) throw new CniError(Number(error.code), String(error.message), String(error.details));
  return answer;
}

/** Why nothing can be leased now, and what to do. */
export function noDaemon({ socketPath }: DhcpConfig): string {
  const socket = socketPath === "/run/cni/dhcp.sock" ? "" : ` -socketpath ${socketPath}`;
  const advice = `start one: "systemctl enable --now cni-dhcp.socket", or "dhcp daemon${socket}"`;
  return `no dhcp daemon listens at "${socketPath}"; ${advice}`;
}

/** ADD and CHECK cannot do without a daemon; one may be starting again just now. */
export function daemonError(config: DhcpConfig, what: string): CniError {
  return new CniError(Code.tryAgain, `Cannot ${what}: ${noDaemon(config)}`);
}

/** The attachment in words. */
export function inWords({ network, containerID, ifName }: Attachment): string {
  return `"${ifName}" of container ${containerID} in network "${network}"`;
}
