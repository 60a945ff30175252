/** A node of Kubernetes: containerd, the kubelet and kube-proxy on a machine. */
import type { Bed } from "../bed/bed.ts";
import { publicIPv6Of } from "../bed/flannel-node.ts";
import { kubernetesFolder } from "../bed/paths.ts";
import type { Release } from "../runtimes/containerd.ts";
import { configuration } from "../runtimes/tools.ts";
import { type Image, images } from "./images.ts";
import { Machine } from "./machine.ts";
import { rangesOf, STORES_V6 } from "./ranges.ts";

/** By what kube-proxy makes services. */
export type ProxyMode = "iptables" | "nftables";

export interface NodeOptions {
  readonly release: Release;
  readonly proxyMode: ProxyMode;
  /** Whether it has addresses of both families. */
  readonly isDual: boolean;
  /** How the API server is asked by an administrator. */
  readonly kubeconfig: string;
}

/** The folder of what the test writes; it is gone after a restart and written again. */
const own = "/run/kubernetes";
const socket = "/run/containerd/containerd.sock";

export class KubernetesNode {
  readonly machine: Machine;
  readonly #options: NodeOptions;

  constructor(bed: Bed, number: number, options: NodeOptions) {
    this.machine = new Machine(bed, number);
    this.#options = options;
    if (!options.isDual) return;
    this.machine.view.sh(`
      sysctl -q -w net.ipv6.conf.all.forwarding=1
      ip address add ${this.addressV6}/64 dev wire nodad
      ip -6 route replace default via ${STORES_V6} dev wire`);
  }

  /** Its own address of IPv6, if its cluster has both families. */
  get addressV6(): string {
    return publicIPv6Of(this.machine.number);
  }

  get name(): string {
    return this.machine.name;
  }

  /** Starts containerd, and gives it the images that it lacks; then the kubelet and kube-proxy. */
  start(): void {
    this.startContainerd();
    this.startKubelet();
    this.startProxy();
  }

  startContainerd(): void {
    const { machine } = this;
    machine.sh(`mkdir -p ${own} /etc/cni/net.d /opt/cni/bin`);
    const places = { root: "/var/lib/containerd", state: "/run/containerd", opt: `${own}/opt` };
    const cni = { bin: "/opt/cni/bin", lists: "/etc/cni/net.d" };
    const { pause, ...others } = images;
    machine.write(
      `${own}/containerd.toml`,
      configuration({ ...places, ...cni, image: pause.name }),
    );
    const { folder = "" } = this.#options.release;
    const path = folder === "" ? "" : `PATH=${folder}:$PATH `;
    machine.launch(`${path}containerd --config ${own}/containerd.toml`, "containerd.log");
    machine.bed.host.until(machine.words(this.#ctr("version >/dev/null")).join(" "));
    const present = this.ctr("images list -q");
    for (const image of [pause, ...Object.values(others)])
      if (!present.includes(image.name)) this.give(image);
  }

  /** Gives its containerd an image. */
  give(image: Image): void {
    this.ctr(`images import ${image.fileIn(this.machine.bed)}`);
  }

  startKubelet(): void {
    const { machine } = this;
    const addresses = [machine.address, ...(this.#options.isDual ? [this.addressV6] : [])];
    machine.write(`${own}/kubeconfig`, this.#options.kubeconfig);
    machine.write(`${own}/kubelet.yaml`, kubeletConfiguration(machine));
    machine.launch(
      `${kubernetesFolder}/kubelet --config ${own}/kubelet.yaml --kubeconfig ${own}/kubeconfig
        --hostname-override ${machine.name} --node-ip ${addresses.join()}`.replace(/\s+/g, " "),
      "kubelet.log",
    );
  }

  startProxy(): void {
    const { machine } = this;
    machine.write(`${own}/proxy.yaml`, proxyConfiguration(machine.name, this.#options));
    machine.launch(`${kubernetesFolder}/kube-proxy --config ${own}/proxy.yaml`, "kube-proxy.log");
  }

  /** Kills containerd, the kubelet and kube-proxy; what runs in pods goes on. */
  kill(): void {
    this.machine.kill("containerd", "kubelet", "kube-proxy");
  }

  /** The machine loses its power, and starts again with all of them. */
  restart(): void {
    this.machine.restart();
    this.start();
  }

  /** Runs ctr in the namespace of Kubernetes. */
  ctr(words: string): string {
    return this.machine.sh(this.#ctr(words));
  }

  #ctr(words: string): string {
    return `ctr --address ${socket} --namespace k8s.io ${words}`;
  }

  /** The identifiers of its containers that run, also of those that hold pods. */
  get running(): readonly string[] {
    return [...this.ctr("tasks list").matchAll(/^(\S+) +\d+ +RUNNING/gm)].map(([, id = ""]) => id);
  }

  /** Runs a script in the network of a container. */
  inside(container: string, script: string): string {
    return this.machine.sh(script, `nsenter -t ${this.#processOf(container)} -n`);
  }

  /** Runs a script of busybox, without single quotes, in a container: with its network and its files. */
  within(container: string, script: string): string {
    const enter = `nsenter -t ${this.#processOf(container)} -n -m`;
    return this.machine.sh(`${enter} /bin/busybox env PATH=/bin /bin/busybox sh -c '${script}'`);
  }

  #processOf(container: string): string {
    const [, pid] =
      new RegExp(`^${container} +(\\d+) +RUNNING`, "m").exec(this.ctr("tasks list")) ?? [];
    if (!pid) throw new Error(`Cannot enter the container ${container}: it does not run`);
    return pid;
  }

  /** What was said last by what runs here. */
  get said(): string {
    return this.machine.sh(
      'cd /var/log && for each in *.log; do echo "== $each"; tail -n 25 $each; done',
    );
  }
}

function kubeletConfiguration({ controlGroup }: Machine): string {
  return `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: { anonymous: { enabled: true }, webhook: { enabled: false } }
authorization: { mode: AlwaysAllow }
cgroupDriver: cgroupfs
cgroupRoot: ${controlGroup}
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix://${socket}
evictionHard: { memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%" }
failSwapOn: false
# Nobody could bring an image back.
imageGCHighThresholdPercent: 100
resolvConf: ""
volumePluginDir: /var/lib/kubelet/plugins
`;
}

/** All zeros: what these limit is the whole machine's. */
function proxyConfiguration(name: string, { proxyMode, isDual }: NodeOptions): string {
  return `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: ${proxyMode}
hostnameOverride: ${name}
clusterCIDR: ${rangesOf(isDual).pods}
clientConnection: { kubeconfig: ${own}/kubeconfig }
conntrack: { maxPerCore: 0, min: 0, tcpCloseWaitTimeout: 0s, tcpEstablishedTimeout: 0s }
`;
}
