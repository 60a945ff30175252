/** A cluster whose agents enforce network policies. */
import { resolve } from "node:path";
import { Cluster, type ClusterOptions } from "./cluster.ts";

const manifest = resolve(import.meta.dirname, "../../deploy/weft-network-policy.yaml");

/** Starts a cluster, and has its agents enforce policies, as docs/network-policy.md has it. */
export async function startEnforcing(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await Cluster.start(options);
  cluster.kubectl(`apply -f ${manifest}`);
  cluster.kubectl("-n kube-flannel rollout restart daemonset kube-flannel-ds");
  cluster.kubectl("-n kube-flannel rollout status daemonset kube-flannel-ds");
  return cluster;
}
