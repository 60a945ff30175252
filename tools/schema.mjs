// Turns a JSON Schema (plugins/*/x.schema.json) into what the product imports: a validator compiled
// by ajv, and the tree of its key spellings, so that no schema is interpreted at run time.
import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import standaloneCode from "ajv/dist/standalone/index.js";

/** Key spellings: { lower-case: [spelling, subtree?] }; "*" stands for every element of a list. */
export function spellings(schema) {
  if (schema.items) return { "*": ["*", spellings(schema.items)] };
  const tree = {};
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    const below = spellings(value);
    tree[key.toLowerCase()] = Object.keys(below).length > 0 ? [key, below] : [key];
  }
  return tree;
}

/** What validation does not look at: left out, since the image would carry it. */
function withoutAnnotations(schema) {
  if (Array.isArray(schema)) return schema.map(withoutAnnotations);
  if (typeof schema !== "object" || schema === null) return schema;
  const isPropertyMap = (key) => key === "properties" || key === "$defs";
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => !/^(title|description|\$schema|\$id|x-.*)$/.test(key))
      .map(([key, value]) => [
        key,
        isPropertyMap(key)
          ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withoutAnnotations(v)]))
          : withoutAnnotations(value),
      ]),
  );
}

/** Rules on texts would bring tables and a regular expression compiler: plugins check texts. */
function refuseTextRules(schema) {
  const found = /"(minLength|maxLength|pattern|format)":/.exec(
    JSON.stringify(withoutAnnotations(schema)),
  );
  if (found) throw new Error(`schemas of this suite do not use ${found[1]}`);
}

/** The source of a module that exports `validate` and `keys` for one schema. */
export function schemaModule(schema) {
  refuseTextRules(schema);
  const ajv = new Ajv({
    code: { source: true, esm: true, optimize: 2 },
    messages: false,
    strict: true,
    allowUnionTypes: true,
    inlineRefs: true,
  });
  const code = standaloneCode(ajv, ajv.compile(withoutAnnotations(schema)))
    .replace('"use strict";', "")
    .replace(/schemaPath:"[^"]*",/g, "");
  return `${code}\nexport const keys = ${bare(spellings(schema))};\n`;
}

/** The source of an object without prototypes: `constructor` is a name like any other. */
function bare(tree) {
  return JSON.stringify(tree).replaceAll("{", '{"__proto__":null,');
}

/** The esbuild (and vite) plugin that serves *.schema.json imports. */
export function schemaPlugin() {
  return {
    name: "schema",
    setup(build) {
      build.onLoad({ filter: /\.schema\.json$/ }, (args) => ({
        contents: schemaModule(JSON.parse(readFileSync(args.path, "utf8"))),
        loader: "js",
        resolveDir: args.path.slice(0, args.path.lastIndexOf("/")),
      }));
    },
  };
}
