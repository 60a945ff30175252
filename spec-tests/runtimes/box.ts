/** What runs in the containers of these tests: busybox, which answers on port 80. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { makeImage } from "./tools.ts";

/** The name of the image. */
export const boxImage = "weft.example/box:1";

/** The words that start the container's server; the image does so by itself. */
const serve = ["/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/www"];

/** Says by whom it is asked. */
const who = "#!/bin/sh\nprintf '\\n%s' \"$REMOTE_ADDR\"\n";

/** Makes the image below a folder, and returns its file. */
export function makeBoxImage(folder: string): string {
  const files = join(folder, "box");
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
  return makeImage({
    name: boxImage,
    entrypoint: serve,
    file: join(folder, "box.tar"),
    layer: { folder: files, paths: ["."] },
  });
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
