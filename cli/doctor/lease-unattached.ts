/** Reservations of addresses that no attachment has: each is lost to the pool. */

import type { Check } from "./finding.ts";
import { networkTraces, type TracedAttachment } from "./network-traces.ts";
import { counted, few } from "./words.ts";

export const leaseUnattached: Check = (examined) =>
  networkTraces(examined).flatMap(({ name, attachments, list }) => {
    const things = attachments.filter(isNothingElse).flatMap((each) => each.things);
    if (things.length === 0) return [];
    const said = few(
      things.map(({ what, containerID = "" }) => `${what} of container ${containerID}`),
    );
    const finding = `Network "${name}" has ${counted(things.length, "reservation")} that no attachment has: ${said}`;
    const gc = `Run "weft gc ${name} --yes"`;
    const advice = list ? gc : `${gc}, with a file of the network in NETCONFPATH`;
    return [{ id: "lease-unattached", level: "warning", finding, advice }];
  });

/** True for what is gone, is kept nowhere, and has but reservations and records. */
export function isNothingElse({ kept, isAlive, things }: TracedAttachment): boolean {
  const isReserved = things.every(({ kind }) => kind === "lease" || kind === "record");
  return !kept && !isAlive && isReserved;
}
