/** Many pods at once, as when a node is drained or filled. `make bench-cri` sets the reference plugins beside. */
import { describe, expect } from "vitest";
import { releases } from "./containerd.ts";
import { asked, cgroup } from "./node.ts";
import { startOn } from "./pods.ts";

const firstPort = 20_000;

describe.each(releases)("$name", (release) => {
  release.it.for([30, 100])(
    "starts %d pods at once, each with an address and a host port of its own, and leaves nothing of them",
    async (count, { bed }) => {
      const { outside, node, client, leftovers } = await startOn(bed, release);
      const wishes = Array.from({ length: count }, (_, i) => ({
        name: `pod-${i}`,
        hostPort: firstPort + i,
        cgroup,
      }));

      const ids = await Promise.all(wishes.map((pod) => client.runPod(pod)));

      const addresses = await Promise.all(ids.map((id) => client.addressOf(id)));
      expect(new Set(addresses).size).toBe(count);
      for (const { hostPort } of wishes)
        expect(asked(outside, `192.0.2.1:${hostPort}`)).toBe("192.0.2.9");
      await Promise.all(ids.map((id) => client.removePod(id)));
      expect(await client.pods()).toEqual([]);
      expect(leftovers()).toEqual([]);
      node.untilOnly("containerd");
    },
  );
});
