/**
 * containerd, as its configuration says: /etc/containerd/config.toml with the files that it imports,
 * in the layouts of versions 1 to 4.
 */

import { fileStatus } from "../../lib/host/file-status.ts";
import {
  filesIn,
  installed,
  pathIn,
  pathsIn,
  type Runtime,
  readTable,
  USUAL_NETWORKS,
  USUAL_PLUGINS,
} from "./runtime.ts";
import { isTable, type TomlTable, valueAt } from "./toml.ts";

/** Where its part for Kubernetes is, newest layout first. */
const SECTIONS = ["io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri", "cri"];

/** containerd itself, and those that are part of a distribution of Kubernetes. */
export function findContainerds(): readonly Runtime[] {
  const program = installed("containerd");
  const own = program && runtimeBy("containerd", "/etc/containerd/config.toml", program);
  const others = ["k3s", "rke2"].flatMap((name) => {
    const path = `/var/lib/rancher/${name}/agent/etc/containerd/config.toml`;
    return fileStatus(path)?.isFile
      ? (runtimeBy(`containerd of ${name}`, path, undefined) ?? [])
      : [];
  });
  return [...(own ? [own] : []), ...others];
}

function runtimeBy(name: string, path: string, program: string | undefined): Runtime | undefined {
  const files = readAll(path);
  const tables = files.map(({ table }) => table);
  if (tables.some(isDisabled)) return undefined;
  const cni = cniOf(tables);
  return {
    ...{ name, program, network: undefined, files: files.map((file) => file.path) },
    pluginDirs: cni.pluginDirs.length > 0 ? cni.pluginDirs : [USUAL_PLUGINS],
    networkDir: cni.networkDir ?? USUAL_NETWORKS,
    takesAll: cni.most === 0,
  };
}

interface File {
  readonly path: string;
  readonly table: TomlTable;
}

/** The file and all that it imports, in the order in which they count: a later one wins. */
function readAll(root: string): readonly File[] {
  const files: File[] = [];
  const pending = [root];
  for (const path of pending) {
    const table = files.some((file) => file.path === path) ? undefined : readTable(path);
    if (!table) continue;
    files.push({ path, table });
    pending.push(...pathsIn(valueAt(table, "imports")).flatMap((each) => imported(path, each)));
  }
  return files;
}

/** The files of an import, which may have stars in its last part; relative to who imports. */
function imported(from: string, path: string): readonly string[] {
  const folder = from.slice(0, from.lastIndexOf("/"));
  const whole = path.startsWith("/") ? path : `${folder}/${path}`;
  if (!whole.includes("*")) return [whole];
  const at = whole.lastIndexOf("/");
  const parts = whole.slice(at + 1).split("*");
  const words = parts.map((part) => part.replace(/[^\w-]/g, "\\$&"));
  return filesIn(whole.slice(0, at), new RegExp(`^${words.join(".*")}$`));
}

/** Docker's package has it without Kubernetes, and then it runs no plugins. */
function isDisabled(table: TomlTable): boolean {
  const disabled = pathsIn(valueAt(table, "disabled_plugins"));
  return disabled.some((name) => SECTIONS.includes(name));
}

interface Cni {
  readonly pluginDirs: readonly string[];
  readonly networkDir: string | undefined;
  /** How many networks it takes; 0 is all. */
  readonly most: number;
}

/** Before version 3 a section replaces the same one of other files; since then they are merged. */
function cniOf(tables: readonly TomlTable[]): Cni {
  const sections = tables.map(sectionOf).filter(isTable);
  const isMerged = Number(valueAt(tables[0] ?? {}, "version") ?? 1) >= 3;
  const counting = isMerged ? sections : sections.slice(-1);
  const values = (key: string) => counting.map((section) => valueAt(section, "cni", key));
  const last = (key: string) =>
    values(key).findLast((value) => value !== undefined && value !== "");
  const lists = values("bin_dirs").flatMap(pathsIn);
  const single = pathIn(last("bin_dir"));
  const most = last("max_conf_num");
  return {
    pluginDirs: single === undefined ? [...new Set(lists)] : [single],
    networkDir: pathIn(last("conf_dir")),
    most: typeof most === "number" ? most : 1,
  };
}

function sectionOf(table: TomlTable): TomlTable | undefined {
  return SECTIONS.map((name) => valueAt(table, "plugins", name)).find(isTable);
}
