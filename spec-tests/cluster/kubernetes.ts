/** Hosts that are joined by a real API server, as the manifest has it. */
import { expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Daemon } from "../bed/daemon.ts";
import type { ApiServer } from "./api-server.ts";
import { Host, type Joiner, STORES } from "./host.ts";
import { repositoryFile } from "./objects.ts";

export const P = "flannel.alpha.coreos.com/";

/** What a machine needs for tests with both. */
export const both = "flanneld 0.28.10 and kube-apiserver 1.34.4";

export const single = { Network: "10.77.0.0/16" };
export const dual = { ...single, EnableIPv6: true, IPv6Network: "fd77::/48" };
export const vxlan = { ...single, Backend: { Type: "vxlan" } };

/** The objects of the manifest, as their texts. */
export function manifestObjects(): readonly string[] {
  return repositoryFile("deploy/weft-flannel.yaml")
    .split(/^---$/m)
    .filter((text) => /^kind:/m.test(text));
}

/** The account of hosts, with the rights that the manifest gives it, and no others; a token of it. */
export function addAccount(server: ApiServer): string {
  const wanted = /^kind: (Namespace|ServiceAccount|ClusterRole|ClusterRoleBinding)$/m;
  const objects = manifestObjects().filter((text) => wanted.test(text));
  const applied = server.apply(objects);
  expect(applied.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
  return server.token("kube-flannel", "flannel");
}

/** The subnets of a Node of this number. */
export function subnetsOf(number: number): readonly string[] {
  return [`10.77.${number}.0/24`, `fd77:0:0:${number}::/64`];
}

/** A host whose Node is there. */
export function addHost(bed: Bed, server: ApiServer, number: number): Host {
  const host = new Host(bed, number);
  server.addNode(host.name, subnetsOf(number));
  return host;
}

/** What a host is joined by: the network's configuration and a token, or words in its place. */
export interface Joining {
  readonly server: ApiServer;
  readonly network: object;
  readonly token: string;
  readonly words?: string;
  readonly variables?: string;
}

/** Starts what joins a host, as a DaemonSet does, but by a kubeconfig. */
export function start(bed: Bed, host: Host, by: Joiner, joining: Joining): Daemon {
  const { server, network, token } = joining;
  const { words = "--ip-masq", variables = `NODE_NAME=${host.name}` } = joining;
  bed.write(`${host.files}/kubeconfig`, server.kubeconfig(token));
  bed.write(`${host.files}/net-conf.json`, JSON.stringify(network));
  const files = `--kubeconfig-file=${host.files}/kubeconfig --net-config-path=${host.files}/net-conf.json`;
  return host.join(by, `--kube-subnet-mgr ${files} ${words}`, variables);
}

/**
 * Puts a token where a pod of this host finds it, with the authority, as the kubelet does: what
 * was there before is replaced in one step.
 */
export function mountAccount(bed: Bed, host: Host, server: ApiServer, token: string): void {
  const folder = `${host.files}/secrets/kubernetes.io/serviceaccount`;
  bed.write(`${host.files}/token`, token);
  bed.write(`${host.files}/ca.crt`, server.authority);
  bed.host.sh(`
    mkdir -p ${folder} && cd ${folder}
    new=$(mktemp -d ..XXXXXX) && old=$(readlink ..data || true)
    cp ${host.files}/token ${host.files}/ca.crt $new
    ln -s $new ..new && mv -T ..new ..data
    for name in token ca.crt; do [ -L $name ] || ln -s ..data/$name $name; done
    test -z "$old" || rm -r "$old"`);
}

/** The container of the manifest's DaemonSet, on a host: its command, by the token that is mounted. */
export function startPod(bed: Bed, host: Host, network: object): Daemon {
  const [, flags = ""] = /command:\n +- \/usr\/bin\/weft\n +- agent\n((?: +- --.*\n)+)/.exec(
    repositoryFile("deploy/weft-flannel.yaml"),
  ) ?? [""];
  bed.write(`${host.files}/net-conf.json`, JSON.stringify(network));
  return host.join(
    "agent",
    `${flags.replace(/\s+- /g, " ").trim()} --net-config-path=${host.files}/net-conf.json`,
    `KUBERNETES_SERVICE_HOST=${STORES} KUBERNETES_SERVICE_PORT=6443 NODE_NAME=${host.name}`,
  );
}

/** What flannel writes of a host that nobody needs: number n has 192.0.2.n and 0a:00:00:00:00:n. */
export function annotated(number: number): Readonly<Record<string, string>> {
  return {
    [`${P}kube-subnet-manager`]: "true",
    [`${P}backend-type`]: "vxlan",
    [`${P}backend-data`]: `{"VNI":1,"VtepMAC":"${macOf(number)}"}`,
    [`${P}public-ip`]: `192.0.2.${number}`,
  };
}

export function macOf(number: number): string {
  return `0a:00:00:00:00:${number.toString(16).padStart(2, "0")}`;
}

/** A host that is there as a Node only. */
export function addPhantom(server: ApiServer, number: number): void {
  server.addNode(`phantom${number}`, subnetsOf(number).slice(0, 1), annotated(number));
}

/** Whether a host has all entries for another one that is of this number. */
export function leadsTo(host: Host, number: number): boolean {
  const entries = host.entries();
  return [
    `10.77.${number}.0/24 via 10.77.${number}.0 `,
    `${macOf(number)} dst 192.0.2.${number} `,
  ].every((text) => entries.includes(text));
}
