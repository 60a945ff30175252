/** What systemd is told: that the agent is ready, and how it is. */

import { notifyManager } from "../lib/host/service-manager.ts";
import type { State } from "./agent.ts";

/** Tells what has changed each time that the function it returns is called. */
export function managerTeller(state: () => State): () => void {
  let told = "";
  return () => {
    const lines = managerLines(state());
    const text = lines.join("\n");
    if (text === told) return;
    told = text;
    notifyManager(lines);
  };
}

/** How an agent is, in the words of sd_notify(3). */
export function managerLines({ isReady, problem, storeProblem }: State): readonly string[] {
  const status = problem ?? storeProblem ?? (isReady ? "every host is reached" : "joining");
  return [...(isReady ? ["READY=1"] : []), `STATUS=${status.replace(/\s+/g, " ")}`];
}
