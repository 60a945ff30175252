/** podman with its CNI backend on a machine of a test. */
import { boxImage, makeBoxImage } from "./box.ts";
import { cgroup, type RuntimeNode } from "./node.ts";

const settings = `[network]
network_backend = "cni"
cni_plugin_dirs = ["/opt/cni/bin"]
network_config_dir = "/etc/cni/net.d"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
conmon_path = ["/run/bed/programs/listed/conmon"]
helper_binaries_dir = ["/run/bed/programs/listed"]
[engine.runtimes]
runc = ["/run/bed/programs/listed/runc"]
[containers]
log_driver = "k8s-file"
`;

export class Podman {
  readonly #node: RuntimeNode;

  /** Configures podman and gives it the image. */
  constructor(node: RuntimeNode) {
    this.#node = node;
    node.sh("mkdir -p /etc/containers");
    node.configure("containers/containers.conf", settings);
    const file = makeBoxImage(node.bed.path("/run/bed/node"));
    this.run(`pull -q oci-archive:${file.slice(node.bed.path("").length)}`);
    this.run(`tag $(podman images -q) ${boxImage}`);
  }

  /** Runs podman with these words and returns what it printed. */
  run(words: string): string {
    return this.#node.sh(`podman ${words}`).trim();
  }

  /** Starts a container of a name, with options of `podman run`; without `program` it serves on port 80. */
  start(name: string, options = "", program = ""): void {
    const words = `--name ${name} --cgroup-parent ${cgroup} ${options} ${boxImage} ${program}`;
    this.run(`run -d --security-opt seccomp=unconfined ${words}`);
  }

  /** Runs a program in a container. */
  inside(name: string, words: string): string {
    return this.run(`exec ${name} ${words}`);
  }

  /** The addresses of a container, by the names of its networks. */
  addresses(name: string): Readonly<Record<string, string>> {
    const text = this.run(`inspect ${name} --format '{{json .NetworkSettings.Networks}}'`);
    const networks = JSON.parse(text) as Record<string, { readonly IPAddress: string }>;
    return Object.fromEntries(
      Object.entries(networks).map(([network, { IPAddress }]) => [network, IPAddress]),
    );
  }
}
