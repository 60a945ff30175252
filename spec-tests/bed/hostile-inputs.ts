/** Hostile configurations: the keys whose values can be wrong, and texts that are wrong as a whole. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Path } from "./hostile-values.ts";
import type { Config } from "./invocation.ts";
import { workingConfig } from "./subjects.ts";

/* ---- keys ---- */

/** Keys that every executable may be sent, whatever its own. */
const commonPaths: readonly Path[] = [
  ["cniVersion"],
  ["name"],
  ["type"],
  ["capabilities"],
  ["args"],
  ["args", "cni"],
  ["args", "cni", "ips"],
  ["args", "cni", "ips", 0],
  ["args", "cni", "mac"],
  ["runtimeConfig"],
  ["runtimeConfig", "mac"],
  ["runtimeConfig", "ips"],
  ["runtimeConfig", "ipRanges"],
  ["runtimeConfig", "ipRanges", 0],
  ["runtimeConfig", "ipRanges", 0, 0],
  ["runtimeConfig", "ipRanges", 0, 0, "subnet"],
  ["cni.dev/attachments"],
  ["cni.dev/valid-attachments"],
  ["cni.dev/valid-attachments", 0],
  ["cni.dev/valid-attachments", 0, "containerID"],
  ["cni.dev/valid-attachments", 0, "ifname"],
  ["dns"],
  ["dns", "nameservers"],
  ["ipam"],
  ["ipam", "type"],
];

/** The ways through a result, as another plugin may give it. */
export const resultPaths: readonly Path[] = [
  [],
  ["cniVersion"],
  ["interfaces"],
  ["interfaces", 0],
  ["interfaces", 1, "name"],
  ["interfaces", 1, "mac"],
  ["interfaces", 1, "mtu"],
  ["interfaces", 1, "sandbox"],
  ["ips"],
  ["ips", 0],
  ["ips", 0, "address"],
  ["ips", 0, "gateway"],
  ["ips", 0, "interface"],
  ["ips", 0, "version"],
  ["routes"],
  ["routes", 0],
  ["routes", 0, "dst"],
  ["routes", 0, "gw"],
  ["routes", 0, "mtu"],
  ["routes", 0, "table"],
  ["dns"],
  ["dns", "nameservers"],
  ["dns", "search", 0],
  ["ip4"],
  ["ip4", "ip"],
  ["ip6", "routes", 0],
];

/** Every key an executable knows, by its published schema; its working configuration's otherwise. */
export function keyPaths(program: string): readonly Path[] {
  const config = workingConfig(program);
  const own = existsSync(schemaFile(program)) ? schemaPaths(program) : objectPaths(config);
  const ofIpam = (config.ipam as Config | undefined)?.type === "host-local";
  const ipam = ofIpam ? schemaPaths("host-local").filter(([key]) => key === "ipam") : [];
  const all = [...commonPaths, ...own, ...ipam].filter(([key]) => key !== "prevResult");
  return [...new Map(all.map((path) => [path.join("\0"), path])).values()];
}

function schemaFile(program: string): string {
  return resolve(import.meta.dirname, `../../docs/schemas/${program}.schema.json`);
}

/** What of JSON Schema leads further down. */
interface Schema {
  readonly $ref?: string;
  readonly $defs?: { readonly [name: string]: Schema };
  readonly properties?: { readonly [key: string]: Schema };
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
}

function schemaPaths(program: string): readonly Path[] {
  const root = JSON.parse(readFileSync(schemaFile(program), "utf8")) as Schema;
  return below(root, root, []);
}

function below(root: Schema, schema: Schema, path: Path): readonly Path[] {
  if (path.length > 8) return [];
  if (schema.$ref !== undefined) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
    return below(root, root.$defs?.[name] ?? {}, path);
  }
  const { items, additionalProperties } = schema;
  const children: (readonly [string | number, Schema])[] = Object.entries(schema.properties ?? {});
  if (items) children.push([0, items]);
  if (typeof additionalProperties === "object") children.push(["x", additionalProperties]);
  return children.flatMap(([key, child]) => [
    [...path, key],
    ...below(root, child, [...path, key]),
  ]);
}

function objectPaths(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== "object" || value === null) return [];
  const keys = Array.isArray(value) ? [0] : Object.keys(value);
  return keys.flatMap((key) => {
    const child = (value as Readonly<Record<string | number, unknown>>)[key];
    return [[...path, key], ...objectPaths(child, [...path, key])];
  });
}

/* ---- whole texts ---- */

const million = 1_000_000;

/** Standard input that is wrong as a whole, from a good one. */
export function wrongInputs(config: Config): readonly (string | Uint8Array)[] {
  const good = JSON.stringify(config);
  const plus = (more: string) => good.replace(/}$/, () => `,${more}}`);
  const bytes = (text: string) => Buffer.from(text, "latin1");
  return [
    "",
    " \t\r\n",
    "\0",
    good.replaceAll(",", ",\0"),
    `\ufeff${good}`,
    Buffer.from(`\ufeff${good}`, "utf16le"),
    bytes(good.replace('"net"', '"n\xfft"')),
    bytes(good.replace('"net"', '"n\xc0\xaft"')),
    bytes(good.replace('"net"', '"n\xed\xa0\x80t"')),
    bytes(`${good}\xff`),
    ...Array.from({ length: 40 }, (_, i) => good.slice(0, Math.floor((good.length * i) / 40))),
    `${good}${good}`,
    `${good},`,
    `[${good}]`,
    JSON.stringify(good),
    "null",
    "NaN",
    "{}",
    '{"name":{}}',
    plus('"name":"other","NAME":"third","name":7'),
    plus('"cniVersion":"1.1.0","cniVersion":[],"CNIVERSION":{}'),
    plus('"ipam":{},"IPAM":[],"Ipam":null,"ipam":"x"'),
    plus('"__proto__":{"name":"x"},"constructor":{"prototype":{}}'),
    plus(`"x":${"[".repeat(100_000)}${"]".repeat(100_000)}`),
    plus(`"x":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`),
    plus(`"ipam":${"[".repeat(100_000)}${"]".repeat(100_000)}`),
    plus(`"prevResult":${'{"ips":['.repeat(50_000)}`),
    plus(`"${"k".repeat(million)}":1`),
    plus(`"x":${"9".repeat(million)}`),
    plus(`"x":"${"\\u0041".repeat(million)}"`),
    plus(`"name":"${"a".repeat(million)}"`),
    plus(`"name":"${"%".repeat(million)}"`),
    plus(`"cniVersion":"${"1.".repeat(million)}"`),
    plus(`"type":"${"/".repeat(million)}"`),
  ];
}

/** What makes standard input of ten million bytes, and some that may just fit. */
export function hugeInputs(config: Config): readonly (() => string)[] {
  const good = JSON.stringify(config);
  const plus = (more: string) => good.replace(/}$/, () => `,${more}}`);
  return [1, 10].flatMap((millions) => {
    const many = (text: string) => text.repeat((millions * million) / text.length);
    const ipam = '"type":"host-local","subnet":';
    return [
      () => " ".repeat(millions * million),
      () => `${good}${" ".repeat(millions * million)}`,
      () => plus(`"x":"${many("y")}"`),
      () => plus(`"x":"${many("üü€\u{1f980}")}"`),
      () => plus(`"x":[${many("1,")}1]`),
      () => plus(`"x":[${many("{},")}1]`),
      () => plus(`"x":[${many('"a",')}1]`),
      () => plus(`"x":{${keys(millions * 80_000)}}`),
      () => plus(`"ipam":{${ipam}"${many("1")}"}`),
      () => plus(`"ipam":{${ipam}"10.1.2.0/24","routes":[${routes(millions)}]}`),
      () =>
        plus(`"prevResult":{"cniVersion":"1.1.0","ips":[${many('{"address":"10.9.9.9/24"},')}{}]}`),
      () => plus(`"cni.dev/valid-attachments":[${many('{"containerID":"a","ifname":"b"},')}{}]`),
    ];
  });
}

function keys(count: number): string {
  return Array.from({ length: count }, (_, i) => `"key${i}":1`).join();
}

function routes(millions: number): string {
  const count = millions * 10_000;
  return Array.from({ length: count }, (_, i) => `{"dst":"10.${i % 256}.0.0/16"}`).join();
}
