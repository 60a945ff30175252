/** Programs of this host that listen at a port which leads to a container: nobody gets to them. */

import { hostPortStates } from "../../lib/inventory/host-ports.ts";
import type { Check } from "./finding.ts";

export const portListened: Check = ({ host }) => {
  const sentences = hostPortStates(host).flatMap(({ whose, listeners }) =>
    listeners().map((sentence) => `Of ${whose}: ${sentence}`),
  );
  return [...new Set(sentences)].map((finding) => ({
    id: "port-listened",
    level: "warning",
    finding,
    advice: "Let the program listen at another port, or map another one",
  }));
};
