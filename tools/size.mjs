// The size budget: what an installation takes, and what the bytecode of all commands takes of it.
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), "dist");

/** Bytes a folder takes, hard links counted once. */
function sizeOf(folder) {
  const files = readdirSync(folder).map((name) => statSync(join(folder, name)));
  const distinct = new Map(files.map((file) => [file.ino, file.size]));
  return Array.from(distinct.values()).reduce((sum, size) => sum + size, 0);
}

const budgets = [
  { what: "dist/bin, hard links counted once", folder: "bin", limit: 3200 << 10 },
  { what: "bytecode of all modules", folder: "bytecode", limit: 620 << 10 },
];

const rows = budgets.map(({ what, folder, limit }) => ({
  what,
  limit,
  size: sizeOf(join(dist, folder)),
}));
for (const { what, size, limit } of rows) {
  const kb = (bytes) => `${Math.round(bytes / 1024)} KB`;
  console.log(`${size <= limit ? "ok     " : "TOO BIG"} ${what}: ${kb(size)} of ${kb(limit)}`);
}
if (rows.some(({ size, limit }) => size > limit)) process.exit(1);
