/** What an answer to a question means. */

import { equalAddresses, formatAddress } from "../ip/address.ts";
import { type Lease, leaseFrom } from "./lease.ts";
import type { Reply } from "./replies.ts";
import type { Offer } from "./requests.ts";
import type { Moment, Transaction } from "./transaction.ts";

/** What is to be made of an answer. */
export type Verdict =
  | { readonly kind: "offer"; readonly offer: Offer }
  | { readonly kind: "lease"; readonly lease: Lease }
  /** The server says no. */
  | { readonly kind: "refusal"; readonly reason: string }
  /** It cannot be used, which may be why there is no lease in the end. */
  | { readonly kind: "useless"; readonly reason: string }
  /** It is none of this client's business. */
  | { readonly kind: "foreign"; readonly reason: string };

/** What an answer means; the first good offer is taken. */
export function judge(reply: Reply, transaction: Transaction, moment: Moment): Verdict {
  const { question } = transaction;
  if (question.state === "selecting") return judgeOffer(reply, moment);
  const isOneServer = question.state === "requesting" || question.state === "renewing";
  const expected = question.state === "requesting" ? question.offer : question.lease;
  if (reply.type === "offer") return foreign(reply, "another one has been taken");
  if (isOneServer && !equalAddresses(reply.server, expected.server)) {
    return foreign(reply, `${formatAddress(expected.server)} was asked`);
  }
  if (reply.type === "nak") return { kind: "refusal", reason: refusal(reply, expected) };
  if (!equalAddresses(reply.address, expected.address)) {
    return foreign(reply, `${formatAddress(expected.address)} was asked for`);
  }
  return judgeLease(reply, transaction.sentAt, moment);
}

function judgeOffer(reply: Reply, { now, random }: Moment): Verdict {
  if (reply.type !== "offer") return foreign(reply, "nothing was asked for");
  if (leaseFrom(reply, now, random)) return { kind: "offer", offer: reply };
  return useless(reply, "its lease time is 0");
}

function judgeLease(ack: Reply, sentAt: number, { now, random }: Moment): Verdict {
  const lease = leaseFrom(ack, sentAt, random);
  if (!lease) return useless(ack, "its lease time is 0");
  if (lease.expiresAt > now) return { kind: "lease", lease };
  return useless(ack, "its lease has ended already");
}

function refusal({ server, text }: Reply, { address }: Offer): string {
  const words = text === "" ? "" : `: ${text}`;
  return `${formatAddress(server)} refused ${formatAddress(address)}${words}`;
}

function useless(reply: Reply, state: string): Verdict {
  return { kind: "useless", reason: `${nameOf(reply)}: ${state}` };
}

function foreign(reply: Reply, state: string): Verdict {
  return { kind: "foreign", reason: `${nameOf(reply)}: ${state}` };
}

const names = { offer: "an offer", ack: "an ACK", nak: "a NAK" } as const;

function nameOf({ type, address, server }: Reply): string {
  const what = type === "nak" ? names.nak : `${names[type]} of ${formatAddress(address)}`;
  return `${what} from ${formatAddress(server)}`;
}
