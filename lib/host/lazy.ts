/** Modules of this image that are loaded only when they are needed: start-up pays for what it uses. */

import * as host from "host";

/**
 * The exports of `name.lazy.ts`, wherever it lies; the build makes each such file a module of its
 * own. The caller gives the type: `lazily<typeof import("./x.lazy.ts")>("x")`.
 */
export function lazily<Module>(name: string): Module {
  return host.load(`${name}.lazy`) as Module;
}
