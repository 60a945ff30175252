/** What runs in the containers of these tests: busybox, which answers on port 80. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { makeImage } from "./tools.ts";

/** The name of the image. */
export const boxImage = "weft.example/box:1";

/** The words that start the container's server; the image does so by itself. */
const serve = ["/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/www"];

/** Says by whom it is asked. */
const who = "#!/bin/sh\nprintf '\\n%s' \"$REMOTE_ADDR\"\n";

/** Says which machine it is, and by whom it is asked. */
const here = `#!/bin/sh
read -r name </proc/sys/kernel/hostname
printf '\\n%s %s' "$name" "$REMOTE_ADDR"
`;

/** Makes the image below a folder, and returns its file. */
export function makeBoxImage(folder: string): string {
  return makeBusyboxImage(folder, { name: boxImage, entrypoint: serve });
}

/** Makes an image with the same files; in the name of its file is no tag, which podman would take for one. */
export function makeBusyboxImage(
  folder: string,
  { name, entrypoint }: { readonly name: string; readonly entrypoint: readonly string[] },
): string {
  const files = join(folder, "box");
  if (!existsSync(files)) makeFiles(files);
  return makeImage({
    name,
    entrypoint,
    file: join(folder, `${basename(name).replace(/:.*/, "")}.tar`),
    layer: { folder: files, paths: ["."] },
  });
}

function makeFiles(files: string): void {
  for (const each of ["bin", "www/cgi-bin", "etc", "tmp", "proc", "sys", "dev"])
    mkdirSync(join(files, each), { recursive: true });
  const busybox = realpathSync(join(process.env.WEFT_PROGRAMS ?? "", "listed/busybox"));
  for (const file of [busybox, ...librariesOf(busybox)]) {
    const to = file === busybox ? "/bin/busybox" : file;
    mkdirSync(join(files, dirname(to)), { recursive: true });
    copyFileSync(realpathSync(file), join(files, to));
    chmodSync(join(files, to), 0o755);
  }
  for (const name of ["sh", "sleep", "ip", "ping", "wget"])
    symlinkSync("busybox", join(files, "bin", name));
  writeFileSync(join(files, "www/cgi-bin/who"), who, { mode: 0o755 });
  writeFileSync(join(files, "www/cgi-bin/here"), here, { mode: 0o755 });
}

/** The files that a program is loaded with; none if it is static. */
function librariesOf(program: string): readonly string[] {
  const { stdout } = spawnSync(
    "/bin/sh",
    ["-c", 'LD_TRACE_LOADED_OBJECTS=1 "$0" 2>/dev/null', program],
    {
      encoding: "utf8",
    },
  );
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, file = ""]) => file);
}
