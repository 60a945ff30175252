// @ts-check
/**
 * Arrays without iterators. The engine makes an iterator for every `for … of` and every
 * `const [a, b] = …`, which costs more than what is done with the values. Where the compiler knows
 * that the value is an array, the build says the same by index:
 *
 *   const [first, , { name } = {}] = list      const { 0: first, 2: { name } = {} } = list
 *   for (const each of list) body              for (let i = 0, of = list; i < of.length; i++) {
 *                                                const each = of[i]; body }
 *
 * Everything else (maps, sets, texts, rests) stays as it is written.
 */
import { join } from "node:path";
import * as ast from "typescript/unstable/ast";
import { API } from "typescript/unstable/sync";

/**
 * @typedef {import("typescript/unstable/sync").Checker} Checker
 * @typedef {import("typescript/unstable/sync").Type} Type
 */

/**
 * An esbuild plugin that gives TypeScript files without iterators over arrays.
 * @param {string} root where tsconfig.json is
 * @returns {import("esbuild").Plugin}
 */
export function arrayPlugin(root) {
  return {
    name: "arrays",
    setup(build) {
      const { fileAt, close } = openProject(root);
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const contents = fileAt(path);
        return contents === undefined ? undefined : { contents, loader: "ts" };
      });
      build.onDispose(close);
    },
  };
}

/**
 * The files of a project, each as its text without iterators over arrays.
 * @param {string} root where tsconfig.json is
 */
export function openProject(root) {
  const api = new API({ cwd: root });
  const config = join(root, "tsconfig.json");
  const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
  if (!project) throw new Error(`Cannot open "${config}"`);
  return {
    fileAt: (/** @type {string} */ path) => {
      const file = project.program.getSourceFile(path);
      return file && byIndex(file, project.checker);
    },
    close: () => api.close(),
  };
}

/**
 * @param {ast.SourceFile} file
 * @param {Checker} checker
 */
function byIndex(file, checker) {
  const arrays = arraysIn(file, checker);
  let loops = 0;

  /**
   * @param {ast.Node} node
   * @returns {string}
   */
  const render = (node) => {
    if (!arrays.has(node)) return renderChildren(node);
    const lead = file.text.slice(node.pos, ast.getTokenPosOfNode(node, file));
    return lead + (ast.isForOfStatement(node) ? loop(node) : pattern(node));
  };

  /** @param {ast.Node} node */
  const renderChildren = (node) => {
    let [text, at] = ["", node.pos];
    node.forEachChild((child) => {
      text += file.text.slice(at, child.pos) + render(child);
      at = child.end;
    });
    return text + file.text.slice(at, node.end);
  };

  /** @param {ast.ForOfStatement} node */
  const loop = ({ initializer, expression, statement }) => {
    const list = /** @type {ast.VariableDeclarationList} */ (initializer);
    const kind = list.flags & ast.NodeFlags.Const ? "const" : "let";
    const [i, of] = [`i$${loops}`, `of$${loops}`];
    loops++;
    const head = `let ${i} = 0, ${of} = ${render(expression)}; ${i} < ${of}.length; ${i}++`;
    const names = list.declarations.map(({ name }) => render(name)).join();
    return `for (${head}) { ${kind} ${names} = ${of}[${i}]; ${render(statement)} }`;
  };

  /** @param {ast.Node} node */
  const pattern = (node) => {
    const { elements } = /** @type {ast.ArrayBindingPattern} */ (node);
    const named = elements.flatMap((each, i) => (each.name ? [`${i}: ${render(each)}`] : []));
    return `{ ${named.join(", ")} }`;
  };

  return render(file);
}

/**
 * The loops and patterns of a file whose values are surely arrays.
 * @param {ast.SourceFile} file
 * @param {Checker} checker
 */
function arraysIn(file, checker) {
  /** @type {ast.Node[]} */
  const found = [];
  const find = (/** @type {ast.Node} */ node) => {
    if (isLoop(node) || isPlainPattern(node)) found.push(node);
    node.forEachChild(find);
  };
  find(file);
  const valued = found.map((node) => (ast.isForOfStatement(node) ? node.expression : node));
  const types = checker.getTypeAtLocation(valued);
  return new Set(found.filter((_, i) => isArray(types[i], checker)));
}

/** @param {ast.Node} node */
function isLoop(node) {
  return ast.isForOfStatement(node) && ast.isVariableDeclarationList(node.initializer);
}

/** @param {ast.Node} node */
function isPlainPattern(node) {
  return (
    ast.isArrayBindingPattern(node) &&
    !node.elements.some((each) => ast.isBindingElement(each) && each.dotDotDotToken)
  );
}

/**
 * @param {Type | undefined} type
 * @param {Checker} checker
 */
function isArray(type, checker) {
  if (!type) return false;
  if (checker.isArrayLikeType(type)) return checker.typeToString(type) !== "any";
  return /^(Uint8|Int32|Uint32|Float64)Array$/.test(type.getSymbol()?.name ?? "");
}
