import { defineConfig } from "vitest/config";

/** Unit tests: they lie beside what they test, need no root, and make nothing on the machine. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["{lib,plugins,ipam,tools,bench}/**/*.test.ts"],
  },
});
