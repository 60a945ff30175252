/** Kubernetes' own tests of network policies (test/e2e/network/netpol), as tools/kubernetes builds them. */
import { spawnSync } from "node:child_process";
import { Daemon } from "../bed/daemon.ts";
import { kubernetesFolder } from "../bed/paths.ts";
import type { Cluster } from "./cluster.ts";

const program = `${kubernetesFolder}/network-tests`;

/** The full names of all of them, in order. */
export function namesOfTests(): readonly string[] {
  const { stdout, stderr, status } = spawnSync(program, ["-list-tests"], { encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot list Kubernetes' tests: ${stderr}`);
  return [...stdout.matchAll(/\.go:\d+: (.*)$/gm)].map(([, name = ""]) => name).sort();
}

let count = 0;

/** Runs the one of this name in a cluster; returns all that it says if it fails, else nothing. */
export async function failureOf({ bed, server }: Cluster, name: string): Promise<string> {
  const focus = `${name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`;
  const words = `-kubeconfig ${server.folder}/kubeconfig -ginkgo.no-color -ginkgo.focus "$focus"`;
  const script = `${server.folder}/network-test-${++count}`;
  bed.write(script, `focus=$(cat <<'END'\n${focus}\nEND\n)\nexec ${program} ${words}\n`);
  const daemon = new Daemon(bed, `sh ${script}`);
  const status = await daemon.ended();
  const isRun = /^Ran 1 of .*\n.* 1 Passed/m.test(daemon.said);
  return status === 0 && isRun ? "" : `exit status ${status}\n${daemon.said}`;
}
