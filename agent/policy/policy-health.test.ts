import { expect, it, vi } from "vitest";
import { FakeClock } from "../../lib/host/fake-clock.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { RecentDrops } from "./policy-health.ts";

vi.mock("host", () => ({ agent: () => ({ digestOfText: () => "" }) }));

it("asks the kernel once a second at most what it has dropped", () => {
  const clock = new FakeClock();
  let asked = 0;
  const dump = () => {
    asked++;
    return [];
  };
  const attempt = () => [{ what: "", bodies: [] }];
  const drops = new RecentDrops({ netfilter: { dump, attempt } } as unknown as Netns, clock);
  for (let i = 0; i < 5; i++) drops.read();
  const once = asked;
  expect(once).toBeGreaterThan(0);
  clock.pass(999);
  drops.read();
  expect(asked).toBe(once);
  clock.pass(1);
  drops.read();
  expect(asked).toBe(2 * once);
});
