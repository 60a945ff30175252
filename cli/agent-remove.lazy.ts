/** `weft agent remove`. */

import * as host from "host";
import { isPlainName } from "../lib/cni/environment.ts";
import { CniError } from "../lib/cni/error.ts";
import { lazily } from "../lib/host/lazy.ts";
import { sortWords } from "./see/words.ts";

/** The words behind `remove`; the exit status, or undefined if they are wrong. */
export function run(words: readonly string[]): number | undefined {
  const sorted = sortWords(words, { flags: ["--for-flannel"], values: ["--network-name"] });
  const network = sorted?.options.at(-1)?.[1] ?? "flannel";
  if (!sorted || sorted.names.length > 0 || !isPlainName(network)) return undefined;
  try {
    const { removeAgent } =
      lazily<typeof import("../agent/remove-network.lazy.ts")>("remove-network");
    removeAgent(network, sorted.flags.length > 0);
    return 0;
  } catch (cause) {
    host.write(2, host.encode(`weft: ${CniError.from(cause).message}\n`));
    return 1;
  }
}
