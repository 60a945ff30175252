import { resolve } from "node:path";

const repository = resolve(import.meta.dirname, "../..");

/** The folder whose executables are tested: `WEFT_BIN`, or what `make` builds. */
export const binDirectory = resolve(process.env.WEFT_BIN ?? `${repository}/dist/bin`);

/** The folder of the reference plugins, for tests that compare or mix: `PEER`, or Debian's. */
export const peerDirectory = resolve(process.env.PEER ?? "/usr/lib/cni");

/** The reference plugins 1.9.1, for tests that compare: `PEER_1_9_1`, or what `make reference` builds. */
export const laterPeerDirectory = resolve(
  process.env.PEER_1_9_1 ?? `${repository}/.cache/reference-1.9.1`,
);

/** The program that runs libcni, for tests that compare: `CNITOOL`, or what `make reference` builds. */
export const cnitoolFile = resolve(
  process.env.CNITOOL ?? `${repository}/.cache/cnitool-1.3.0/cnitool`,
);

/** What hosts are joined by, and beside, in tests: `make cluster-tools` builds it. */
const clusterDirectory = resolve(process.env.WEFT_CLUSTER ?? `${repository}/.cache/cluster`);

/** The daemon of flannel. */
export const flanneldFile = `${clusterDirectory}/flanneld-0.28.10`;

/** The API server of Kubernetes, and its client for people. */
export const apiServerFile = `${clusterDirectory}/kube-apiserver-1.34.4`;
export const kubectlFile = `${clusterDirectory}/kubectl-1.34.4`;

/** containerd 2, which tools/clients/build.sh makes of its Go module. */
export const containerdFolder = resolve(
  process.env.WEFT_CLIENTS ?? `${repository}/.cache/clients`,
  "containerd-2.2.9",
);

/** The kubelet and the rest of Kubernetes but the API server, which tools/kubernetes/build.sh makes. */
export const kubernetesFolder = resolve(
  process.env.WEFT_KUBERNETES ?? `${repository}/.cache/kubernetes`,
  "1.34.4",
);

/** Where a bed keeps its own things, inside its private /run; snapshots leave it out. */
export const bedDirectory = "/run/bed";

/** The executables, as every bed sees them: a read-only bind mount of `binDirectory`. */
export const binInBed = `${bedDirectory}/bin`;

/** The reference plugins, as every bed sees them: a read-only bind mount of `peerDirectory`. */
export const peerInBed = `${bedDirectory}/peer`;

/** The reference plugins 1.9.1, as every bed sees them: a read-only bind mount of `laterPeerDirectory`. */
export const laterPeerInBed = `${bedDirectory}/later-peer`;

/** The programs a test may run, as every bed sees them (programs.ts); the PATH of executables. */
export const programsInBed = `${bedDirectory}/programs/listed`;

/** The PATH of a test's own scripts: a program that may not be run refuses. */
export const pathInBed = `${programsInBed}:${bedDirectory}/programs/others`;

/** Stand-in plugins of one bed; the second entry of the default CNI_PATH. */
export const fakesInBed = `${bedDirectory}/fakes`;

/** A line for each process that a test has started and that ends with its bed: its number. */
export const backgroundInBed = `${bedDirectory}/background`;
