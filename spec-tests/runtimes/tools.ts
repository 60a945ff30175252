/** What the benchmark of pods has as well: a client of the CRI, containerd's configuration, images made by hand. */

/** How a pod is asked for. */
export interface PodWish {
  readonly name: string;
  /** Leads to port 80 of the pod. */
  readonly hostPort?: number;
  readonly cgroup: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A connection to a runtime's CRI. */
export interface CriClient {
  close(): void;
  version(): Promise<string>;
  runPod(pod: PodWish): Promise<string>;
  addressOf(id: string): Promise<string>;
  pods(): Promise<readonly string[]>;
  network(): Promise<{ readonly isReady: boolean; readonly reason: string }>;
  stopPod(id: string): Promise<void>;
  deletePod(id: string): Promise<void>;
  removePod(id: string): Promise<void>;
}

interface Image {
  readonly name: string;
  readonly entrypoint: readonly string[];
  readonly file: string;
  readonly layer: { readonly folder: string; readonly paths: readonly string[] };
}

interface Places {
  readonly root: string;
  readonly state: string;
  readonly opt: string;
  readonly bin: string;
  readonly lists: string;
  readonly image: string;
}

/** The tools are JavaScript, of which the type checker of the tests knows nothing. */
const load = async (name: string) => (await import(`../../bench/${name}.mjs`)) as unknown;

export const { CriClient } = (await load("cri-client")) as {
  readonly CriClient: new (socket: string) => CriClient;
};
export const { configuration } = (await load("containerd")) as {
  readonly configuration: (places: Places) => string;
};
export const { makeImage } = (await load("image")) as {
  readonly makeImage: (image: Image) => string;
};
