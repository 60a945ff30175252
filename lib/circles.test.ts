/** No file of the product imports itself by way of others, types and lazy modules included. */
import { describe, expect, it } from "vitest";
import { readSource, sources, targetsOf } from "../tools/sources.ts";

/** The files that each file imports. */
type Graph = ReadonlyMap<string, readonly string[]>;

/** Circles, each as the files that it leads through; no two of them share a file. */
function circlesOf(graph: Graph): readonly string[] {
  const left = withoutLeaves(graph);
  const circle = circleIn(left);
  if (circle.length === 0) return [];
  const others = new Map([...left].filter(([file]) => !circle.includes(file)));
  return [[...circle, circle[0]].join(" -> "), ...circlesOf(others)];
}

/** The files that import something that imports something…, without an end. */
function withoutLeaves(graph: Graph): Graph {
  const left = new Map([...graph].filter(([, imports]) => imports.some((name) => graph.has(name))));
  return left.size === graph.size ? left : withoutLeaves(left);
}

/** Follows the first import of each file until a file comes again. */
function circleIn(graph: Graph): readonly string[] {
  const way: string[] = [];
  let file = graph.keys().next().value;
  while (file !== undefined && !way.includes(file)) {
    way.push(file);
    file = graph.get(file)?.find((name) => graph.has(name));
  }
  return file === undefined ? [] : way.slice(way.indexOf(file));
}

/** Files by path and text, as their graph. */
function graphOf(files: Readonly<Record<string, string>>): Graph {
  const all = Object.entries(files).map(([path, text]) => ({ path, text }));
  return new Map(all.map((source) => [source.path, targetsOf(source)]));
}

describe("the imports of the product", () => {
  it("have no circles", () => {
    const graph = new Map(sources.map((path) => [path, targetsOf(readSource(path))]));
    expect(circlesOf(graph)).toEqual([]);
  });
});

describe("the checker of circles finds", () => {
  it.each([
    ["a file that imports itself", { "a.ts": 'import "./a.ts";' }, ["a.ts -> a.ts"]],
    [
      "two that import each other, one of them a type",
      { "x/a.ts": 'import type { B } from "./b.ts";', "x/b.ts": 'import { a } from "./a.ts";' },
      ["x/a.ts -> x/b.ts -> x/a.ts"],
    ],
    [
      "a way round by a lazy module and a re-export, behind a file that only leads there",
      {
        "0.ts": 'import "./a.ts";',
        "a.ts": 'type B = typeof import("./b.lazy.ts");',
        "b.lazy.ts": 'import {\n  c,\n} from "./x/c.ts";',
        "x/c.ts": 'export * from "../a.ts";',
      },
      ["a.ts -> b.lazy.ts -> x/c.ts -> a.ts"],
    ],
    [
      "two circles",
      {
        "a.ts": 'import "./b.ts";',
        "b.ts": 'import "./a.ts";',
        "c.ts": 'import "./a.ts";\nimport "./d.ts";',
        "d.ts": 'import "./c.ts";',
      },
      ["a.ts -> b.ts -> a.ts", "c.ts -> d.ts -> c.ts"],
    ],
    [
      "nothing where two ways lead to the same file",
      {
        "a.ts": 'import "./b.ts";\nimport "./c.ts";',
        "b.ts": 'import "./d.ts";',
        "c.ts": 'import "./d.ts";\nimport "host";',
        "d.ts": "",
      },
      [],
    ],
  ])("%s", (_, files, circles) => {
    expect(circlesOf(graphOf(files as unknown as Record<string, string>))).toEqual(circles);
  });
});
