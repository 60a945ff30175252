/** Protocol versions: which there are, and how they compare. */

import { CniError, Code } from "./error.ts";

/** Every version of the specification, oldest first. */
export const supportedVersions = [
  "0.1.0",
  "0.2.0",
  "0.3.0",
  "0.3.1",
  "0.4.0",
  "1.0.0",
  "1.1.0",
] as const;

export const newestVersion = "1.1.0";

/** True if version `a` is `b` or newer. */
export function isAtLeast(a: string, b: string): boolean {
  const known: readonly string[] = supportedVersions;
  if (known.includes(a) && known.includes(b)) return known.indexOf(a) >= known.indexOf(b);
  const left = parseVersion(a);
  const right = parseVersion(b);
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** A version as three numbers; code 6 if it is no version. "" is 0.1.0. */
function parseVersion(version: string): readonly [number, number, number] {
  const parts = (version === "" ? "0.1.0" : version).split(".");
  if (parts.length > 3 || !parts.every((part) => /^\d{1,9}$/.test(part))) {
    throw new CniError(Code.decode, `Cannot read cniVersion "${version}": not a version number`);
  }
  const [major = 0, minor = 0, patch = 0] = parts.map(Number);
  return [major, minor, patch];
}

/** What versions have alike: 1 is the form of results in 0.1 and 0.2, 2 in 0.3 and 0.4, 3 in 1.x. */
export type ResultShape = 1 | 2 | 3;

/** The form of results in a version ("" is 0.1.0); undefined if it is not supported. */
export function resultShape(version: string): ResultShape | undefined {
  const index = (supportedVersions as readonly string[]).indexOf(
    version === "" ? "0.1.0" : version,
  );
  if (index < 0) return undefined;
  return index < 2 ? 1 : index < 5 ? 2 : 3;
}

/** Which version brought a command that was not there from the beginning. */
const since = new Map([
  ["CHECK", "0.4.0"],
  ["GC", "1.1.0"],
  ["STATUS", "1.1.0"],
]);

/** Throws code 1 for a version that has no such command, or is not, to the letter, a supported one. */
export function requireVersion(version: string, command: string): void {
  const first = since.get(command);
  if (first !== undefined && !isAtLeast(version, first)) {
    throw new CniError(Code.incompatibleVersion, `config version does not allow ${command}`);
  }
  if ((supportedVersions as readonly string[]).includes(version)) return;
  throw new CniError(
    Code.incompatibleVersion,
    "incompatible CNI versions",
    `config is "${version}", plugin supports [${supportedVersions.map((v) => `"${v}"`).join(" ")}]`,
  );
}
