/** Ports of this host that still lead to containers that are no more. */

import { hostPortStates } from "../../lib/inventory/host-ports.ts";
import type { Check } from "./finding.ts";
import { few } from "./words.ts";

export const portHolderGone: Check = ({ host }) => {
  const gone = hostPortStates(host).filter(({ isGone }) => isGone);
  if (gone.length === 0) return [];
  const named = few(gone.map(({ what, whose }) => `${what} of ${whose}`));
  const finding = `Mapped ports of who is gone lead nowhere: ${named}`;
  const advice = 'Run "weft gc NETWORK --yes"; who maps such a port next gets it as well';
  return [{ id: "port-holder-gone", level: "warning", finding, advice }];
};
