/** The daemon of dhcp, where a network wants addresses of it. */

import { isObject } from "../../lib/cni/json.ts";
import { readTextIfPresent } from "../../lib/host/file.ts";
import { fileStatus } from "../../lib/host/file-status.ts";
import type { NetworkList } from "../list-file.ts";
import type { Check, Examined } from "./finding.ts";

const USUAL_SOCKET = "/run/cni/dhcp.sock";

export const dhcpDaemon: Check = (examined) =>
  dhcpNetworks(examined).flatMap(({ network, socket }) => {
    if (isListened(socket)) return [];
    const state = fileStatus(socket) ? "nobody listens there any more" : "there is no such socket";
    const finding = `Network "${network}" takes addresses of the dhcp daemon at "${socket}", but ${state}`;
    const more = socket === USUAL_SOCKET ? "" : ` -socketpath ${socket}`;
    const advice = `Start it: "systemctl enable --now cni-dhcp.socket", or "dhcp daemon${more}"`;
    return [{ id: "dhcp-daemon", level: "error", finding, advice }];
  });

/** A network whose addresses come from dhcp, and where it asks for them. */
export interface DhcpNetwork {
  readonly network: string;
  readonly socket: string;
}

/** Those of the directory of networks. */
export function dhcpNetworks({ lists }: Examined): readonly DhcpNetwork[] {
  const all = lists.flatMap(({ list }) => (list ? dhcpNetworksOf(list) : []));
  return [...new Map(all.map((each) => [`${each.network} ${each.socket}`, each])).values()];
}

/** One for each plugin of a list that wants it. */
export function dhcpNetworksOf({ name, plugins }: NetworkList): readonly DhcpNetwork[] {
  return plugins.flatMap(({ ipam }) => {
    if (!isObject(ipam) || ipam.type !== "dhcp") return [];
    const { daemonSocketPath: path } = ipam;
    const socket = typeof path === "string" && path !== "" ? path : USUAL_SOCKET;
    return [{ network: name, socket }];
  });
}

/** Where a daemon of this suite keeps its leases: beside its socket. */
export function recordsOf(socket: string): string {
  return `${socket.replace(/\.sock$/, "")}.leases`;
}

/** unix(7): a socket that accepts connections; who connects would start a daemon that waits for that. */
const ACCEPTING = 0x10000;

function isListened(socket: string): boolean {
  const lines = (readTextIfPresent("/proc/net/unix") ?? "").split("\n");
  return lines.some((line) => {
    // Num RefCount Protocol Flags Type St Inode Path
    const [, , , flags = "0", , , , path = ""] = line.split(/\s+/);
    return (Number.parseInt(flags, 16) & ACCEPTING) !== 0 && isSamePlace(path, socket);
  });
}

/** A daemon names its socket as it was told to: /var/run is mostly a link to /run. */
function isSamePlace(path: string, socket: string): boolean {
  return (
    path === socket ||
    path.replace(/^\/var\/run\//, "/run/") === socket.replace(/^\/var\/run\//, "/run/")
  );
}
