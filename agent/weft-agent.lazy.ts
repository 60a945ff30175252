/**
 * The agent as a program: it takes part in a network by a store, until SIGTERM or SIGINT. Whatever
 * ends it, what is programmed and written stays.
 */

import * as host from "host";
import { sayLine } from "../lib/cni/command-line.ts";
import { CniError } from "../lib/cni/error.ts";
import { catchSignals, EPOLLIN, EventLoop, SIGINT, SIGTERM } from "../lib/host/epoll.ts";
import { lockAgain } from "../lib/host/lock.ts";
import { notifyManager } from "../lib/host/service-manager.ts";
import { ownNetns } from "../lib/net/netns.ts";
import { KernelChanges, tellHealth, watchFiles } from "../lib/overlay/watch.ts";
import { onlyProcess } from "../lib/state/record.ts";
import { Agent } from "./agent.ts";
import type { Tell } from "./events.ts";
import { socketOf } from "./health.ts";
import { healthOf, type Setting, summaryOf } from "./health-of.ts";
import { HostOfKernel } from "./host-of-kernel.ts";
import { openLog } from "./log.ts";
import { managerTeller } from "./manager.ts";
import type { AgentOptions } from "./options.ts";
import { FilesOfHost } from "./own-files.ts";
import { followPolicies, type Place } from "./policy/follow.ts";
import { openStore } from "./stores.ts";
import { serveWeb } from "./web.ts";
import type { World } from "./world.ts";

/** Runs the agent with these options; returns the exit status. */
export function runAgent(options: AgentOptions, version: string): number {
  const tell = openLog(options.log);
  try {
    const { network } = options;
    onlyProcess(lockOf(network), `the agent of network "${network}"`, () => {
      live(options, version, tell);
      host.exit(0);
    });
  } catch (cause) {
    sayLine("stderr", CniError.from(cause).message);
    return 1;
  }
}

function lockOf(network: string): string {
  return `/run/weft/${network}/daemon.lock`;
}

/** Until it is told to end. */
function live(options: AgentOptions, version: string, tell: Tell): void {
  const loop = new EventLoop(
    () => undefined,
    (cause) => tell("problem", CniError.from(cause).message),
  );
  const ns = ownNetns();
  const files = new FilesOfHost(options.network, options);
  const hearing: Hearing = { hear: () => undefined };
  const world = worldOf({ loop, ns, tell }, options, { files, hearing });
  const agent = new Agent(world);
  const policies = followPolicies({ loop, ns, tell }, options);
  const setting = { world, options, version, started: loop.now(), policies };
  const keepSocket = tellOthers(loop, agent, setting);
  const keepFiles = () => {
    lockAgain(lockOf(options.network));
    keepSocket();
    policies?.keep();
  };
  loop.watch(catchSignals(SIGTERM, SIGINT), EPOLLIN, () => loop.end());
  const kernel = new KernelChanges(ns);
  const afterTurn = hearChanges(loop, agent, { kernel, files, hearing, keepFiles });
  const tellManager = managerTeller(() => agent.state);
  tell("started", `network "${options.network}"`);
  agent.start();
  policies?.start();
  loop.run(() => {
    afterTurn();
    policies?.turn();
    tellManager();
  });
  notifyManager(["STOPPING=1"]);
  agent.stop();
  policies?.stop();
  tell("ended", "routes, neighbours, fdb entries and files stay as they are");
}

interface Means {
  readonly files: FilesOfHost;
  readonly hearing: Hearing;
}

function worldOf(place: Place, options: AgentOptions, { files, hearing }: Means): World {
  const { loop, ns, tell } = place;
  return {
    clock: loop,
    store: openStore(options.store, loop),
    files,
    host: new HostOfKernel({ options, ns, files, tell, hear: () => hearing.hear() }),
    tell,
    isMasqueraded: options.filter.isMasquerading,
  };
}

/** Answers `weft agent status`, and who asks by HTTP; returns what makes the socket again. */
function tellOthers(loop: EventLoop, agent: Agent, setting: Setting): () => void {
  const { options, world } = setting;
  const keepSocket = tellHealth(loop, socketOf(options.network), () =>
    JSON.stringify(healthOf(agent, setting)),
  );
  const summary = () => summaryOf(agent, setting);
  if (options.healthz) {
    serveWeb(loop, { endpoint: options.healthz, summary, tell: world.tell });
  }
  return keepSocket;
}

/** How a pass that takes long hears in between. */
interface Hearing {
  hear: () => void;
}

interface Heard {
  readonly kernel: KernelChanges;
  readonly files: FilesOfHost;
  readonly hearing: Hearing;
  /** Makes again what others read of the agent and is gone. */
  readonly keepFiles: () => void;
}

/** Hears what changes; what the agent does itself does not count. Returns what is done each turn. */
function hearChanges(loop: EventLoop, agent: Agent, heard: Heard): () => void {
  const { kernel, files, hearing, keepFiles } = heard;
  const takeChanges = () => {
    kernel.ignoreOwn();
    const { path } = agent;
    const interest = path?.interest() ?? {
      devices: undefined,
      uplink: undefined,
      routeProtocol: 0,
    };
    if (kernel.take(interest, (event) => path?.isOwn(event) ?? false)) agent.changed();
  };
  hearing.hear = takeChanges;
  loop.watch(kernel.descriptor, EPOLLIN, takeChanges);
  watchFiles(loop, files.paths, () => {
    if (!files.areAsWritten()) agent.changed();
    keepFiles();
  });
  return () => {
    agent.turn();
    kernel.ignoreOwn();
    if (!agent.path?.hasOwn) return;
    takeChanges();
    agent.path.forgetOwn();
  };
}
