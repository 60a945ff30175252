/** Many processes at once: nobody fails, nobody gets what another has, nothing is left. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridgeWith } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import { it } from "../bed/it.ts";
import type { Outcome } from "../bed/outcome.ts";

const dualStack = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]],
};
const config = bridgeWith(dualStack, { isDefaultGateway: true, ipMasq: true });

/** How many runs the random mix has; `RACE_RUNS=10000 make spec` for a long one. */
const RUNS = Number(process.env.RACE_RUNS ?? 1000);
const FIRST_USERS = 32;
const CROWD = 64;

function start(bed: Bed, command: "ADD" | "DEL", container: Container): Promise<Outcome> {
  return bed.start("bridge", { command, container, config });
}

function crowd(bed: Bed, count: number): readonly Container[] {
  return Array.from({ length: count }, () => bed.container());
}

const addressesOf = (run: Outcome) => run.result.ips.map(({ address }) => address);

function records(bed: Bed): readonly string[] {
  return bed.list("/var/lib/cni/networks/net").filter((name) => /^[\da-f]+[.:]/.test(name));
}

describe("at first use", () => {
  it(`${FIRST_USERS} make bridge, tables and store together`, async ({ bed }) => {
    const boxes = crowd(bed, FIRST_USERS);
    const before = bed.snapshot();
    const runs = await Promise.all(boxes.map((box) => start(bed, "ADD", box)));
    expect(runs.filter(({ ok }) => !ok)).toEqual([]);
    expect(new Set(runs.flatMap(addressesOf)).size).toBe(2 * FIRST_USERS);
    for (const box of boxes.slice(0, 3)) expect(box.ping("10.1.2.1")).toBe(true);
    await Promise.all(boxes.map((box) => start(bed, "DEL", box)));
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });
});

describe("on one network", () => {
  it(`${CROWD} come and go at once`, async ({ bed }) => {
    const boxes = crowd(bed, CROWD);
    bed.add("bridge", bed.container("first"), config).result;
    const before = bed.snapshot();
    const runs = await Promise.all(boxes.map((box) => start(bed, "ADD", box)));
    expect(runs.filter(({ ok }) => !ok)).toEqual([]);
    expect(new Set(runs.flatMap(addressesOf)).size).toBe(2 * CROWD);
    const gone = await Promise.all(boxes.map((box) => start(bed, "DEL", box)));
    expect(gone.filter(({ exitCode }) => exitCode !== 0)).toEqual([]);
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it("others come and go at random, as a model says", async ({ bed }) => {
    const boxes = crowd(bed, 12);
    const before = bed.snapshot();
    const held = new Map<Container, readonly string[]>();
    const random = generator(20_261_121);
    let steps = 0;
    const live = async (box: Container) => {
      while (steps < RUNS) {
        steps++;
        const run = await start(bed, held.has(box) ? "DEL" : "ADD", box);
        expect(run.exitCode, `${run.stdout}`).toBe(0);
        if (held.has(box)) held.delete(box);
        else {
          const taken = [...held.values()].flat();
          for (const address of addressesOf(run)) expect(taken).not.toContain(address);
          held.set(box, addressesOf(run));
        }
        await new Promise((resolve) => setTimeout(resolve, random() * 20));
      }
    };
    await Promise.all(boxes.map(live));
    const expected = [...held.values()].flat().map((address) => address.split("/")[0]);
    expect(records(bed).toSorted()).toEqual(expected.toSorted());
    for (const [box, [address = ""]] of held) {
      expect(box.addresses("eth0")).toContain(address);
      expect((await start(bed, "DEL", box)).exitCode).toBe(0);
    }
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });
});

describe("for one attachment", () => {
  it("of several ADDs at once exactly one wins, and works", async ({ bed }) => {
    const box = bed.container();
    bed.add("bridge", bed.container("first"), config).result;
    const before = bed.snapshot();
    for (let round = 0; round < 5; round++) {
      const runs = await Promise.all([1, 2, 3, 4].map(() => start(bed, "ADD", box)));
      const winners = runs.filter(({ ok }) => ok);
      expect(winners).toHaveLength(1);
      for (const { error } of runs.filter(({ ok }) => !ok)) expect(error.code).not.toBe(999);
      const [winner] = winners;
      expect(box.addresses("eth0").toSorted()).toEqual(
        winner ? addressesOf(winner).toSorted() : [],
      );
      expect(box.ping("10.1.2.1")).toBe(true);
      const prevResult = winner?.result;
      expect(bed.check("bridge", box, { ...config, prevResult }).exitCode).toBe(0);
      expect(bed.del("bridge", box, config).exitCode).toBe(0);
      expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    }
  });
});

/** Numbers from 0 to 1, the same in every run (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
