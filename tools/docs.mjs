// Writes what the documents say of the schemas: the option table of docs/plugins/<name>.md between
// its markers, and docs/schemas/<name>.schema.json for editors; what the pages show of the
// benchmarks' results; the table of the layers; and the tests of each row of the conformance
// checklist. With --check: fails if stale.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { drawChart } from "../bench/chart.mjs";
import { clusterTable, criTable, longTable, overlayTable, shortTable } from "../bench/tables.mjs";
import { filesByRow, withTests } from "./checklist.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const check = process.argv.includes("--check");
const stale = [];

/** Rows of an option table, nested keys dotted: `vlanTrunk[].minID`. */
export function optionRows(schema, prefix = "", root = schema) {
  return Object.entries(schema.properties ?? {}).flatMap(([key, own]) => {
    const value = withReference(own, root);
    const name = `${prefix}${key}`;
    const row = {
      name,
      type: typeText(value),
      default: value["x-default"],
      text: value.description,
    };
    const below = itemRows(value.items, `${name}[]`, root);
    return [row, ...optionRows(value, `${name}.`, root), ...below];
  });
}

/** What `$ref` names, "#/$defs/name" being all there is of that, and what is said beside it. */
function withReference({ $ref, ...own }, root) {
  return $ref === undefined ? own : { ...root.$defs[$ref.slice("#/$defs/".length)], ...own };
}

function itemRows(items, prefix, root) {
  if (!items) return [];
  if (items.items) return itemRows(items.items, `${prefix}[]`, root);
  return optionRows(items, `${prefix}.`, root);
}

function typeText(value) {
  if (value.enum) return value.enum.map((item) => `\`${JSON.stringify(item)}\``).join(" or ");
  const { minimum, maximum } = value;
  if (value.type === "integer" && maximum !== undefined) return `number, ${minimum} to ${maximum}`;
  const words = {
    string: "text",
    integer: "number",
    boolean: "true or false",
    array: "list",
    object: "object",
  };
  return [value.type]
    .flat()
    .map((type) => words[type])
    .join(" or ");
}

function tableOf(schema) {
  const lines = optionRows(schema).map(({ name, type, default: value, text }) => {
    const shown =
      value === undefined
        ? ""
        : typeof value === "string" && value.includes(" ")
          ? value
          : `\`${JSON.stringify(value)}\``;
    return `| \`${name}\` | ${type} | ${shown} | ${text} |`;
  });
  return ["| key | type | default | meaning |", "|---|---|---|---|", ...lines].join("\n");
}

/** Writes a file, or notes that it should be written. */
function put(path, text) {
  if (existsSync(path) && readFileSync(path, "utf8") === text) return;
  if (check) stale.push(path.slice(root.length + 1));
  else writeFileSync(path, text);
}

/** The options in a page, and the schema for editors, from the schema `folder/name.schema.json`. */
function documentSchema(folder, name, pageName) {
  const schema = JSON.parse(readFileSync(join(root, folder, `${name}.schema.json`), "utf8"));
  const page = join(root, "docs", pageName);
  const text = readFileSync(page, "utf8");
  const marked = /<!-- options -->[\s\S]*<!-- \/options -->/;
  if (!marked.test(text)) throw new Error(`${page} has no place for its options`);
  put(
    page,
    text.replace(marked, () => `<!-- options -->\n${tableOf(schema)}\n<!-- /options -->`),
  );
  const published = { $schema: schema.$schema, $id: `${name}.schema.json`, ...schema };
  put(join(root, "docs/schemas", `${name}.schema.json`), `${JSON.stringify(published, null, 2)}\n`);
}

/** The blocks of benchmarks: the page, the marker, the results, and what is made of them. */
const benchmarks = [
  ["README.md", "bench", "results", shortTable],
  ["README.md", "cri-bench", "cri-results", criTable],
  ["docs/speed.md", "bench", "results", longTable],
  ["docs/speed.md", "overlay-bench", "overlay-results", overlayTable],
  ["docs/speed.md", "cluster-bench", "cluster-results", clusterTable],
];

function readResults(name) {
  return JSON.parse(readFileSync(join(root, "bench", `${name}.json`), "utf8"));
}

/** The page with a block of it made again. */
function withBlock(text, marker, block) {
  const marked = new RegExp(`(<!-- ${marker} -->\\n)[\\s\\S]*(<!-- /${marker} -->)`);
  if (!marked.test(text)) throw new Error(`there is no place for the block "${marker}"`);
  return text.replace(marked, (_, begin, end) => `${begin}${block}\n${end}`);
}

function documentBenchmarks() {
  for (const page of new Set(benchmarks.map(([name]) => name))) {
    const path = join(root, page);
    const text = benchmarks
      .filter(([name]) => name === page)
      .reduce(
        (made, [, marker, results, show]) => withBlock(made, marker, show(readResults(results))),
        readFileSync(path, "utf8"),
      );
    put(path, text);
  }
  const { rows, machine } = readResults("results");
  put(join(root, "bench/results.svg"), drawChart(rows, machine));
}

/** The table of what each folder is and may import (lib/architecture.test.ts holds files to it). */
function importTable() {
  const { folders, files } = JSON.parse(readFileSync(join(root, "tools/layers.json"), "utf8"));
  const shown = (names) => names.map((name) => `\`${name}\``).join(", ");
  return [
    "| folder | what it is | may import |",
    "|---|---|---|",
    ...Object.entries(folders).map(
      ([name, { what, imports }]) => `| \`${name}\` | ${what} | ${shown(imports) || "nothing"} |`,
    ),
    ...Object.entries(files).map(
      ([name, imports]) => `| \`${name}\` | | as its folder, and ${shown(imports)} |`,
    ),
  ].join("\n");
}

function documentLayers() {
  const page = join(root, "docs/architecture.md");
  put(page, withBlock(readFileSync(page, "utf8"), "layers", importTable()));
}

function documentTests() {
  const folder = join(root, "spec-tests");
  const page = join(folder, "checklist.md");
  put(page, withTests(readFileSync(page, "utf8"), filesByRow(folder)));
}

mkdirSync(join(root, "docs/schemas"), { recursive: true });
for (const folder of ["plugins", "ipam"]) {
  for (const name of readdirSync(join(root, folder)).sort()) {
    if (existsSync(join(root, folder, name, `${name}.schema.json`))) {
      documentSchema(`${folder}/${name}`, name, `plugins/${name}.md`);
    }
  }
}
documentSchema("lib/cni", "weft-node", "weft/node-file.md");
documentBenchmarks();
documentLayers();
documentTests();
if (stale.length > 0) {
  console.error(`Stale, run make docs: ${stale.join(", ")}`);
  process.exit(1);
}
