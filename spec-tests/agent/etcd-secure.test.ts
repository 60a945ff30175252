/** The agent and an etcd that wants to know who asks, and three members of one. */
import { describe, expect } from "vitest";
import { makeCertificates } from "../bed/certificates.ts";
import { it } from "../bed/it.ts";
import { waitUntil } from "../bed/patience.ts";
import { Etcd } from "../cluster/etcd.ts";
import { addStoresAddress, STORES } from "../cluster/host.ts";
import { CONFIG, entryOf, etcdWith, Joined, PREFIX } from "./network.ts";

const SUBNETS = `${PREFIX}/subnets`;

describe("the agent, with etcd by TLS", () => {
  it("is believed by its certificate, and believes etcd by its authority", async ({ bed }) => {
    const folder = makeCertificates(bed, STORES);
    const client = `--cacert ${folder}/ca.pem --cert ${folder}/client.pem --key ${folder}/client.key`;
    const etcd = await etcdWith(bed, CONFIG, {
      scheme: "https",
      words: `--cert-file ${folder}/server.pem --key-file ${folder}/server.key
        --client-cert-auth --trusted-ca-file ${folder}/ca.pem`,
      clientWords: client,
    });
    const files = `--etcd-certfile=${folder}/client.pem --etcd-keyfile=${folder}/client.key`;
    const joined = await new Joined(
      bed,
      1,
      etcd,
      `--etcd-cafile=${folder}/ca.pem ${files}`,
    ).ready();
    etcd.ctl(`put ${SUBNETS}/10.77.7.0-24 '${entryOf(7)}'`);
    await joined.until(() => joined.leadsTo(7));

    const stranger = new Joined(bed, 2, etcd, `--etcd-cafile=${folder}/ca.pem`);
    await stranger.until(`Cannot POST ${etcd.url}/v3/kv/range: `);
    const deceived = new Joined(bed, 3, etcd, `--etcd-cafile=${folder}/other.pem ${files}`);
    await deceived.until(`Cannot POST ${etcd.url}/v3/kv/range: `);
    expect([stranger.host.hasJoined, deceived.host.hasJoined]).toEqual([false, false]);
    expect(deceived.agent.said).toMatch(/authorit|certificate/);
  });
});

describe("the agent, whose certificates are replaced", () => {
  it("goes on with the new ones, of another authority, as a kubelet swaps folders", async ({
    bed,
  }) => {
    const [old, fresh] = [
      makeCertificates(bed, STORES, "old"),
      makeCertificates(bed, STORES, "fresh"),
    ];
    const mount = bed.folder("mount");
    const link = (to: string) =>
      bed.host.sh(`ln -s ${to} ${mount}/..next; mv -T ${mount}/..next ${mount}/..data`);
    link(old);
    for (const file of ["ca.pem", "client.pem", "client.key", "server.pem", "server.key"]) {
      bed.host.sh(`ln -s ..data/${file} ${mount}/${file}`);
    }
    const etcd = await etcdWith(bed, CONFIG, {
      scheme: "https",
      words: `--cert-file ${mount}/server.pem --key-file ${mount}/server.key
        --client-cert-auth --trusted-ca-file ${mount}/ca.pem`,
      clientWords: `--cacert ${mount}/ca.pem --cert ${mount}/client.pem --key ${mount}/client.key`,
    });
    const flags = `--etcd-cafile=${mount}/ca.pem --etcd-certfile=${mount}/client.pem --etcd-keyfile=${mount}/client.key`;
    const joined = await new Joined(bed, 1, etcd, flags).ready();
    await etcd.kill();
    bed.host.sh(`mv -T ${mount}/..data ${mount}/..away`);
    await joined.until("connection refused");
    link(fresh);
    await etcd.restart();
    etcd.ctl(`put ${SUBNETS}/10.77.7.0-24 '${entryOf(7)}'`);
    await joined.until(() => joined.leadsTo(7));
    expect(joined.agent.said).not.toContain("BEGIN");
  });
});

describe("the agent, with etcd that has users", () => {
  it("takes part by user and password, also after etcd has forgotten its token", async ({
    bed,
  }) => {
    const etcd = await etcdWith(bed, CONFIG, { clientWords: "--user root:secret" });
    etcd.ctl("user add root:secret");
    etcd.ctl("user grant-role root root");
    etcd.ctl("role add network");
    etcd.ctl(`role grant-permission network readwrite --prefix=true ${PREFIX}/`);
    for (const user of ["weft:hunter2", "nobody:hunter3"]) etcd.ctl(`user add ${user}`);
    etcd.ctl("user grant-role weft network");
    etcd.ctl("auth enable");
    const put = (n: number) => etcd.ctl(`put ${SUBNETS}/10.77.${n}.0-24 '${entryOf(n)}'`);
    const flags = (name: string, word: string) => `--etcd-username=${name} --etcd-password=${word}`;
    const joined = await new Joined(bed, 1, etcd, flags("weft", "hunter2")).ready();
    put(7);
    await joined.until(() => joined.leadsTo(7));
    await etcd.kill();
    await etcd.restart();
    put(8);
    await joined.until(() => joined.leadsTo(8));

    const wrong = new Joined(bed, 2, etcd, flags("weft", "guessed"));
    await wrong.until("invalid user ID or password, look at user and password");
    expect(wrong.agent.said).not.toContain("guessed");
    const poor = new Joined(bed, 3, etcd, flags("nobody", "hunter3"));
    await poor.until("permission denied, the user needs a role that reads and writes");
    const none = new Joined(bed, 4, etcd);
    await none.until("give --etcd-username and --etcd-password");
  });
});

describe("the agent, with three members of etcd", () => {
  it("goes on with the others when one is killed, and when one answers nobody", async ({ bed }) => {
    addStoresAddress(bed);
    const members = [2379, 2389, 2399];
    const all = members.map((port) => new Etcd(bed, STORES, port, { members }));
    for (const member of all) await member.ready();
    const [one, two, three] = all as [Etcd, Etcd, Etcd];
    one.ctl(`put ${PREFIX}/config '${JSON.stringify(CONFIG)}'`);
    const endpoints = `--etcd-endpoints=${all.map(({ url }) => url).join()}`;
    const hosts = await Promise.all(
      [1, 2, 3].map((n) => new Joined(bed, n, one, endpoints).ready()),
    );
    const hear = async (n: number, by: Etcd) => {
      // While the members elect a leader, nothing is written.
      waitUntil("a leader", () => by.tries(`put ${SUBNETS}/10.77.${n}.0-24 '${entryOf(n)}'`));
      for (const host of hosts) await host.until(() => host.leadsTo(n), 120_000);
    };
    await hear(7, one);
    await two.kill();
    await hear(8, three);
    await two.restart();
    await three.kill();
    await hear(9, two);
    await three.restart();
    one.pause();
    await hear(10, two);
    one.resume();
    await hear(11, one);
    for (const host of hosts) expect(host.agent.said).not.toContain("its key is gone");
  });
});
