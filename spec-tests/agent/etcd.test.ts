/** The agent and a real etcd: which is killed, paused, compacted, full of junk, or not there yet. */
import { describe, expect } from "vitest";
import { it } from "../bed/it.ts";
import { CONFIG, entryOf, etcdWith, Joined, PREFIX } from "./network.ts";

const SUBNETS = `${PREFIX}/subnets`;

describe("the agent, with etcd", () => {
  it("takes a subnet for a day, as flannel writes it, and has it again", async ({ bed }) => {
    const etcd = await etcdWith(bed);
    const joined = await new Joined(bed, 1, etcd).ready();
    const [key = ""] = joined.keys;
    const mac = /link\/ether (\S+)/.exec(joined.host.view.sh("ip link show flannel.1"))?.[1];
    expect(etcd.keys(SUBNETS).get(`${SUBNETS}/${key}`)).toBe(
      `{"PublicIP":"192.0.2.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"${mac}"}}`,
    );
    const subnet = key.replace("-", "/").replace(".0/", ".1/");
    expect(joined.host.environment.FLANNEL_SUBNET).toBe(subnet);
    expect(etcd.ctl(`get ${SUBNETS}/${key} -w fields`)).toMatch(/"Lease" : [1-9]/);
    const before = etcd.ctl(`get ${SUBNETS}/${key} -w fields`);
    for (const [i, signal] of (["SIGKILL", "SIGTERM"] as const).entries()) {
      await joined.agent.end(signal);
      joined.again();
      etcd.ctl(`put ${SUBNETS}/10.77.${i + 250}.0-24 '${entryOf(i + 70)}'`);
      await joined.until(() => joined.leadsTo(i + 250));
    }
    const revisions = /"(Create|Mod)Revision" : \d+/g;
    const after = etcd.ctl(`get ${SUBNETS}/${key} -w fields`);
    expect(after.match(revisions)).toEqual(before.match(revisions));
  });

  it("waits for a configuration, for one it can use, and for room", async ({ bed }) => {
    const etcd = await etcdWith(bed, null);
    etcd.ctl(`put ${SUBNETS}/10.77.0.64-26 '${entryOf(64)}'`);
    etcd.ctl(`put ${SUBNETS}/10.77.0.128-25 '${entryOf(65)}'`);
    const joined = new Joined(bed, 1, etcd);
    await joined.until(`etcd has no key ${PREFIX}/config`);
    await joined.until("weft agent init");
    etcd.ctl(`put ${PREFIX}/config '{"Network":"10.77.0.0/33"}'`);
    await joined.until(`(key ${PREFIX}/config of etcd)`);
    etcd.ctl(
      `put ${PREFIX}/config '${JSON.stringify({ ...CONFIG, Network: "10.77.0.0/24", SubnetLen: 26 })}'`,
    );
    await joined.until("all 3 subnets /26 from 10.77.0.64 to 10.77.0.192 are taken");
    expect(joined.host.hasJoined).toBe(false);
    etcd.ctl(`del ${SUBNETS}/10.77.0.64-26`);
    await joined.ready();
    expect(joined.keys).toEqual(["10.77.0.64-26"]);
  });

  it("keeps what a reservation is, and has it", async ({ bed }) => {
    const etcd = await etcdWith(bed);
    etcd.ctl(`put ${SUBNETS}/10.77.33.0-24 '{"PublicIP":"192.0.2.1"}'`);
    const joined = await new Joined(bed, 1, etcd).ready();
    expect(joined.keys).toEqual(["10.77.33.0-24"]);
    expect(etcd.ctl(`get ${SUBNETS}/10.77.33.0-24 -w fields`)).toContain('"Lease" : 0');
  });

  it("50 hosts that start at once have 50 subnets, and ways to all others", async ({ bed }) => {
    const etcd = await etcdWith(bed);
    const all = Array.from({ length: 50 }, (_, i) => new Joined(bed, i + 1, etcd));
    for (const joined of all) await joined.ready();
    const keys = [...etcd.keys(SUBNETS).keys()];
    expect(new Set(keys).size).toBe(50);
    for (const joined of all) {
      const [own] = joined.keys;
      const others = keys.map((key) => key.slice(SUBNETS.length + 1)).filter((key) => key !== own);
      const ways = others.map((key) => key.replace("-", "/"));
      await joined.until(() => {
        const entries = joined.host.entries();
        return ways.every((way) => entries.includes(`${way} via`));
      });
    }
  });

  it("keeps all ways while etcd is away, and hears what has happened meanwhile", async ({
    bed,
  }) => {
    const etcd = await etcdWith(bed);
    etcd.ctl(`put ${SUBNETS}/10.77.7.0-24 '${entryOf(7)}'`);
    const joined = await new Joined(bed, 1, etcd).ready();
    await joined.until(() => joined.leadsTo(7));
    const before = joined.host.entries();
    await etcd.kill();
    await joined.until("nothing listens there");
    expect(joined.host.entries()).toBe(before);
    await etcd.restart();
    etcd.ctl(`put ${SUBNETS}/10.77.8.0-24 '${entryOf(8)}'`);
    etcd.ctl(`del ${SUBNETS}/10.77.7.0-24`);
    await joined.until(() => joined.leadsTo(8) && !joined.leadsTo(7));
  });

  it("notices an etcd that answers nobody, and believes it afterwards", async ({ bed }) => {
    const etcd = await etcdWith(bed);
    etcd.ctl(`put ${SUBNETS}/10.77.7.0-24 '${entryOf(7)}'`);
    const joined = await new Joined(bed, 1, etcd).ready();
    await joined.until(() => joined.leadsTo(7));
    etcd.pause();
    await joined.until(`Cannot POST ${etcd.url}/v3/watch: no answer within 5 s`, 120_000);
    expect(joined.leadsTo(7)).toBe(true);
    etcd.resume();
    etcd.ctl(`put ${SUBNETS}/10.77.8.0-24 '${entryOf(8)}'`);
    await joined.until(() => joined.leadsTo(8), 60_000);
  });

  it("lists all hosts again if what has happened meanwhile is compacted", async ({ bed }) => {
    const etcd = await etcdWith(bed);
    for (const n of [7, 8]) etcd.ctl(`put ${SUBNETS}/10.77.${n}.0-24 '${entryOf(n)}'`);
    const joined = await new Joined(bed, 1, etcd).ready();
    await joined.until(() => joined.leadsTo(7) && joined.leadsTo(8));
    joined.agent.signal("SIGSTOP");
    await etcd.kill();
    await etcd.restart();
    etcd.ctl(`put ${SUBNETS}/10.77.9.0-24 '${entryOf(9)}'`);
    etcd.ctl(`del ${SUBNETS}/10.77.7.0-24`);
    etcd.compact();
    joined.agent.signal("SIGCONT");
    await joined.until("is compacted: all hosts are listed again");
    await joined.until(() => joined.leadsTo(9) && joined.leadsTo(8) && !joined.leadsTo(7));
  });

  it("has its subnet again when somebody takes its key or its lease away", async ({ bed }) => {
    const etcd = await etcdWith(bed);
    const joined = await new Joined(bed, 1, etcd).ready();
    const [key = ""] = joined.keys;
    etcd.ctl(`del ${SUBNETS}/${key}`);
    await joined.until(() => joined.keys[0] === key);
    for (const id of etcd.ctl("lease list").match(/^[\da-f]{16}$/gm) ?? [])
      etcd.ctl(`lease revoke ${id}`);
    await joined.until(() => joined.keys[0] === key);
    await joined.until(() => joined.agent.said.split("its key is gone").length >= 3);
  });

  it("leaves junk alone, with one word for each, and takes nobody away for it", async ({ bed }) => {
    const etcd = await etcdWith(bed);
    etcd.ctl(`put ${SUBNETS}/10.77.7.0-24 '${entryOf(7)}'`);
    etcd.ctl(`put ${SUBNETS}/junk '{}'`);
    const joined = await new Joined(bed, 1, etcd).ready();
    await joined.until(() => joined.leadsTo(7));
    etcd.ctl(`put ${SUBNETS}/10.77.7.0-24 'nonsense'`);
    etcd.ctl(`put ${SUBNETS}/10.77.200.0-24 null`);
    etcd.ctl(`put ${SUBNETS}-of-others text`);
    etcd.ctl(`put ${SUBNETS}/10.77.8.0-24 '${entryOf(8)}'`);
    await joined.until(() => joined.leadsTo(8));
    expect(joined.leadsTo(7)).toBe(true);
    for (const name of ["junk", "10.77.7.0-24", "10.77.200.0-24"]) {
      const words = () => joined.agent.said.split(`"${SUBNETS}/${name}" of etcd is no host's`);
      await joined.until(() => words().length >= 2);
      expect(words()).toHaveLength(2);
    }
  });

  it("says what to do where etcd has no JSON gateway", async ({ bed }) => {
    const etcd = await etcdWith(bed, CONFIG, { words: "--enable-grpc-gateway=false" });
    const joined = new Joined(bed, 1, etcd);
    await joined.until("start etcd, 3.4 or newer, with --enable-grpc-gateway");
  });
});
