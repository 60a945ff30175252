/** The sources of the product, and what they import, for the tests that hold them to rules. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";

export const root = dirname(import.meta.dirname);

export interface Source {
  /** From the root of the project: `lib/ip/mac.ts`. */
  readonly path: string;
  readonly text: string;
}

/** All files below a folder, with their paths from the root; none if there is no such folder. */
export function filesBelow(folder: string): readonly string[] {
  if (!existsSync(join(root, folder))) return [];
  const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return names.map((name) => `${folder}/${name}`).sort();
}

/** All files of the product's folders, tests and schemas included. */
export const files = ["lib", "plugins", "ipam", "agent", "cli"].flatMap(filesBelow);

/** The paths of what becomes the product. */
export const sources = files.filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"));

export function readSource(path: string): Source {
  return { path, text: readFileSync(join(root, path), "utf8") };
}

/** What a text imports: static imports, re-exports, `import("…")` and `typeof import("…")`, types or values alike. */
export function importsOf(text: string): readonly string[] {
  const statements = /^(?:import|export(?=\s*(?:type\s*)?[*{]))\b[^;"=(]*"([^"\n]+)"/gm;
  const calls = /\bimport\(\s*"([^"\n]+)"/g;
  return [statements, calls].flatMap((form) =>
    [...text.matchAll(form)].map(([, name = ""]) => name),
  );
}

/** The same as paths from the root; modules of packages, and `host`, are left as they are. */
export function targetsOf({ path, text }: Source): readonly string[] {
  return importsOf(text).map((name) =>
    name.startsWith(".") ? posix.join(posix.dirname(path), name) : name,
  );
}
