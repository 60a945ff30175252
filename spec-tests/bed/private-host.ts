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
import { existsSync, readFileSync } from "node:fs";
import { type Ended, type Job, Keeper } from "./keeper.ts";
import { backgroundInBed, binDirectory, laterPeerDirectory, peerDirectory } from "./paths.ts";

/** What stands in for a folder that is not here is never run: its tests are not here either. */
const existing = (folder: string) => (existsSync(folder) ? folder : binDirectory);

/** A running private host. */
export interface PrivateHost {
  /** The root folder of the private host, as this process sees it. */
  readonly root: string;
  /** The words to put before a command so that it runs inside, for what stays or is talked to. */
  readonly enter: readonly string[];
  /** Runs a program inside, and waits for its end. */
  run(job: Job): Ended;
  /** Starts a program inside; several may run at the same time. */
  start(job: Job): Promise<Ended>;
  dispose(): void;
}

/** Makes a private host and returns when it is ready. */
export function startPrivateHost(): PrivateHost {
  const programs = process.env.WEFT_PROGRAMS ?? "";
  const peers = [existing(peerDirectory), existing(laterPeerDirectory)] as const;
  const keeper = new Keeper([binDirectory, ...peers, programs]);
  return {
    root: keeper.root,
    enter: [`${programs}/listed/nsenter`, "-t", String(keeper.pid), "-m", "-n"],
    run: (job) => keeper.run(job),
    start: (job) => keeper.start(job),
    dispose() {
      endBackground(`${keeper.root}${backgroundInBed}`);
      keeper.dispose();
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
