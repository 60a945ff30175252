/** One system call of an ADD fails: it fails as a whole, says so once, and leaves nothing. */
import { describe, expect } from "vitest";
import type { Bed } from "./bed/bed.ts";
import { bridgeWith } from "./bed/configs.ts";
import { sharedBy } from "./bed/difference.ts";
import { it } from "./bed/it.ts";

type Config = Readonly<Record<string, unknown>>;

const dualStack = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]],
};
const configs: readonly (readonly [string, Config])[] = [
  ["layer 2", { cniVersion: "1.1.0", name: "net", type: "bridge", bridge: "br0" }],
  [
    "everything",
    bridgeWith(dualStack, {
      isDefaultGateway: true,
      ipMasq: true,
      hairpinMode: true,
      portIsolation: true,
      macspoofchk: true,
      mtu: 1400,
    }),
  ],
];

/** What fails, how, and at most how often one ADD makes the call. */
const faults = [
  ["a netlink send", "sendto:error=ENOBUFS", 25],
  ["a netlink receive", "recvfrom:error=ENOBUFS", 40],
  ["the opening of a file", "openat:error=EIO", 40],
  ["a write", "write:error=ENOSPC", 20],
  ["the naming of a record", "linkat:error=EIO", 4],
  ["the lock", "flock:error=EIO", 3],
  ["the way into the namespace", "setns:error=EPERM", 30],
  ["a new socket", "socket:error=EMFILE", 6],
] as const;

/**
 * True if the ADD survived the fault. If not, it must have left the machine as it was; a process
 * that ended itself because it could not come home from a namespace leaves the rest to DEL.
 */
function survives(bed: Bed, { box, config, before }: Attempt, fail: string): boolean {
  const run = bed.add("bridge", box, config, { fail });
  if (run.ok || run.exitCode !== 1) {
    expect(bed.del("bridge", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
  } else {
    expect(run.error.code, JSON.stringify(run.error)).not.toBe(999);
  }
  expect(bed.leftovers(before, sharedBy(config)), `${fail}: ${run.stdout}`).toEqual([]);
  return run.ok;
}

interface Attempt {
  readonly box: ReturnType<Bed["container"]>;
  readonly config: Config;
  readonly before: ReturnType<Bed["snapshot"]>;
}

describe.for(configs)("bridge ADD, %s", ([, config]) => {
  it.for(faults)(
    "leaves nothing if %s fails, whichever",
    { timeout: 120_000 },
    (fault, { bed }) => {
      const [, call, most] = fault;
      const box = bed.container();
      bed.add("bridge", box, config).result;
      bed.del("bridge", box, config);
      const attempt = { box, config, before: bed.snapshot() };
      let failures = 0;
      for (let n = 1; n <= most; n++) {
        if (!survives(bed, attempt, `${call}:when=${n}`)) failures++;
      }
      const isUsed = config.ipam !== undefined || !/linkat|flock|write/.test(call);
      if (isUsed && !call.startsWith("recvfrom")) expect(failures).toBeGreaterThan(0);
    },
  );
});
