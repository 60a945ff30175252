/**
 * Modules of this image that are cold: not in the snapshot, where a KB of bytecode takes four, but
 * read when they are needed, which takes 8 to 16 µs a KB. For what usual runs do not need: the words
 * of an error, other packet filters, what people ask for.
 */

import * as host from "host";

/**
 * The exports of `name.lazy.ts`, wherever it lies; the build makes each such file a module of its
 * own. The caller gives the type: `lazily<typeof import("./x.lazy.ts")>("x")`.
 */
export function lazily<Module>(name: string): Module {
  return host.load(`${name}.lazy`) as Module;
}
