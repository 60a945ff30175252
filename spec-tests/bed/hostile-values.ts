/** Hostile values, as JSON texts, which can say what no JavaScript value can; and variables. */
import type { Config } from "./invocation.ts";

/** The way to a key: `["ipam", "ranges", 0, 0, "subnet"]`. */
export type Path = readonly (string | number)[];

const long = "x".repeat(100_000);

const nested = `${"[".repeat(5000)}${"]".repeat(5000)}`;

/** Texts with which a string can be wrong. */
export const wrongStrings: readonly string[] = [
  "",
  " ",
  "x",
  "-1",
  ".",
  "..",
  "/",
  "../../etc/passwd",
  "/dev/zero",
  "/dev/full",
  "/proc/self/mem",
  "/run/bed/attack/fifo",
  "/run/bed/attack/loop",
  "a\u0000b",
  "a\nb\tc\u001b[2J",
  "\ud800",
  "\u202e\ufeff\u{1f980}",
  "%s%n%x",
  "'; touch /tmp/run; $(touch /tmp/run) `touch /tmp/run` #",
  "--help",
  "__proto__",
  "constructor",
  "10.1.2.3",
  "10.1.2.0/33",
  "10.1.2.0/-1",
  "0.0.0.0/0",
  "255.255.255.255/32",
  "010.1.2.3/24",
  "10.1.2.3/24/24",
  "1.2.3.4.5",
  "::/0",
  "::ffff:10.1.2.3/120",
  "fe80::1%eth0/64",
  ":::",
  "fd00::/128",
  "ff:ff:ff:ff:ff:ff",
  "01:00:5e:00:00:01",
  "9".repeat(400),
  long,
  `10.1.2.0/${"0".repeat(1000)}24`,
];

/** JSON texts with which any value can be wrong. */
export const wrongValues: readonly string[] = [
  "null",
  "true",
  "false",
  "0",
  "-0",
  "-1",
  "1.5",
  "1e-400",
  "1e999",
  "-1e999",
  "2147483648",
  "4294967296",
  "9007199254740993",
  "9".repeat(1000),
  ...wrongStrings.map((text) => JSON.stringify(text)),
  "[]",
  "{}",
  "[null]",
  "[[]]",
  "[[[{}]]]",
  "[{}]",
  '["x","x"]',
  "[1,2,3]",
  '{"":null}',
  '{"__proto__":{"subnet":"10.9.0.0/16"},"constructor":1,"toString":2,"hasOwnProperty":3}',
  '{"0":{},"length":4294967295}',
  nested,
  `[${"0,".repeat(20_000)}0]`,
  `{${Array.from({ length: 5000 }, (_, i) => `"k${i}":[]`).join()}}`,
];

/** A configuration as text, with a JSON text in one place. */
export function withText(config: Config, path: Path, text: string): string {
  const marked = JSON.stringify(withValue(config, path, "\u0001hostile\u0001"));
  return marked.replace('"\\u0001hostile\\u0001"', () => text);
}

function withValue(value: unknown, [key, ...rest]: Path, end: unknown): unknown {
  if (key === undefined) return end;
  if (typeof key === "number") {
    const list = Array.isArray(value) ? [...value] : [];
    list[key] = withValue(list[key], rest, end);
    return list;
  }
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const object: Readonly<Record<string, unknown>> = isObject ? { ...value } : {};
  return { ...object, [key]: withValue(object[key], rest, end) };
}

/* ---- variables ---- */

const kilobytes = (text: string) => text.repeat(Math.floor(120_000 / text.length));

const notUtf8 = Uint8Array.of(0x2f, 0xff, 0xc0, 0xaf);

/** Values with which each variable can be wrong; `undefined` is without it. */
export const wrongVariables: Readonly<
  Record<string, readonly (string | Uint8Array | undefined)[]>
> = {
  CNI_COMMAND: ["add", "ADD ", "ADD\n", "__proto__", "constructor", kilobytes("A"), notUtf8],
  CNI_CONTAINERID: [
    undefined,
    "",
    ".",
    "..",
    "-x",
    "a/b",
    "a b",
    "a\nb",
    "a\u0001b",
    "é",
    "__proto__",
    "other-id\n",
    kilobytes("a"),
    kilobytes("%"),
    notUtf8,
  ],
  CNI_NETNS: [
    undefined,
    "",
    " ",
    "/",
    "netns",
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/run/bed/attack/fifo",
    "/run/bed/attack/socket",
    "/run/bed/attack/loop",
    "/proc/self/ns/net",
    "/proc/self/ns/mnt",
    "/proc/self/ns/user",
    "/proc/self/fd/0",
    "/proc/self/fd/99",
    "/run/netns/box1/x",
    "/run/netns/box1\n",
    `/${kilobytes("a/")}`,
    "/".repeat(5000),
    notUtf8,
  ],
  CNI_IFNAME: [
    undefined,
    "",
    ".",
    "..",
    "all",
    "default",
    "lo",
    "a/b",
    "a b",
    "a:b",
    "%d",
    "eth%d",
    "\u0001",
    "éééééééé",
    "eth0\n",
    "--help",
    "x".repeat(16),
    kilobytes("e"),
    notUtf8,
  ],
  CNI_ARGS: [
    "=",
    ";",
    "=;=;=",
    "A",
    "A=",
    "=A",
    "A=B;A=B;A",
    "IP=;MAC=;GATEWAY=",
    "IP=999.1.1.1",
    "IP=10.1.2.9,10.1.2.10",
    "IP=::1%eth0",
    "MAC=zz:00:00:00:00:00",
    "MAC=ff:ff:ff:ff:ff:ff",
    "GATEWAY=x",
    "IgnoreUnknown=2",
    "IgnoreUnknown=1;__proto__=x;constructor=y",
    "\n",
    kilobytes("A=B;"),
    kilobytes(";"),
    kilobytes("="),
    `IP=${kilobytes("1")}`,
    notUtf8,
  ],
  CNI_PATH: [
    undefined,
    "",
    ":",
    ".",
    "..",
    "bin",
    "/dev/null",
    "/dev/fd",
    "/run/bed/attack",
    "/run/bed/attack/fifo",
    "/run/bed/attack/loop",
    kilobytes(":"),
    kilobytes("/x:"),
    `/${kilobytes("a")}`,
    "/\n",
    notUtf8,
  ],
  CNI_NETNS_OVERRIDE: ["", "yes", "2", "\n", kilobytes("1")],
};
