/** Two hosts that say that they have the same public address. */
import { describe, expect } from "vitest";
import { it } from "../bed/it.ts";
import { entryOf, etcdWith, Joined, PREFIX } from "./network.ts";

const SUBNETS = `${PREFIX}/subnets`;

describe("two hosts with one public address", () => {
  it("say so both, and are one host for all others, who lose nobody", async ({ bed }) => {
    const etcd = await etcdWith(bed);
    etcd.ctl(`put ${SUBNETS}/10.77.7.0-24 '${entryOf(7)}'`);
    const witness = await new Joined(bed, 3, etcd).ready();
    const first = await new Joined(bed, 1, etcd).ready();
    const [key = ""] = first.keys;
    await witness.until(() => witness.host.entries().includes("dst 192.0.2.1 "));
    const double = await new Joined(bed, 2, etcd, "--public-ip=192.0.2.1").ready();
    const words = "Cannot keep the public address 192.0.2.1 for this host";
    for (const one of [first, double]) await one.until(words, 120_000);
    expect(first.keys).toEqual([key]);
    await witness.until(() => {
      const peers = new Set(witness.host.entries().match(/ dst \S+/g));
      return [...peers].sort().join() === " dst 192.0.2.1, dst 192.0.2.7";
    });
    for (const one of [first, double, witness]) await one.until(() => one.leadsTo(7));
  });

  it("and a subnet each are left out, and named", async ({ bed }) => {
    const etcd = await etcdWith(bed);
    const witness = await new Joined(bed, 3, etcd).ready();
    for (const n of [7, 8]) {
      const entry = entryOf(n).replace(/192\.0\.2\.\d+/, "192.0.2.7");
      etcd.ctl(`put ${SUBNETS}/10.77.${n}.0-24 '${entry}'`);
    }
    await witness.until("limited: Cannot use peer 192.0.2.7");
    etcd.ctl(`del ${SUBNETS}/10.77.8.0-24`);
    await witness.until(() => witness.leadsTo(7) && !witness.leadsTo(8));
  });
});
