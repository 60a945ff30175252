/** What the agent prints and writes is what the published schemas say, and nothing that they do not say. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { loadAll } from "js-yaml";
import { expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { it } from "../bed/it.ts";
import { entryOf, etcdWith, Joined, PREFIX } from "./network.ts";

const root = resolve(import.meta.dirname, "../..");
const ajv = new Ajv2020({ strict: false });

type Json = { [key: string]: unknown };

/** A published schema, by which whatever it does not name is wrong. */
function schema(name: string): ValidateFunction {
  const text = readFileSync(`${root}/docs/schemas/${name}.schema.json`, "utf8");
  const closed = (key: string, value: unknown) =>
    typeof value === "object" && value !== null && "properties" in value && key !== "properties"
      ? { ...value, additionalProperties: false }
      : value;
  return ajv.compile(JSON.parse(text, closed) as Json);
}

function faults(validate: ValidateFunction, text: string): unknown {
  return validate(JSON.parse(text)) ? [] : [text, validate.errors];
}

it("is the status of an agent: with hosts, with problems, by routes only", async ({ bed }) => {
  const status = schema("weft-agent-status");
  const statusOf = ({ host }: Joined) => host.sh(`${bed.bin}/weft agent status --json || true`);
  const etcd = await etcdWith(bed);
  const joined = await new Joined(bed, 1, etcd, "--ip-masq").ready();
  etcd.ctl(`put ${PREFIX}/subnets/10.77.7.0-24 '${entryOf(7)}'`);
  etcd.ctl(`put ${PREFIX}/subnets/10.77.8.0-24 '${entryOf(7).replace("192.0.2.7", "192.0.2.8")}'`);
  await joined.until("limited: ");
  expect(faults(status, statusOf(joined))).toEqual([]);
  const config = { Network: "10.77.0.0/16", Backend: { Type: "host-gw" } };
  etcd.ctl(`put ${PREFIX}/config '${JSON.stringify(config)}'`);
  await joined.until(() => statusOf(joined).includes("host-gw"));
  await etcd.kill();
  await joined.until("store: ");
  expect(faults(status, statusOf(joined))).toEqual([]);
  const lonely = new Joined(bed, 2, etcd, "--etcd-endpoints=http://192.0.2.253:2379");
  await lonely.until("store: ");
  expect(faults(status, statusOf(lonely))).toEqual([]);
  expect(faults(status, "{}")).not.toEqual([]);
});

it("is the network's configuration: of init, of the manifest", async ({ bed }) => {
  const netConf = schema("weft-net-conf");
  const etcd = await etcdWith(bed, null);
  for (const words of [
    "--network=10.77.0.0/16",
    "--network=10.77.0.0/16 --ipv6-network=fd77::/48 --subnet-len=25 --backend=host-gw",
    "--network=10.77.0.0/16 --direct-routing",
  ]) {
    initialize(bed, `${words} --etcd-endpoints=${etcd.url}`);
    expect(faults(netConf, etcd.ctl(`get ${PREFIX}/config --print-value-only`))).toEqual([]);
  }
  const manifest = readFileSync(`${root}/deploy/weft-flannel.yaml`, "utf8");
  const maps = (loadAll(manifest) as Json[]).filter(({ kind }) => kind === "ConfigMap");
  const texts = maps.map(({ data }) => (data as Record<string, string>)["net-conf.json"] ?? "");
  expect(texts.map((text) => faults(netConf, text))).toEqual([[]]);
  expect(faults(netConf, '{"Network": 7}')).not.toEqual([]);
});

function initialize(bed: Bed, words: string): void {
  bed.host.sh(`${bed.bin}/weft agent init --force ${words}`);
}
