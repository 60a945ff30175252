/** Living attachments of which the kernel shows something else than their result says. */

import { findChanges } from "../../lib/inventory/kept-state.ts";
import { addressesOf, hostLinksOf } from "../results.ts";
import type { Check } from "./finding.ts";
import { networkTraces } from "./network-traces.ts";
import { attachmentInWords } from "./words.ts";

export const attachmentChanged: Check = (examined) =>
  networkTraces(examined).flatMap(({ name, attachments }) =>
    attachments.flatMap(({ owner, kept, isAlive }) => {
      if (!kept || !isAlive) return [];
      const { netns, ifName, result } = kept;
      const told = { hostLinks: hostLinksOf(result), addresses: addressesOf(result) };
      const changes = findChanges(examined.host, { netns, ifName, ...told });
      if (changes.length === 0) return [];
      const whose = `${attachmentInWords(owner)} in network "${name}"`;
      const finding = `${whose} is not as it was attached: ${changes.join(", ")}`;
      const advice = "Attach the container anew; whoever changed it will do so again";
      return [{ id: "attachment-changed", level: "error", finding, advice }];
    }),
  );
