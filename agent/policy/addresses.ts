/** Addresses that are told as texts. */
import { type IpAddress, parseAddress } from "../../lib/ip/address.ts";
import type { PodAttachment } from "../../lib/state/pod-attachments.ts";

/** Those of an attachment. */
export function addressesOf({ addresses }: PodAttachment): readonly IpAddress[] {
  return addressesIn(addresses);
}

/** Those among the texts that are any. */
export function addressesIn(texts: readonly string[]): readonly IpAddress[] {
  return texts.flatMap((text) => parseAddress(text) ?? []);
}
