/** What runs a cluster, on the bed's host: etcd, the API server, the controllers and the scheduler. */
import type { Bed } from "../bed/bed.ts";
import { Daemon } from "../bed/daemon.ts";
import { kubernetesFolder } from "../bed/paths.ts";
import { ApiServer } from "../cluster/api-server.ts";
import { addStoresAddress, STORES } from "../cluster/host.ts";
import { type Ranges, STORES_V6 } from "./ranges.ts";

/** Starts etcd and the API server, which nodes reach on their link. */
export async function startServer(bed: Bed, { services }: Ranges): Promise<ApiServer> {
  addStoresAddress(bed);
  bed.host.sh(`ip address add ${STORES_V6}/64 dev underlay nodad`);
  const words = `--endpoint-reconciler-type=lease --kubelet-preferred-address-types=InternalIP
    --allow-privileged=true --service-cluster-ip-range=${services}`.replace(/\s+/g, " ");
  const log = bed.folder("log");
  return await ApiServer.start(bed, STORES, `${words} >${log}/api-server 2>&1`);
}

/** Starts the controllers and the scheduler. */
export function startControllers(bed: Bed, server: ApiServer, { pods, services }: Ranges): void {
  const { folder } = server;
  bed.write(`${folder}/kubeconfig`, server.kubeconfig());
  const common = `--kubeconfig=${folder}/kubeconfig --leader-elect=false --bind-address=127.0.0.1`;
  const controllers = `${common} --allocate-node-cidrs --cluster-cidr=${pods}
    --service-cluster-ip-range=${services} --root-ca-file=${folder}/ca.crt
    --service-account-private-key-file=${folder}/accounts.key`;
  const words = { "kube-controller-manager": controllers, "kube-scheduler": common };
  for (const [name, flags] of Object.entries(words)) {
    const program = `${kubernetesFolder}/${name} ${flags} >${bed.folder("log")}/${name} 2>&1`;
    new Daemon(bed, program.replace(/\s+/g, " "));
  }
}
