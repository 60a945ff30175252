// Makes files of what is said of commands (cli/pages): the manual and completion for shells.
//   dist/man/man1/weft-gc.1 …    dist/completion/weft.bash, _weft, weft.fish
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

/** Writes them into folders of `dist`; the sources are TypeScript, of which Node.js gets a bundle. */
export async function writePages({ root, dist, version }) {
  const { manual, scriptFor } = await sources(root, dist);
  for (const { file, text } of manual(version)) write(join(dist, "man/man1"), file, text);
  const files = { bash: "weft.bash", zsh: "_weft", fish: "weft.fish" };
  for (const [shell, file] of Object.entries(files)) {
    write(join(dist, "completion"), file, scriptFor(shell));
  }
}

async function sources(root, dist) {
  const outfile = join(dist, "pages.mjs");
  const contents =
    'export { manual } from "./cli/help/man.ts";\n' +
    'export { scriptFor } from "./cli/completion/scripts.ts";\n';
  await build({
    stdin: { contents, resolveDir: root },
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    logLevel: "warning",
  });
  const exported = await import(pathToFileURL(outfile).href);
  rmSync(outfile);
  return exported;
}

function write(folder, file, text) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), text);
}
