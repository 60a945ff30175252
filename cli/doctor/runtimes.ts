/** Which runtimes are on this host, and where each looks for networks and plugins. */

import { CniError } from "../../lib/cni/error.ts";
import { readTextIfPresent } from "../../lib/host/file.ts";
import { findContainerds } from "./containerd.ts";
import {
  filesIn,
  installed,
  pathIn,
  pathsIn,
  type Runtime,
  type RuntimeFault,
  readTable,
  USUAL_NETWORKS,
  USUAL_PLUGINS,
} from "./runtime.ts";
import { type TomlValue, valueAt } from "./toml.ts";

/** What there is, and whose configuration cannot be read. */
export interface Runtimes {
  readonly found: readonly Runtime[];
  readonly faults: readonly RuntimeFault[];
}

const finders: readonly (readonly [name: string, find: () => readonly Runtime[]])[] = [
  ["containerd", findContainerds],
  ["CRI-O", findCrio],
  ["podman", findPodman],
  ["kubelet", findKubelet],
];

/** Looks for all runtimes that are known; `weft` itself stands for them where there are none. */
export function findRuntimes(networkDir: string, pluginDirs: readonly string[]): Runtimes {
  const outcomes = finders.map(([name, find]) => outcomeOf(name, find));
  const found = outcomes.flatMap((outcome) => outcome.found);
  const faults = outcomes.flatMap((outcome) => outcome.faults);
  if (found.length + faults.length > 0) return { found, faults };
  const files = { network: undefined, takesAll: true, program: undefined, files: [] };
  return { found: [{ name: "weft", pluginDirs, networkDir, ...files }], faults };
}

function outcomeOf(name: string, find: () => readonly Runtime[]): Runtimes {
  try {
    return { found: find(), faults: [] };
  } catch (cause) {
    return { found: [], faults: [{ name, state: CniError.from(cause).message }] };
  }
}

/** The last file that says something counts. */
interface Layers {
  readonly files: readonly string[];
  last(...path: readonly string[]): TomlValue | undefined;
}

function readLayers(paths: readonly string[]): Layers {
  const read = paths.map((path) => ({ path, table: readTable(path) }));
  const layers = read.flatMap(({ path, table }) => (table ? [{ path, table }] : []));
  return {
    files: layers.map(({ path }) => path),
    last: (...path) =>
      layers.map(({ table }) => valueAt(table, ...path)).findLast((value) => value !== undefined),
  };
}

function findCrio(): readonly Runtime[] {
  const program = installed("crio");
  if (program === undefined) return [];
  const paths = ["/etc/crio/crio.conf", ...filesIn("/etc/crio/crio.conf.d", /^[^.]/)];
  const { files, last } = readLayers(paths);
  const dirs = pathsIn(last("crio", "network", "plugin_dirs"));
  const single = pathIn(last("crio", "network", "plugin_dir"));
  const usual = dirs.length > 0 ? dirs : [USUAL_PLUGINS];
  return [
    {
      ...{ name: "CRI-O", program, files, takesAll: false },
      pluginDirs: single === undefined ? usual : [...new Set([...usual, single])],
      networkDir: pathIn(last("crio", "network", "network_dir")) ?? USUAL_NETWORKS,
      network: pathIn(last("crio", "network", "cni_default_network")),
    },
  ];
}

/** Where podman looks unless it is told otherwise. */
const PODMAN_DIRS = ["/usr/local/libexec", "/usr/libexec", "/usr/local/lib", "/usr/lib"];

/** podman, if it runs plugins and no netavark: it says so, or notes what it once chose. */
function findPodman(): readonly Runtime[] {
  const program = installed("podman");
  if (program === undefined) return [];
  const etc = "/etc/containers/containers.conf";
  const paths = ["/usr/share/containers/containers.conf", etc, ...filesIn(`${etc}.d`, /\.conf$/)];
  const { files, last } = readLayers(paths);
  const said = last("network", "network_backend");
  const noted = () => readTextIfPresent("/var/lib/containers/storage/defaultNetworkBackend");
  if ((said || noted()?.trim()) !== "cni") return [];
  const dirs = pathsIn(last("network", "cni_plugin_dirs"));
  const usual = [...PODMAN_DIRS.map((folder) => `${folder}/cni`), USUAL_PLUGINS];
  return [
    {
      ...{ name: "podman", program, files, network: undefined, takesAll: true },
      pluginDirs: dirs.length > 0 ? dirs : usual,
      networkDir: pathIn(last("network", "network_config_dir")) ?? USUAL_NETWORKS,
    },
  ];
}

/** Files in which kubelet's options are, where kubeadm and packages put them. */
const KUBELET_FILES = [
  "/var/lib/kubelet/kubeadm-flags.env",
  "/etc/default/kubelet",
  "/etc/sysconfig/kubelet",
];

/** kubelet before 1.24, which ran plugins itself. */
function findKubelet(): readonly Runtime[] {
  const texts = KUBELET_FILES.map((path) => ({ path, text: readTextIfPresent(path) ?? "" }));
  const files = texts.filter(({ text }) =>
    /--(network-plugin|cni-bin-dir|cni-conf-dir)[= ]/.test(text),
  );
  if (files.length === 0) return [];
  const all = files.map(({ text }) => text).join("\n");
  const option = (name: string) => new RegExp(`--${name}[= ]([^\\s"']+)`).exec(all)?.[1];
  const dirs = (option("cni-bin-dir") ?? "").split(",").flatMap((dir) => pathIn(dir) ?? []);
  return [
    {
      ...{ name: "kubelet", program: undefined, network: undefined, takesAll: false },
      files: files.map(({ path }) => path),
      pluginDirs: dirs.length > 0 ? dirs : [USUAL_PLUGINS],
      networkDir: pathIn(option("cni-conf-dir")) ?? USUAL_NETWORKS,
    },
  ];
}
