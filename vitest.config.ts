import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

const root = import.meta.dirname;
const folders = ["lib", "plugins", "ipam", "agent", "cli", "tools", "bench"];
const files = folders
  .flatMap((folder) => listed(folder))
  .filter((file) => file.endsWith(".test.ts"));

function listed(folder: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return names.map((name) => join(folder, name));
}

/** Whether a test puts something in the place of a module, or changes what others would see. */
function isMocking(file: string): boolean {
  return /\bvi\.|Error\.stackTraceLimit/.test(readFileSync(join(root, file), "utf8"));
}

/** Unit tests: they lie beside what they test, need no root, and make nothing on the machine. */
export default defineConfig({
  // The C host exists in the image only; a test that comes to it puts its own in its place. What C reads
  // and writes by layouts is done by the reference interpreter here.
  resolve: {
    alias: {
      host: join(root, "tools/no-host.ts"),
      codec: join(root, "lib/bytes/reference/codec.ts"),
    },
  },
  test: {
    root,
    // One for each core: vitest leaves one of them to itself, which waits.
    maxWorkers: "100%",
    testTimeout: 0,
    hookTimeout: 0,
    // A test that mocks nothing takes the modules that the one before has loaded.
    projects: [
      { extends: true, test: { name: "mocked", include: files.filter(isMocking) } },
      {
        extends: true,
        test: {
          name: "pure",
          isolate: false,
          include: files.filter((file) => !isMocking(file)),
        },
      },
    ],
  },
});
