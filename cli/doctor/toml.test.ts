/** The reader of TOML: what runtimes' configurations have, and what is no TOML. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseToml, type TomlValue, valueAt } from "./toml.ts";

const read = (text: string): unknown => JSON.parse(JSON.stringify(parseToml(text)));

describe("TOML", () => {
  it("has tables, also with quoted and dotted names, and tables within others", () => {
    const text = `version = 2 # the second
[plugins]
  [plugins."io.containerd.grpc.v1.cri"]
    [plugins."io.containerd.grpc.v1.cri".cni]
      bin_dir = "/usr/lib/cni"
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ['/a', "/b",]
a.b . "c d" = true
[[list]]
x = 1
[[list]]
[list.deep]
y = -2
`;
    expect(read(text)).toEqual({
      version: 2,
      plugins: {
        "io.containerd.grpc.v1.cri": { cni: { bin_dir: "/usr/lib/cni" } },
        "io.containerd.cri.v1.runtime": {
          cni: { bin_dirs: ["/a", "/b"], a: { b: { "c d": true } } },
        },
      },
      list: [{ x: 1 }, { deep: { y: -2 } }],
    });
  });

  it.for<[text: string, value: TomlValue]>([
    ['"a\\tb \\u00e9 \\U0001F600 \\\\ \\""', 'a\tb é 😀 \\ "'],
    ["'C:\\no\\escapes'", "C:\\no\\escapes"],
    ['"""\nfirst\nsecond \\\n   third"""', "first\nsecond third"],
    ["'''\n'quoted' \\n'''", "'quoted' \\n"],
    ['""', ""],
    ['""""five"""""', '"five""'],
    ["+1_000", 1000],
    ["0x1F", 31],
    ["-0.5e3", -500],
    ["1979-05-27 07:32:00Z", "1979-05-27 07:32:00Z"],
    ["[ # none\n]", []],
    [
      "[[1, 2], [\n\"a\", # one\n'b'\n]]",
      [
        [1, 2],
        ["a", "b"],
      ],
    ],
    ["{ a = 1, b = { c = [] } }", { a: 1, b: { c: [] } }],
  ])("reads %s", ([text, value]) => {
    expect(read(`key = ${text}`)).toEqual({ key: value });
  });

  it("may end its lines as Windows does, and without a last one", () => {
    expect(read('a = 1\r\n[b]\r\nc = "d"')).toEqual({ a: 1, b: { c: "d" } });
    expect(read("")).toEqual({});
  });

  it.for([
    ["a = 1\na = 2", 'line 2: "a" is there twice'],
    ["a = 1\n[a]", 'line 2: "a" is no table'],
    ["a = 1\n[[a]]", 'line 2: "a" is no array of tables'],
    ["[a\nb = 1", 'line 1: expected "]"'],
    ["\n\nnonsense", 'line 3: expected "="'],
    ['a = "b', "line 1: a text does not end"],
    ['a = "b\nc"', "line 2: a text does not end in its line"],
    ['a = "\\q"', 'line 1: "\\q" means nothing'],
    ["a = [1 2]", 'line 1: expected "]"'],
    ["a = 1 b = 2", "line 1: expected the end of the line"],
    ["= 1", "line 1: expected a key"],
    ["a =", "line 1: expected a value"],
  ])("is not %j", ([text = "", fault]) => {
    expect(() => parseToml(text)).toThrow(fault);
  });

  it("gives no key a meaning of its own", () => {
    const table = parseToml("__proto__.polluted = true\nconstructor = 1");
    expect(valueAt(table, "__proto__", "polluted")).toBe(true);
    expect(valueAt({}, "constructor")).toBeUndefined();
    expect(valueAt({}, "polluted")).toBeUndefined();
  });

  it("looks up what is there, and nothing else", () => {
    const table = parseToml('a.b = "c"');
    expect(valueAt(table, "a", "b")).toBe("c");
    expect(valueAt(table, "a", "b", "c")).toBeUndefined();
    expect(valueAt(table, "x")).toBeUndefined();
  });

  it("reads each text in time that grows with its length", () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `key${i} = "value"`).join("\n");
    expect(Object.keys(parseToml(many))).toHaveLength(20_000);
  });

  it("reads this package's own lock of nothing but JSON not at all", () => {
    expect(() => parseToml(readFileSync("package.json", "utf8"))).toThrow("line 1");
  });
});
