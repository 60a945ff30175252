/** All checks, by the names under which it is said that one of them could not look. */

import type { Check } from "./finding.ts";

export const checks: { readonly [name: string]: Check } = {};
