// Writes what the documents say of the schemas: the option table of docs/plugins/<name>.md between
// its markers, and docs/schemas/<name>.schema.json for editors; and README's table of what
// bench/overlay.mjs measured. With --check: fails if stale.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

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
  if (value.enum) return value.enum.map((item) => `\`"${item}"\``).join(" or ");
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

function documentPlugin(folder, name) {
  const schema = JSON.parse(readFileSync(join(root, folder, name, `${name}.schema.json`), "utf8"));
  const page = join(root, "docs/plugins", `${name}.md`);
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

/** The rows that README.md shows of what `make bench-overlay` measured. */
function overlayTable({ rows }) {
  const time = (ns) =>
    ns < 1e8 ? `${(ns / 1e6).toPrecision(2)} ms` : `${(ns / 1e9).toPrecision(2)} s`;
  const lines = rows.map(({ peers, cold, oneMore, same, messages, add, daemon }) => {
    const steps = [cold, oneMore, same].map(({ median }) => time(median));
    const sent = [messages.cold, messages.oneMore, messages.same].map((each) => each.messages);
    const memory = `${(daemon.peak / 1e6).toPrecision(2)} MB`;
    const cells = [peers.toLocaleString("en"), time(add.median), ...steps];
    return [...cells, sent.join(", "), memory, time(daemon.idle), time(daemon.mended)].join(" | ");
  });
  const head = [
    ...["other hosts", "ADD", "all made", "one more", "nothing to do", "messages for these"],
    ...["daemon's memory", "idle for 5 s", "a deleted device is back"],
  ].join(" | ");
  return [head, head.replace(/[^|]+/g, "---"), ...lines].map((line) => `| ${line} |`).join("\n");
}

function documentOverlayBench() {
  const results = JSON.parse(readFileSync(join(root, "bench/overlay-results.json"), "utf8"));
  const page = join(root, "README.md");
  const marked = /(<!-- overlay-bench -->\n)[\s\S]*(<!-- \/overlay-bench -->)/;
  put(
    page,
    readFileSync(page, "utf8").replace(
      marked,
      (_, begin, end) => `${begin}${overlayTable(results)}\n${end}`,
    ),
  );
}

mkdirSync(join(root, "docs/schemas"), { recursive: true });
for (const folder of ["plugins", "ipam"]) {
  for (const name of readdirSync(join(root, folder)).sort()) {
    if (existsSync(join(root, folder, name, `${name}.schema.json`))) documentPlugin(folder, name);
  }
}
documentOverlayBench();
if (stale.length > 0) {
  console.error(`Stale, run make docs: ${stale.join(", ")}`);
  process.exit(1);
}
