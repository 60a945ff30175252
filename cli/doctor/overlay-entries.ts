/** What keeps an overlay from reaching every host that its files name: STATUS of the very plugin. */

import * as host from "host";
import { memberOf } from "../../lib/cni/config.ts";
import { handOver } from "../../lib/cni/delegate.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import type { NetworkList } from "../list-file.ts";
import type { Check, Examined, Finding } from "./finding.ts";
import { few } from "./words.ts";

/** The first version with STATUS: an older list is asked as if it were of this. */
const VERSION = "1.1.0";

export const overlayEntries: Check = (examined) =>
  overlaysOf(examined).flatMap(({ list, plugin }) => {
    try {
      askStatus(list, plugin);
      return [];
    } catch (cause) {
      return findingsOf(list.name, CniError.from(cause));
    }
  });

/** A network over many hosts, and the plugin of its list that makes it so. */
export interface OverlayPlugin {
  readonly list: NetworkList;
  readonly plugin: JsonObject;
}

/** Those of the directory of networks. */
export function overlaysOf({ lists }: Examined): readonly OverlayPlugin[] {
  return lists.flatMap(({ list }) =>
    (list?.plugins ?? []).flatMap((plugin) =>
      list && memberOf(plugin, "type") === "vxlan-overlay" ? [{ list, plugin }] : [],
    ),
  );
}

/** In this very process, and without the address manager, which would be run. */
function askStatus({ name }: NetworkList, plugin: JsonObject): void {
  const config = { ...plugin, name, cniVersion: VERSION, ipam: { type: "" } };
  const none = { containerID: "", ifName: "", netns: "", args: "", netnsOverride: false };
  const environment = { ...none, command: "STATUS" as const, path: "" };
  const stdin = host.encode(JSON.stringify(config));
  handOver(
    "vxlan-overlay",
    { environment, stdin, config, cniVersion: VERSION, network: name },
    config,
  );
}

/** What is neither is no matter of other hosts: it is told, and other networks are asked. */
function findingsOf(name: string, error: CniError): readonly Finding[] {
  const { code, message, details } = error;
  if (code === Code.notAvailable) {
    const finding = `This host is not in the overlay "${name}": ${message}`;
    const advice = "Write what is missing into the network's file or node.json, as its agent would";
    return [{ id: "overlay-not-joined", level: "error", finding, advice }];
  }
  if (code !== Code.limitedConnectivity) {
    const finding = `Could not look at the overlay "${name}": ${message}`;
    const advice = "Look at what hinders it, and ask again";
    return [{ id: "not-checked", level: "warning", finding, advice }];
  }
  const first = message.replace(/^Cannot reach every host of network "[^"]*": /, "");
  const faults = few([first, ...details.split("; ").filter(Boolean)]);
  const finding = `The overlay "${name}" does not reach every host: ${faults}`;
  const advice = `Run "vxlan-overlay daemon" with the network's file, or with --once to mend it now`;
  return [{ id: "overlay-entries", level: "error", finding, advice }];
}
