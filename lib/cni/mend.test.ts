/** The list of plugins that have parts is that of the modules which mend them. */
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const plugins = fileURLToPath(new URL("../../plugins", import.meta.url));
const END = "-mend.lazy.ts";

it("knows every module that mends a plugin", () => {
  const files = readdirSync(plugins, { recursive: true }).map(String);
  const mended = files.filter((file) => file.endsWith(END)).map((file) => basename(file, END));
  const source = readFileSync(new URL("mend.ts", import.meta.url), "utf8");
  const list = /const withParts = \[([^\]]*)\]/.exec(source)?.[1] ?? "";
  expect([...list.matchAll(/"([^"]+)"/g)].map(([, name]) => name)).toEqual(mended.sort());
});
