/**
 * TypeScript -> what becomes bytecode (esbuild). What usual runs need is one script, "hot", which the
 * snapshot has loaded: a KB of bytecode is four there, and a module two more. What is asked for
 * rarely is cold: it stays bytecode, and is read when somebody asks (lib/host/lazy.ts).
 *
 *   bridge.ts  portmap.ts  …      weft.ts  x.lazy.ts  …
 *        └───────┬───────┘             └──────┬─────┘
 *             split: a file for each, and files for what several of them need
 *        ┌───────┴───────┐             ┌──────┴─────┐
 *      hot.js  ◀───── load("hot") ──── weft.js  x.lazy.js  …
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { arrayPlugin } from "./arrays.mjs";
import { schemaPlugin } from "./schema.mjs";

/** What every pod needs comes first in "hot": it lies side by side then, on fewer pages. */
const FIRST = ["host-local", "bridge"];

/**
 * The commands: plugins/foo/foo.ts and ipam/foo/foo.ts, and cli/weft.ts, which is for people and
 * therefore cold. No list is kept by hand. WEFT_WITH names one more, a file that is in no image that is
 * handed out: parts of the product are driven by it in tests and measured.
 */
export function findCommands(root) {
  const weft = { name: "weft", entry: join(root, "cli/weft.ts"), isCold: true };
  return ["plugins", "ipam"]
    .flatMap((folder) =>
      readdirSync(join(root, folder)).map((name) => ({
        name,
        entry: join(root, folder, name, `${name}.ts`),
        isCold: false,
      })),
    )
    .filter(({ entry }) => existsSync(entry))
    .concat(weft, ...driver(root))
    .sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

function driver(root) {
  const file = process.env.WEFT_WITH;
  return file ? [{ name: basename(file, ".ts"), entry: join(root, file), isCold: true }] : [];
}

function rank({ name }) {
  const at = FIRST.indexOf(name);
  return at < 0 ? FIRST.length : at;
}

/** x.lazy.ts, anywhere: cold. */
function findLazyModules(root) {
  return ["lib", "plugins", "ipam", "agent", "cli"]
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true }).map((file) => join(root, folder, file)),
    )
    .filter((file) => file.endsWith(".lazy.ts"))
    .sort()
    .map((entry) => ({ name: basename(entry, ".ts"), entry, isCold: true }));
}

/**
 * Makes the files in `dist`, and tells their names and paths: the scripts "warm" (lib/host/warm.ts)
 * and "hot", which are run when the image is made, and cold modules.
 */
export async function bundle({ root, dist, commands, version, debug }) {
  const options = {
    absWorkingDir: root,
    outdir: join(dist, "js"),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "neutral",
    target: "es2023",
    external: ["host", "codec"],
    chunkNames: "chunk-[hash]",
    legalComments: "none",
    charset: "utf8",
    metafile: true,
    logLevel: "warning",
  };
  const parts = await split([...commands, ...findLazyModules(root)], {
    ...options,
    outdir: join(dist, "parts"),
    mainFields: ["module", "main"],
    define: { WEFT_VERSION: JSON.stringify(version) },
    plugins: [schemaPlugin(), arrayPlugin(root)],
  });
  const last = { ...options, minify: !debug };
  const [hot, cold] = [await linkHot(parts, last), await linkCold(parts, last)];
  const warm = await link([join(root, "lib/host/warm.ts")], {
    ...last,
    ...script,
    define: { WEFT_PROPERTIES: JSON.stringify(propertiesIn(join(root, hot[0]))) },
  });
  return [...warm, ...hot, ...cold].map((path) => ({
    name: basename(path).replace(/^(?!chunk-)(.*)\.js$/, "$1"),
    path: join(root, path),
    isScript: !cold.includes(path),
  }));
}

/** The names of properties that a script uses: `.name`. */
function propertiesIn(path) {
  const names = readFileSync(path, "utf8").matchAll(/\.([A-Za-z]\w*)/g);
  return [...new Set(Array.from(names, ([, name]) => name))].sort();
}

const script = { format: "iife", splitting: false };

/** All of it once, not minified: so it is easy to see what the parts import of each other. */
async function split(entries, options) {
  const { metafile } = await build({
    ...options,
    entryPoints: entries.map(({ name, entry }) => ({ in: entry, out: name })),
  });
  writeFileSync(join(options.outdir, "../meta.json"), JSON.stringify(metafile));
  const files = Object.entries(metafile.outputs).map(([path, { exports }]) => {
    const text = readFileSync(join(options.absWorkingDir, path), "utf8");
    return [basename(path), { text, exports }];
  });
  const parts = new Map(files);
  const [hot, cold] = [false, true].map((isCold) =>
    entries.filter((each) => each.isCold === isCold).map(({ name }) => `${name}.js`),
  );
  return { folder: options.outdir, parts, hot, cold, asked: askedOfHot(parts, hot) };
}

/** `import { a, b as c } from "./chunk-X.js";`, as esbuild writes it; the names may be missing. */
const IMPORT = /^import (?:\{([^}]*)\} from )?"\.\/([^"]+)";$/gm;

function importsOf({ text }) {
  return Array.from(text.matchAll(IMPORT), ([, list, file]) => ({ file, names: namesIn(list) }));
}

/** "a, b as c" is [["a", "a"], ["b", "c"]]: what it is called there, and here. */
function namesIn(list = "") {
  const names = list.matchAll(/([\w$]+)(?: as ([\w$]+))?/g);
  return Array.from(names, ([, name, local = name]) => [name, local]);
}

/**
 * Every part that is hot, since a hot entry leads there, with the names by which cold ones import of
 * it: Map { file: Map { name: its number in "hot" } }. A number costs no atom.
 */
function askedOfHot(parts, hot) {
  const reached = new Set(hot);
  for (const each of reached) {
    for (const { file } of importsOf(parts.get(each))) reached.add(file);
  }
  const asked = new Map(Array.from(reached, (file) => [file, new Map()]));
  const cold = [...parts].flatMap(([file, part]) => (reached.has(file) ? [] : importsOf(part)));
  let count = 0;
  for (const { file, names } of cold) {
    const aliases = asked.get(file);
    for (const [name] of names) {
      if (aliases && !aliases.has(name)) aliases.set(name, count++);
    }
  }
  return asked;
}

/**
 * A script whose value is a function. Given the modules of C and an object, it sets there, for each
 * command, what its file exports; and what cold modules ask for. The engine forgets it afterwards,
 * where it would keep the top level of a module, with tables of all that is in it.
 */
function linkHot({ folder, parts, hot, asked }, options) {
  const programs = hot.map((file, i) => {
    const { exports } = parts.get(file);
    const imports = exports.map((name) => `${name} as ${name}${i}`);
    const members = exports.map((name) => `${name}: ${name}${i}`);
    return `import { ${imports} } from "./${file}";\nhot["${basename(file, ".js")}"] = { ${members} };\n`;
  });
  const others = [...asked].map(([file, names]) => {
    const imports = Array.from(names, ([name, alias]) => `${name} as h${alias}`);
    const settings = Array.from(names.values(), (alias) => `hot[${alias}] = h${alias};\n`);
    return `import { ${imports} } from "./${file}";\n${settings.join("")}`;
  });
  const entry = join(folder, "hot.js");
  writeFileSync(entry, [...programs, ...others].join(""));
  const given = 'import { $2 as $1 } from "given";';
  return link([entry], {
    ...options,
    ...script,
    banner: { js: '(function (host, codec, hot) { "use strict";' },
    footer: { js: "})" },
    plugins: [
      rewriting(parts, (text) =>
        text.replace(/^import \* as (\w+) from "(host|codec)";$/gm, given),
      ),
      serving("given", "const a = host;\nconst b = codec;\nexport { a as host, b as codec };"),
    ],
  });
}

/** Modules, which take what they need of "hot" when they are loaded. */
function linkCold({ folder, parts, cold, asked }, options) {
  const take = (text) =>
    text.replace(IMPORT, (statement, list, file) => {
      const names = namesIn(list).map(([name, local]) => `${asked.get(file)?.get(name)}: ${local}`);
      return asked.has(file) ? `const { ${names} } = $load("hot");` : statement;
    });
  const plugin = rewriting(parts, (text) => `import { load as $load } from "host";\n${take(text)}`);
  const entries = cold.map((file) => join(folder, file));
  return link(entries, { ...options, plugins: [plugin] });
}

async function link(entryPoints, options) {
  const { metafile } = await build({ ...options, entryPoints });
  return Object.keys(metafile.outputs);
}

/** The plugin that gives parts as `rewrite` has them. */
function rewriting(parts, rewrite) {
  return {
    name: "rewriting",
    setup({ onLoad }) {
      onLoad({ filter: /\.js$/ }, ({ path }) => {
        const part = parts.get(basename(path));
        return part && { contents: rewrite(part.text) };
      });
    },
  };
}

/** The plugin that gives a module which is no file. */
function serving(name, contents) {
  return {
    name: "serving",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: name, namespace: name }));
      onLoad({ filter: /.*/, namespace: name }, () => ({ contents }));
    },
  };
}
