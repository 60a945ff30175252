/** P15: many at once, and sudden death. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { hostLocal, masqueraded } from "../bed/configs.ts";
import { sharedBy } from "../bed/difference.ts";
import { it } from "../bed/it.ts";
import { sleep } from "../bed/patience.ts";
import { reservations } from "../bed/store.ts";

const store = "/var/lib/cni/networks/net";

describe("P15 at the same time", () => {
  it.for(["nftables", "iptables"])(
    "P15.01 P15.02 20 first ADDs, then 20 DELs, with %s",
    async (ipMasqBackend, { bed }) => {
      const config = masqueraded("10.1.2.0/24", { ipMasqBackend });
      const boxes = Array.from({ length: 20 }, () => bed.container());
      const before = bed.snapshot();

      const added = await Promise.all(
        boxes.map((container) => bed.start("bridge", { command: "ADD", container, config })),
      );
      const addresses = added.map(({ result }) => result.ips[0]?.address);
      expect(new Set(addresses).size).toBe(20);
      expect(reservations(bed)).toHaveLength(20);
      expect(boxes.every((box) => box.ping("10.1.2.1"))).toBe(true);

      const deleted = await Promise.all(
        boxes.map((container) => bed.start("bridge", { command: "DEL", container, config })),
      );
      expect(deleted.map(({ exitCode, stdout }) => [exitCode, stdout])).toEqual(
        boxes.map(() => [0, ""]),
      );
      expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
    },
  );

  it("P15.01 of 20 ADDs for 13 addresses, 13 succeed", async ({ bed }) => {
    const config = hostLocal("10.1.2.0/28");
    const boxes = Array.from({ length: 20 }, () => bed.container());
    const added = await Promise.all(
      boxes.map((container) => bed.start("host-local", { command: "ADD", container, config })),
    );
    const granted = added.filter(({ ok }) => ok).map(({ result }) => result.ips[0]?.address);
    expect(new Set(granted).size).toBe(13);
    expect(granted).toHaveLength(13);
    for (const { ok, error } of added.filter((run) => !run.ok)) {
      expect({ ok, code: error.code >= 100 }).toEqual({ ok: false, code: true });
    }
  });

  it("P15.01 ADDs beside DELs of other containers", async ({ bed }) => {
    const config = masqueraded("10.1.2.0/24");
    const leaving = Array.from({ length: 10 }, () => bed.container());
    const coming = Array.from({ length: 10 }, () => bed.container());
    for (const box of leaving) bed.add("bridge", box, config).result;

    const runs = await Promise.all([
      ...leaving.map((container) => bed.start("bridge", { command: "DEL", container, config })),
      ...coming.map((container) => bed.start("bridge", { command: "ADD", container, config })),
    ]);
    expect(runs.filter(({ ok }) => !ok).map(({ error }) => error)).toEqual([]);
    expect(reservations(bed)).toHaveLength(10);
    expect(coming.every((box) => box.ping("10.1.2.1"))).toBe(true);
  });
});

describe("P15 sudden death", () => {
  const config = masqueraded("10.1.2.0/24");

  const moments = [
    ["netlink message", ["sendto", "sendmsg"]],
    ["opening of a file", ["open", "openat"]],
    ["change of a file", ["write", "rename", "renameat", "renameat2", "link", "linkat", "unlink"]],
  ] as const;
  it.for(moments)(
    "P15.03 after SIGKILL at any %s of ADD, one DEL takes back everything",
    ([, calls], { bed }) => {
      bed.add("bridge", bed.container(), config).result;
      const box = bed.container();
      const before = bed.snapshot();
      const deaths = killAtEach(calls, (fail) => {
        const run = bed.add("bridge", box, config, { fail });
        expect(bed.del("bridge", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
        expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
        return run.ok;
      });
      expect(deaths).toBeGreaterThan(0);
      expect(bed.add("bridge", box, config)).toSucceed();
    },
  );

  it.for(moments)(
    "P15.03 after SIGKILL at any %s of DEL, another DEL does the rest",
    ([, calls], { bed }) => {
      const box = bed.container();
      const before = bed.snapshot();
      const deaths = killAtEach(calls, (fail) => {
        bed.add("bridge", box, config).result;
        const run = bed.del("bridge", box, config, { fail });
        expect(bed.del("bridge", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
        expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
        return run.ok;
      });
      expect(deaths).toBeGreaterThan(0);
    },
  );
});

/**
 * Kills the run at its 1st, 2nd, … call of each kind until it survives, and counts the deaths.
 * One kind at a time, because strace counts each kind by itself.
 */
function killAtEach(calls: readonly string[], attempt: (fail: string) => boolean): number {
  let deaths = 0;
  for (const call of calls) {
    for (let n = 1; !attempt(`${call}:signal=KILL:when=${n}`); n++) deaths++;
  }
  return deaths;
}

describe("P15 host-local's store", () => {
  const config = hostLocal("10.1.2.0/24");

  it("P15.04 has the layout that other tools read", ({ bed }) => {
    const box = bed.container();
    bed.add(
      "host-local",
      box,
      hostLocal("", {
        ipam: {
          type: "host-local",
          ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]],
        },
      }),
    ).result;
    expect(bed.list(store)).toEqual(
      expect.arrayContaining([
        "10.1.2.2",
        "fd00:1::2",
        "last_reserved_ip.0",
        "last_reserved_ip.1",
        "lock",
      ]),
    );
    expect(bed.read(`${store}/10.1.2.2`)).toBe(`${box.containerID}\r\neth0`);
    expect(bed.read(`${store}/fd00:1::2`)).toBe(`${box.containerID}\r\neth0`);
    expect(bed.read(`${store}/last_reserved_ip.0`)).toBe("10.1.2.2");
    expect(bed.read(`${store}/last_reserved_ip.1`)).toBe("fd00:1::2");
  });

  it("P15.04 honours reservations that others made, also without an interface name", ({ bed }) => {
    bed.host.sh(`mkdir -p ${store}`);
    bed.write(`${store}/10.1.2.2`, "somebody\r\neth0");
    bed.write(`${store}/10.1.2.3`, " old-style \n");
    bed.write(`${store}/last_reserved_ip.0`, "10.1.2.1");
    const { ips } = bed.add("host-local", bed.container(), config).result;
    expect(ips).toMatchObject([{ address: "10.1.2.4/24" }]);
    const env = { CNI_CONTAINERID: "old-style" };
    expect(bed.del("host-local", bed.container(), config, { env })).toSucceed();
    expect(reservations(bed)).toEqual(["10.1.2.2", "10.1.2.4"]);
  });

  it("P15.06 the lock of a process that was killed is free", async ({ bed }) => {
    const pid = holdLock(bed);
    const waiting = bed.start("host-local", { command: "ADD", container: bed.container(), config });
    sleep(300);
    expect(reservations(bed)).toEqual([]);
    process.kill(pid, "SIGKILL");
    expect((await waiting).result.ips).toHaveLength(1);
  });
});

function holdLock(bed: Bed): number {
  bed.host.sh(`mkdir -p ${store}`);
  const holder = `flock --no-fork ${store}/lock sleep 1000`;
  const pid = Number(bed.host.sh(`${holder} >/dev/null 2>&1 & echo $!`));
  bed.host.until(`! flock --nonblock ${store}/lock true`);
  return pid;
}
