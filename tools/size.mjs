// The size budget: what an installation takes, and the bytecode that it is made of (bundle.mjs).
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), "dist");

/** Bytes that files of a folder take, hard links counted once. */
function sizeOf(folder, isMeant = () => true) {
  const files = readdirSync(join(dist, folder)).filter(isMeant);
  const stats = files.map((name) => statSync(join(dist, folder, name)));
  const distinct = new Map(stats.map((file) => [file.ino, file.size]));
  return Array.from(distinct.values()).reduce((sum, size) => sum + size, 0);
}

const isHot = (name) => name === "hot.bin";
/** Of what runs when the image is made nothing is left. */
const isCold = (name) => name !== "hot.bin" && name !== "warm.bin";

const rows = [
  // Policies are 80 KB of it, and network policies of Kubernetes 110.
  // The engine's memory grows by 64 KB at a time.
  { what: "dist/bin, hard links counted once", size: sizeOf("bin"), limit: 4480 << 10 },
  {
    what: "bytecode of usual runs, of which the image has four times as much",
    size: sizeOf("bytecode", isHot),
    // Policies are 26 KB of it, of which asking for what judges pods is 2.
    // Reading thousands of hosts and what the kernel has of them as packed texts is 4.
    limit: 524 << 10,
  },
  {
    what: "bytecode that is read when it is needed",
    size: sizeOf("bytecode", isCold),
    // dhcp's daemon with its DHCP client is 57 KB of it, the command line 330 KB.
    // The agent is 390 KB, of which YAML for kubeconfig files is 53, the stores are 90 and network
    // policies, by which the command line explains them as well, 100.
    limit: 930 << 10,
  },
];
for (const { what, size, limit } of rows) {
  const kb = (bytes) => `${Math.round(bytes / 1024)} KB`;
  console.log(`${size <= limit ? "ok     " : "TOO BIG"} ${what}: ${kb(size)} of ${kb(limit)}`);
}
if (rows.some(({ size, limit }) => size > limit)) process.exit(1);
