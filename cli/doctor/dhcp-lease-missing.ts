/** Living attachments with an address from a DHCP server that the daemon does not keep for them. */

import { dhcpRecordOwners } from "../../lib/inventory/dhcp-leases.ts";
import { keptList } from "../attachment.ts";
import { dhcpNetworksOf, recordsOf } from "./dhcp-daemon.ts";
import type { Check, Examined } from "./finding.ts";
import { listOfNetwork, networkTraces, type TracedAttachment } from "./network-traces.ts";
import { attachmentInWords, counted, few } from "./words.ts";

export const dhcpLeaseMissing: Check = (examined) => {
  const attachments = networkTraces(examined).flatMap((network) => network.attachments);
  const lost = attachments.filter((each) => lacksLease(examined, each));
  if (lost.length === 0) return [];
  const named = few(lost.map(({ owner }) => `${attachmentInWords(owner)} in "${owner.network}"`));
  const finding = `${counted(lost.length, "attachment")} whose lease the dhcp daemon does not keep: ${named}`;
  const advice = "Attach the container anew before its server gives the address to another";
  return [{ id: "dhcp-lease-missing", level: "error", finding, advice }];
};

/** A daemon of the reference keeps no records: then nobody can tell. */
function lacksLease(examined: Examined, { owner, kept, isAlive }: TracedAttachment): boolean {
  if (!kept || !isAlive) return false;
  const list = keptList(kept, examined.netconfPath) ?? listOfNetwork(examined, kept.network);
  const [network] = list ? dhcpNetworksOf(list) : [];
  const owners = network && dhcpRecordOwners(recordsOf(network.socket));
  const isHis = ({ network, containerID, ifName }: typeof owner) =>
    network === owner.network && containerID === owner.containerID && ifName === owner.ifName;
  return owners !== undefined && !owners.some(isHis);
}
