/** Which attachments a word means: `NETWORK/CONTAINERID[/IFNAME]`, or what a container's ID begins with. */

import { CniError, Code } from "../../lib/cni/error.ts";
import type { Attached } from "./attached.ts";

/** The attachments of one container that are meant; throws CniError if there are none, or several. */
export function meant(word: string, attached: readonly Attached[]): readonly Attached[] {
  const [first = "", second, third, ...more] = word.split("/");
  if (more.length > 0) throw refusal(word, "it must be NETWORK/CONTAINERID/IFNAME at most");
  const ofNetwork = attached.filter(({ owner }) => owner.network === first);
  const named = second === undefined ? [] : ofContainer(second, ofNetwork);
  const found = second === undefined ? ofContainer(first, attached) : named;
  const own = found.filter(({ owner }) => third === undefined || owner.ifName === third);
  const ids = [...new Set(own.map(({ owner }) => owner.containerID))];
  const [id] = ids;
  if (id === undefined) throw refusal(word, "no attachment of this host has that name");
  if (ids.length === 1) return own;
  throw refusal(word, `${ids.length} containers begin so: ${ids.slice(0, MOST).join(", ")}`);
}

/** Names that are told of those that begin alike. */
const MOST = 5;

/** A whole ID is meant before any that only begins so. */
function ofContainer(id: string, attached: readonly Attached[]): readonly Attached[] {
  if (id === "") return [];
  const whole = attached.filter(({ owner }) => owner.containerID === id);
  if (whole.length > 0) return whole;
  return attached.filter(({ owner }) => owner.containerID.startsWith(id));
}

function refusal(word: string, state: string): CniError {
  return new CniError(Code.unknownContainer, `Cannot show "${word}": ${state}`);
}
