/**
 * The clock of a host is set while its agent runs, by years: neither packets nor the place in the
 * network depend on it. Only certificates are judged by it (spec-tests/bed/set-clock.c).
 */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { inBed } from "../bed/c-programs.ts";
import { makeCertificates } from "../bed/certificates.ts";
import { Daemon } from "../bed/daemon.ts";
import { it } from "../bed/it.ts";
import type { Etcd } from "../cluster/etcd.ts";
import { Host, STORES } from "../cluster/host.ts";
import { CONFIG, entryOf, etcdWith, leadsTo, PREFIX } from "./network.ts";

const YEAR = 366 * 86_400;
/** In seconds. */
const jumps = [3_600, -3_600, 20 * YEAR, -20 * YEAR, 0];

/** A host whose agent has a clock of its own. */
class Shifted {
  readonly host: Host;
  readonly agent: Daemon;
  readonly #bed: Bed;
  readonly #file: string;

  constructor(bed: Bed, etcd: Etcd, words = "") {
    this.#bed = bed;
    this.host = new Host(bed, 1);
    this.#file = `${bed.folder("clock")}/offset`;
    this.set(0);
    const run = `${this.host.files}/bin/on ${inBed("set-clock")} ${this.#file}`;
    const agent = `${bed.bin}/weft agent --iface=wire --etcd-endpoints=${etcd.url} --healthz-port=8081`;
    this.agent = new Daemon(bed, `${run} ${agent} ${words}`);
  }

  /** So many seconds are added from now on. */
  set(seconds: number): void {
    this.#bed.write(this.#file, `${seconds}\n`);
  }

  leadsTo(n: number): boolean {
    return leadsTo(this.host.entries(), `10.77.${n}.0`);
  }

  /** A value of its metrics. */
  metric(name: string): number {
    const text = this.host.view.sh(`python3 -c '
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8081/metrics").read().decode())'`);
    return Number(new RegExp(`^${name} (\\S+)`, "m").exec(text)?.[1]);
  }
}

const linesOf = (host: Host) => new Set(host.entries().split("\n"));
const SUBNETS = `${PREFIX}/subnets/`;
const put = (etcd: Etcd, n: number) => etcd.ctl(`put ${SUBNETS}10.77.${n}.0-24 '${entryOf(n)}'`);

describe("a clock that is set", () => {
  it("takes nobody away, nor this host's place, and the times that are told stay right", async ({
    bed,
  }) => {
    const etcd = await etcdWith(bed);
    put(etcd, 7);
    const shifted = new Shifted(bed, etcd);
    const { agent, host } = shifted;
    await agent.until("host 7", () => shifted.leadsTo(7));
    const keys = [...etcd.keys(SUBNETS)];
    for (const [i, jump] of jumps.entries()) {
      shifted.set(jump);
      put(etcd, 20 + i);
      await agent.until(`host ${20 + i}`, () => shifted.leadsTo(20 + i));
      host.view.sh("ip route del 10.77.7.0/24");
      await agent.until("a repair", () => shifted.leadsTo(7));
      expect(shifted.metric("weft_agent_lease_seconds_left")).toBeGreaterThan(40_000);
      const age = Date.now() / 1000 + jump - shifted.metric("weft_agent_start_time_seconds");
      expect(Math.abs(age)).toBeLessThan(3_000);
    }
    const now = etcd.keys(SUBNETS);
    for (const [key, value] of keys) expect([key, now.get(key)]).toEqual([key, value]);
    expect(agent.said).not.toMatch(/^(lost|problem|store):/m);
  });

  it("lets certificates be too old or too new, until it is right: packets go on", async ({
    bed,
  }) => {
    const folder = makeCertificates(bed, STORES);
    const client = (ca: string, cert: string, key: string) =>
      `${ca} ${folder}/ca.pem ${cert} ${folder}/client.pem ${key} ${folder}/client.key`;
    const etcd = await etcdWith(bed, CONFIG, {
      scheme: "https",
      words: `--cert-file ${folder}/server.pem --key-file ${folder}/server.key
        --client-cert-auth --trusted-ca-file ${folder}/ca.pem`,
      clientWords: client("--cacert", "--cert", "--key"),
    });
    put(etcd, 7);
    const words = client("--etcd-cafile", "--etcd-certfile", "--etcd-keyfile");
    const shifted = new Shifted(bed, etcd, words);
    const { agent, host } = shifted;
    await agent.until("host 7", () => shifted.leadsTo(7));
    for (const [n, jump, said] of [
      [20, -20 * YEAR, /^store: .*valid from 2\d{3}-\S+ on, is this host's clock right/m],
      [21, 20 * YEAR, /^store: .*has expired on 2\d{3}-/m],
    ] as const) {
      const before = linesOf(host);
      shifted.set(jump);
      await etcd.kill();
      await etcd.restart();
      await agent.until("a word of its certificate", () => said.test(agent.said));
      put(etcd, n);
      expect(linesOf(host)).toEqual(before);
      shifted.set(0);
      await agent.until(`host ${n}`, () => shifted.leadsTo(n));
    }
    expect(shifted.leadsTo(7)).toBe(true);
  });
});
