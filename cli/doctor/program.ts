/**
 * What an executable is, by what is written in it: this suite's image, or a program in Go, which says
 * what it was built of. It is never run: nobody knows yet whose it is.
 */

import { fileStatus, isExecutable, isSameFile } from "../../lib/host/file-status.ts";
import { type Executable, withExecutable } from "./elf.ts";

/** The section in which only this suite's images have what they are made of (native/main.c). */
const OWN_SECTION = ".blobs";
const GO_SECTION = ".go.buildinfo";

/** An executable, as far as one can tell. */
export interface Program {
  readonly path: string;
  /** This image or a copy of it, another build of this suite, the reference plugins, or anything else. */
  readonly origin: "this" | "other build" | "reference" | "other";
  readonly isExecutable: boolean;
  /** The version of the Go module of CNI that it was built with, `1.1.2`; undefined if it says none. */
  readonly cniModule: string | undefined;
}

/** What there is at a path; undefined if there is no file. Throws SystemError if it cannot be read. */
export function findProgram(path: string): Program | undefined {
  const status = fileStatus(path);
  if (!status?.isFile) return undefined;
  const own = fileStatus("/proc/self/exe");
  const isThis = own !== undefined && (isSameFile(own, status) || own.size === status.size);
  return { path, isExecutable: isExecutable(path), ...whatIsIn(path, isThis) };
}

function whatIsIn(path: string, isThis: boolean): Pick<Program, "origin" | "cniModule"> {
  if (isThis) return { origin: "this", cniModule: undefined };
  return withExecutable(path, (file) => {
    if (file?.sections.includes(OWN_SECTION))
      return { origin: "other build", cniModule: undefined };
    const said = file ? buildInformation(file) : "";
    const isReference = said.includes("path\tgithub.com/containernetworking/plugins/");
    return { origin: isReference ? "reference" : "other", cniModule: cniModuleIn(said) };
  });
}

/** The lines `path`, `mod` and `dep` that Go's linker writes, with what is between them. */
function buildInformation(file: Executable): string {
  const bytes = file.read(GO_SECTION);
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

function cniModuleIn(said: string): string | undefined {
  return /dep\tgithub\.com\/containernetworking\/cni\tv(\d+\.\d+\.\d+)/.exec(said)?.[1];
}

/** The newest version of the specification that a version of the module of CNI knows. */
export function newestOf(cniModule: string): string {
  const [major = 0, minor = 0] = cniModule.split(".").map(Number);
  if (major > 1 || (major === 1 && minor >= 2)) return "1.1.0";
  if (major === 1) return "1.0.0";
  return minor >= 7 ? "0.4.0" : "0.3.1";
}
