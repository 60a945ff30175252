// Which tests show which row of the conformance checklist: spec-tests/checklist.md is written from
// the titles of the tests.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const id = /\b[PR]\d+\.\d\d\b/g;
const row = /^\| ([PR]\d+\.\d\d) \| (.*) \| ?(.*?) ?\|$/;

/** What takes the place of tests, where no test can show a row: `not applicable: why`. */
const reason = /^not applicable: ./;

/** The rows that the titles in a source name; comments on lines of their own do not count. */
export function rowsIn(source) {
  const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  return [...new Set(Array.from(code.matchAll(id), ([found]) => found))];
}

/** The test files of a folder by the row that they show: `P1.01` → `protocol/protocol`. */
export function filesByRow(folder) {
  const found = new Map();
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  for (const name of names.filter((each) => each.endsWith(".test.ts"))) {
    for (const each of rowsIn(readFileSync(join(folder, name), "utf8"))) {
      found.set(each, [...(found.get(each) ?? []), name.slice(0, -".test.ts".length)]);
    }
  }
  return found;
}

/** The checklist with the tests of each row in its last column. */
export function withTests(page, files) {
  return page
    .split("\n")
    .map((line) => {
      const [, name, text, shown] = row.exec(line) ?? [];
      if (name === undefined) return line;
      const tests = files
        .get(name)
        ?.map((file) => `\`${file}\``)
        .join(", ");
      return `| ${name} | ${text} | ${tests ?? (reason.test(shown) ? shown : "")} |`;
    })
    .join("\n");
}

/** What is wrong: rows without a test and a reason, rows that are there twice, ids of no row. */
export function checklistFaults(page, files) {
  const rows = page.split("\n").flatMap((line) => {
    const [, name, , shown] = row.exec(line) ?? [];
    return name === undefined ? [] : [{ name, shown }];
  });
  const names = rows.map(({ name }) => name);
  const unknown = [...files].filter(([name]) => !names.includes(name));
  return [
    ...rows
      .filter(({ name, shown }) => !files.has(name) && !reason.test(shown))
      .map(({ name }) => `${name}: no title begins with it, and no reason is given`),
    ...names.filter((name, at) => names.indexOf(name) !== at).map((name) => `${name}: twice`),
    ...unknown.map(([name, where]) => `${name}: not in the checklist, but in ${where.join(", ")}`),
  ];
}
