import { existsSync } from "node:fs";
import { binDirectory } from "./paths.ts";

/** Refuses to start without root, which every test needs. */
export default function requireRoot(): void {
  if (process.getuid?.() !== 0) throw new Error("Cannot run spec-tests: not root");
  if (!existsSync(binDirectory)) {
    throw new Error(`Cannot run spec-tests: "${binDirectory}" does not exist, run make first`);
  }
}
