/** All checks, by the names under which it is said that one of them could not look. */

import type { Check } from "./finding.ts";
import { listVersions } from "./list-versions.ts";
import { lists } from "./lists.ts";
import { pluginFiles } from "./plugin-files.ts";

export const checks: { readonly [name: string]: Check } = {
  "the files of plugins": pluginFiles,
  "the versions of lists": listVersions,
  "the files of networks": lists,
};
