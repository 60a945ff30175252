/** What people see who wait for a command. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { it } from "../bed/it.ts";
import { Lists, resultsFolder } from "../bed/lists.ts";
import { atTerminal } from "../bed/terminal.ts";

/** Three attachments whose namespaces are gone, and a plugin whose DEL takes longer than a second. */
function slowNetwork(bed: Bed): Lists {
  const lists = new Lists(bed);
  lists.plugin("pa", { DEL: { before: "sleep 1.1" } });
  lists.net(["pa"]);
  bed.host.sh(`mkdir -p -m 700 ${resultsFolder}`);
  const list = { cniVersion: "1.0.0", name: "net", plugins: [{ type: "pa" }] };
  const config = Buffer.from(JSON.stringify(list)).toString("base64");
  for (const containerId of ["box1", "box2", "box3"]) {
    const owner = { kind: "cniCacheV1", containerId, ifName: "eth0", networkName: "net" };
    const kept = { ...owner, config, netns: "/run/netns/gone", result: {} };
    bed.write(`${resultsFolder}/net-${containerId}-eth0`, JSON.stringify(kept));
  }
  return lists;
}

describe("weft gc --yes", () => {
  it("tells on a terminal what it does after the first second, and leaves nothing of that", ({
    bed,
  }) => {
    const lists = slowNetwork(bed);
    const { status, stdout, stderr } = atTerminal(bed, lists, "gc net --yes");
    expect(stdout.match(/^detached eth0 of container box[123]: /gm)).toHaveLength(3);
    expect(stderr).toContain('\r\u001b[K2 of 4: detach "eth0" of container "box2"');
    expect(stderr).not.toContain("1 of 4");
    expect(stderr).toMatch(/\r\S\[K$/);
    expect(status).toBe(0);
    expect(bed.list(resultsFolder)).toEqual([]);
  });

  it("tells programs and files nothing of it", ({ bed }) => {
    const lists = slowNetwork(bed);
    const { status, stderr } = lists.weft("gc net --yes", { TERM: "xterm" });
    expect([status, stderr]).toEqual([0, ""]);
  });
});
