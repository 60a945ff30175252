/**
 * A private "host": one network namespace and one mount namespace, held open by a keeper process.
 *
 *   machine                          private host
 *   /run, /var/lib, /tmp             empty tmpfs each
 *   dist/bin                         /run/bed/bin, read-only
 *   the reference plugins            /run/bed/peer and /run/bed/later-peer, read-only
 *   the programs a test may run      /run/bed/programs, read-only
 *   its links, routes, nft tables    only lo, and an uplink to nowhere
 *   flannel's daemon                 its file, as if it had been started
 *
 * The keeper ends when its standard input ends, so nothing survives this process.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { Socket } from "node:net";
import {
  backgroundInBed,
  bedDirectory,
  binDirectory,
  binInBed,
  fakesInBed,
  laterPeerDirectory,
  laterPeerInBed,
  pathInBed,
  peerDirectory,
  peerInBed,
} from "./paths.ts";
import { waitUntil } from "./patience.ts";

/** What stands in for a folder that is not here is never run: its tests are not here either. */
const existing = (folder: string) => (existsSync(folder) ? folder : binDirectory);

const setUp = `
set -e
exec 9<"${binDirectory}" 8<"${existing(peerDirectory)}" 7<"$WEFT_PROGRAMS"
exec 6<"${existing(laterPeerDirectory)}"
mount -t tmpfs -o mode=0755 bed /run
mkdir -p ${bedDirectory}/programs
mount -c --bind -o ro /proc/self/fd/7 ${bedDirectory}/programs
PATH=${pathInBed}
mount -t sysfs sysfs /sys
for folder in /var/lib /tmp; do mount -t tmpfs -o mode=0755 bed $folder; done
chmod 1777 /tmp
mkdir -p ${binInBed} ${peerInBed} ${laterPeerInBed} ${fakesInBed} /run/flannel
cat >/run/flannel/subnet.env <<end
FLANNEL_NETWORK=10.1.0.0/16
FLANNEL_SUBNET=10.1.2.1/24
FLANNEL_MTU=1450
FLANNEL_IPMASQ=true
end
mount -c --bind -o ro /proc/self/fd/9 ${binInBed}
mount -c --bind -o ro /proc/self/fd/8 ${peerInBed}
mount -c --bind -o ro /proc/self/fd/6 ${laterPeerInBed}
exec 9<&- 8<&- 7<&- 6<&-
ip -batch - <<end
link set lo up
link add uplink0 type bridge
address add 198.51.100.1/24 dev uplink0
link set uplink0 up
end
touch ${bedDirectory}/ready
exec cat >/dev/null
`;

/** A running private host. */
export interface PrivateHost {
  /** The root folder of the private host, as this process sees it. */
  readonly root: string;
  /** The words to put before a command so that it runs inside. */
  readonly enter: readonly string[];
  dispose(): void;
}

/** Makes a private host and returns when it is ready. */
export function startPrivateHost(): PrivateHost {
  const keeper = spawn("unshare", ["-mn", "--propagation", "private", "sh", "-c", setUp], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  const root = `/proc/${keeper.pid}/root`;
  waitUntilReady(keeper, `${root}${bedDirectory}/ready`);
  keeper.unref();
  if (keeper.stdin instanceof Socket) keeper.stdin.unref();
  return {
    root,
    enter: [`${process.env.WEFT_PROGRAMS}/listed/nsenter`, "-t", String(keeper.pid), "-m", "-n"],
    dispose() {
      endBackground(`${root}${backgroundInBed}`);
      keeper.stdin.destroy();
      keeper.kill("SIGKILL");
    },
  };
}

/** A process of its own would keep the namespaces alive. */
function endBackground(file: string): void {
  if (!existsSync(file)) return;
  for (const pid of readFileSync(file, "utf8").split("\n").filter(Boolean)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

function waitUntilReady(keeper: ChildProcess, readyFile: string): void {
  waitUntil("a private host", () => {
    if (!isRunning(keeper.pid)) throw new Error("Cannot make a private host: unshare failed");
    return existsSync(readyFile);
  });
}

/** Exit statuses come only when this process does not wait; what the kernel knows comes at once. */
export function isRunning(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
