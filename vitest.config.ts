import { defineConfig } from "vitest/config";

/** Unit tests: they lie beside what they test, need no root, and make nothing on the machine. */
export default defineConfig({
  // The C host exists in the image only; a test that comes to it puts its own in its place. What C reads
  // and writes by layouts is done by the reference interpreter here.
  resolve: {
    alias: {
      host: `${import.meta.dirname}/tools/no-host.ts`,
      codec: `${import.meta.dirname}/lib/bytes/reference/codec.ts`,
    },
  },
  test: {
    root: import.meta.dirname,
    // One for each core: vitest leaves one of them to itself, which waits.
    maxWorkers: "100%",
    testTimeout: 0,
    hookTimeout: 0,
    include: ["{lib,plugins,ipam,agent,cli,tools,bench}/**/*.test.ts"],
  },
});
