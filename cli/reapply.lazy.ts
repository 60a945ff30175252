/** `weft reapply`: makes again what somebody has flushed, and leaves links as they are. */

import * as host from "host";
import { isPlainName, LONGEST_NAME } from "../lib/cni/environment.ts";
import { CniError, oneLine } from "../lib/cni/error.ts";
import { reapply, type Wanted } from "./reapply/attachments.ts";
import { linesOf, summaryOf, toJson } from "./reapply/words.ts";

/** The words behind `reapply`; 1 if something could not be made again, undefined if they are wrong. */
export function run(words: readonly string[]): number | undefined {
  const wanted = wantedBy(words);
  if (!wanted) return undefined;
  try {
    const outcomes = reapply(wanted);
    const isFine = outcomes.every(({ state }) => state !== "failed");
    if (words.includes("--json")) {
      print(1, JSON.stringify(outcomes.map(toJson), null, 2));
    } else {
      const isDry = wanted.isDry;
      for (const { fd, line } of outcomes.flatMap((each) => linesOf(each, isDry))) print(fd, line);
      print(1, summaryOf(outcomes, isDry));
    }
    return isFine ? 0 : 1;
  } catch (cause) {
    print(2, oneLine(`weft: ${CniError.from(cause).message}`));
    return 1;
  }
}

const FLAGS = ["--json", "--dry-run"];

function wantedBy(words: readonly string[]): Wanted | undefined {
  const [network, ...more] = words.filter((word) => !FLAGS.includes(word));
  const isName = network === undefined || (isPlainName(network) && network.length <= LONGEST_NAME);
  if (!isName || more.length > 0) return undefined;
  return {
    network,
    isDry: words.includes("--dry-run"),
    directory: host.getenv("NETCONFPATH") || "/etc/cni/net.d",
    path: host.getenv("CNI_PATH") || "/opt/cni/bin",
  };
}

function print(fd: number, text: string): void {
  host.write(fd, host.encode(`${text}\n`));
}
