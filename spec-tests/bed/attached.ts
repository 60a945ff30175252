/** Attachments as `weft` makes them, and results as other runtimes keep them. */
import { mkdirSync } from "node:fs";
import type { Bed } from "./bed.ts";
import type { Container } from "./container.ts";
import { Lists, resultsFolder } from "./lists.ts";

/** A subnet that no other machine of a test has: namespaces are sought on the whole machine. */
export const subnet = "10.251.35.0/24";

/** The list `net`: a bridge with masquerade, ports and rates. */
export function fullList(bed: Bed): Lists {
  const lists = new Lists(bed);
  const ipam = { type: "host-local", subnet };
  lists.net([
    { type: "bridge", isGateway: true, ipMasq: true, ipam },
    { type: "portmap", capabilities: { portMappings: true } },
    { type: "bandwidth", capabilities: { bandwidth: true } },
  ]);
  return lists;
}

/** Attaches a new container to `net`; with options of `weft add`. */
export function attach(bed: Bed, lists: Lists, options = ""): Container {
  const box = bed.container();
  const said = lists.weft(`add net ${box.netns} --container-id ${box.name} ${options}`);
  if (said.status !== 0) throw new Error(`Cannot attach: ${said.stderr}`);
  return box;
}

/** What a runtime keeps of an attachment. */
export interface KeptFile {
  readonly network: string;
  readonly containerID: string;
  readonly netns: string;
  readonly result?: unknown;
  readonly plugins?: readonly string[];
}

/** No container of any test has an address of 10.250: namespaces are sought on the whole machine. */
const usual = { cniVersion: "1.1.0", ips: [{ address: "10.250.36.3/24" }] };

/** Writes a file as libcni does. */
export function keep(bed: Bed, { network, containerID, netns, result, plugins }: KeptFile): void {
  const types = (plugins ?? ["bridge"]).map((type) => ({ type }));
  const config = JSON.stringify({ cniVersion: "1.1.0", name: network, plugins: types });
  const text = JSON.stringify({
    ...{ kind: "cniCacheV1", containerId: containerID, networkName: network, ifName: "eth0" },
    ...{ netns, config: Buffer.from(config).toString("base64") },
    result: result === undefined ? usual : result,
  });
  mkdirSync(bed.path(resultsFolder), { recursive: true, mode: 0o700 });
  bed.write(`${resultsFolder}/${network}-${containerID}-eth0`, text);
}

/** The words that run a command as a user who is nobody. */
export const asNobody = "setpriv --reuid=65534 --regid=65534 --clear-groups";
