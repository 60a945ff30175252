/** vrf: many at once, and sudden death. */
import { describe, expect } from "vitest";
import type { Container } from "../bed/container.ts";
import { needs } from "../bed/kernel.ts";
import { tableLines } from "../bed/routing.ts";
import { attached, blue, connected, network, tableOf } from "../bed/vrf.ts";

const onVrf = needs("vrf");

describe("many", () => {
  onVrf("several at once get a table each", async ({ bed }) => {
    const box = bed.container();
    const calls = [1, 2, 3, 4].map((number) => {
      const ifName = `eth${number}`;
      const prevResult = bed.add("bridge", box, network(number), { ifName }).result;
      const config = { ...blue, vrfname: `vrf${number}`, prevResult };
      return { command: "ADD", container: box, ifName, config };
    });
    for (const run of await Promise.all(calls.map((call) => bed.start("vrf", call)))) {
      expect(run).toSucceed();
    }
    const tables = [1, 2, 3, 4].map((number) => tableOf(box, `vrf${number}`));
    expect(new Set(tables).size).toBe(4);
    for (const number of [1, 2, 3, 4]) {
      expect(box.link(`eth${number}`)).toMatchObject({ master: `vrf${number}` });
      const lines = tableLines(box, String(tables[number - 1])).join("\n");
      expect(lines).toContain(`default via 10.1.${number}.1 dev eth${number}`);
    }
  });

  onVrf.for([
    ["that was made, but not taken", "link set blue alias weft-vrf", 9],
    [
      "whose table another took meanwhile",
      "link set blue alias weft-vrf; ip link add red up type vrf table 9",
      1,
    ],
  ] as const)(
    "takes the place of one who was killed, with a VRF %s",
    ([, script, table], { bed }) => {
      const { box, prevResult } = connected(bed);
      box.sh(`ip link add blue type vrf table 9; ip ${script}`);
      bed.add("vrf", box, { ...blue, prevResult }).result;
      expect(tableOf(box)).toBe(table);
      expect(bed.check("vrf", box, { ...blue, prevResult })).toSucceed();
    },
  );
});

describe("sudden death", () => {
  onVrf.for([
    ["ADD", "DEL"],
    ["DEL", "ADD"],
  ] as const)(
    "of %s leaves no link without its routes, and %s goes on",
    ([command, other], { bed }) => {
      const { box, prevResult } = command === "ADD" ? connected(bed) : attached(bed);
      const config = { ...blue, prevResult };
      let deaths = 0;
      for (;;) {
        const fail = `sendto,sendmsg:signal=KILL:when=${deaths + 1}`;
        const run = bed.exec("vrf", { command, container: box, config, fail });
        expectRoutes(box);
        if (run.ok) break;
        deaths++;
        expect(bed.exec("vrf", { command: other, container: box, config })).toSucceed();
        expectRoutes(box);
      }
      expect(deaths).toBeGreaterThan(5);
    },
  );
});

/** The routes that the link has without the VRF, wherever it is. */
function expectRoutes(box: Container): void {
  const table = box.link("eth0").master === undefined ? "main" : String(tableOf(box));
  const lines = tableLines(box, table).join("\n");
  expect(lines).toContain("default via 10.1.2.1 dev eth0");
  expect(lines).toContain("default via fd00:2::1 dev eth0");
}
