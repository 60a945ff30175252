/**
 * The chains of containers in the nat tables of iptables, this suite's and the reference's, with what
 * the jumps to them tell of their owners:
 *
 *   POSTROUTING        -s 10.1.2.3/32 … --comment "name: \"net\" id: \"6f2c\"" -j CNI-86a5…
 *   CNI-HOSTPORT-DNAT  … --comment "dnat name: \"net\" id: \"6f2c\"" -j CNI-DN-86a5…
 */

import type { Netns } from "../../net/netns.ts";
import { natTables } from "./nat.ts";
import { jumpsTo, parseRule } from "./rule.ts";

/** A chain of a container. */
export interface ContainerChain {
  readonly name: string;
  /** `nat table of IPv4` */
  readonly table: string;
  /** False for one that no packet gets to. */
  readonly isReached: boolean;
  /** As far as a jump tells it; names that are cut begin with `#`. */
  readonly network: string | undefined;
  readonly containerID: string | undefined;
}

/** All of them. Throws IptablesError if the program that tells fails. */
export function listContainerChains(host: Netns): readonly ContainerChain[] {
  return natTables(host).flatMap(({ inWords, list }) => chainsIn(list(), inWords));
}

/** Those in the lines of a table as iptables-save writes them. */
export function chainsIn(lines: readonly string[], table: string): readonly ContainerChain[] {
  const names = lines.flatMap((line) => CHAIN.exec(line)?.[1] ?? []);
  return names.map((name) => {
    const jumps = jumpsTo(lines, name);
    const comments = jumps.flatMap((line) => parseRule(line).comments);
    const [, network, containerID] =
      comments.map((text) => OWNER.exec(text)).find((found) => found !== null) ?? [];
    return { name, table, isReached: jumps.length > 0, network, containerID };
  });
}

const CHAIN = /^:(CNI-[\da-f]{24}|CNI-DN-[\da-f]{21}) /;
const OWNER = /name: "(.*?)" id: "(.*?)"/;
