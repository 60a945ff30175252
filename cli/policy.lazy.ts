/** `weft policy explain`: which network policy allows or forbids what, and why. */

import { describe, type End, explain, type Question } from "../agent/policy/explain.ts";
import { takeObjects } from "../agent/policy/known-objects.ts";
import { NetworkPolicies } from "../agent/policy/network-policies.ts";
import type { Pod } from "../agent/policy/objects.ts";
import { fullName, type Protocol } from "../agent/policy/policy.ts";
import { objectsInFile, objectsOfAgent } from "../agent/policy/sources.ts";
import { isPlainName } from "../lib/cni/environment.ts";
import { brief, CniError, Code } from "../lib/cni/error.ts";
import { formatAddress, parseAddress } from "../lib/ip/address.ts";
import { answerLines, podLines } from "./policy/words.ts";
import { type Said, saying } from "./see/say.ts";
import { sortWords, type Words } from "./see/words.ts";

/** What is asked. */
interface Asked {
  readonly pod: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly port: Pick<Question, "protocol" | "port">;
  readonly files: readonly string[];
  readonly network: string;
}

const VALUES = ["--from", "--to", "--port", "--file", "--network-name"];

/** The words behind `policy`: 0, 1 if something is forbidden or wrong, undefined if they are wrong. */
export function run([command, ...words]: readonly string[]): number | undefined {
  const sorted = command === "explain" && sortWords(words, { flags: ["--json"], values: VALUES });
  const asked = sorted ? askedIn(sorted) : undefined;
  if (!sorted || !asked) return undefined;
  let isForbidden = false;
  const status = saying(sorted.flags.length > 0, () => {
    const said = answer(asked);
    isForbidden = said.isForbidden;
    return said;
  });
  return isForbidden ? 1 : status;
}

function askedIn({ names, options }: Words): Asked | undefined {
  const all = (wanted: string) =>
    options.flatMap(([name, value]) => (name === wanted ? value : []));
  const [pod] = names;
  const [from, to] = [all("--from").at(-1), all("--to").at(-1)];
  const port = portIn(all("--port").at(-1));
  const network = all("--network-name").at(-1) ?? "flannel";
  if (pod === undefined || names.length !== 1 || !port || !isPlainName(network)) return undefined;
  if (from !== undefined && to !== undefined) return undefined;
  return { pod, from, to, port, files: all("--file"), network };
}

/** As `80`, `53/UDP`, or `SCTP` for any port of it. */
function portIn(text: string | undefined): Asked["port"] | undefined {
  if (text === undefined) return { protocol: "TCP", port: undefined };
  const [, number, protocol] = /^(?:(\d{1,5})(?:\/|$))?(tcp|udp|sctp)?$/i.exec(text) ?? [];
  const port = number === undefined ? undefined : Number(number);
  if ((protocol ?? number) === undefined || (port ?? 1) < 1 || (port ?? 1) > 65_535)
    return undefined;
  return { protocol: (protocol ?? "TCP").toUpperCase() as Protocol, port };
}

type Answered = Said & { readonly isForbidden: boolean };

function answer({ pod: name, from, to, port, files, network }: Asked): Answered {
  const known = new NetworkPolicies("");
  const objects = files.length > 0 ? files.flatMap(objectsInFile) : objectsOfAgent(network);
  const faults = takeObjects(known, objects);
  const pod = podNamed(known, name);
  const other = from ?? to;
  if (other === undefined) {
    const json = describe(known, pod);
    return { json, lines: () => podLines(pod, json), faults, isForbidden: false };
  }
  const [own, far] = facing(pod, endNamed(known, other));
  const question = { ...port, from: from ? far : own, to: from ? own : far };
  const json = explain(known, question);
  const isForbidden = !json.isLetThrough;
  return { json, lines: () => answerLines(question, json), faults, isForbidden };
}

function podNamed(known: NetworkPolicies, name: string): Pod {
  const all = [...known.cluster.pods];
  const found = all.filter((pod) => fullName(pod) === name || pod.name === name);
  const [pod] = found;
  if (pod && found.length === 1) return pod;
  const state = pod
    ? `there are several, say which: ${found.map(fullName).sort().join(", ")}`
    : `there is none of this name among ${all.length}`;
  throw new CniError(Code.config, `Cannot find pod ${brief(name)}: ${state}`);
}

/** A pod by its name, or whoever has an address. */
function endNamed(known: NetworkPolicies, name: string): End {
  const address = parseAddress(name);
  if (!address) return { pod: podNamed(known, name), address: undefined };
  const text = formatAddress(address);
  return { pod: known.cluster.podsAt(text)[0], address: text };
}

/** A pod and another end, with addresses of the same family as far as there are any. */
function facing(pod: Pod, other: End): readonly [End, End] {
  const theirs = other.address === undefined ? (other.pod?.addresses ?? []) : [other.address];
  const isSame = (a: string, b: string) => a.includes(":") === b.includes(":");
  const shared = pod.addresses.find((each) => theirs.some((there) => isSame(each, there)));
  const own = shared ?? pod.addresses[0];
  const far = theirs.find((each) => own !== undefined && isSame(each, own)) ?? theirs[0];
  return [
    { pod, address: own },
    { pod: other.pod, address: far },
  ];
}
