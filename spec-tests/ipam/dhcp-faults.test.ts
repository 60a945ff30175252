/** dhcp's daemon while one of its system calls fails: it goes on, or ends for its successor to go on. */
import { expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { Daemon } from "../bed/daemon.ts";
import { alone, Lan, startDaemon } from "../bed/dhcp.ts";
import { it } from "../bed/it.ts";
import { partOf } from "../bed/part.ts";
import { systemCalls } from "../bed/system-calls.ts";

const RECORDS = "/run/cni/dhcp.leases";

/** How calls fail; a close is done by the kernel whatever it returns. */
const errors: readonly (readonly [calls: RegExp, error: string])[] = [
  [/^(close|exit|exit_group|restart_syscall)$/, ""],
  [/^(accept4|open|openat|socket|epoll_create1|timerfd_create|signalfd4)$/, "EMFILE"],
  [/^(sendto|recvfrom|recvmsg)$/, "ENOBUFS"],
  [/^(write|pwrite64)$/, "ENOSPC"],
  [/^(rename|unlink|mkdir|link)$/, "EROFS"],
  [/^setns$/, "EPERM"],
  [/^(mmap|brk|mremap|epoll_ctl)$/, "ENOMEM"],
  [/./, "EIO"],
];

async function traced(bed: Bed, options: string): Promise<Daemon> {
  // With -D it is the daemon that is started, and ended, and strace looks on.
  const daemon = new Daemon(bed, `strace -D -qq ${options} ${bed.bin}/dhcp daemon -timeout 1s`);
  await daemon.until("the daemon", () => isThere(bed, daemon));
  return daemon;
}

/** It listens, though what it said may be what was lost; or it has ended with an error. */
function isThere(bed: Bed, { said }: Daemon): boolean {
  return /started: |Cannot /.test(said) || bed.status("dhcp", alone).ok;
}

/** What is wrong with an attachment's life; each command may fail, but not by a bug. */
function live(bed: Bed, box: Container): readonly string[] {
  const runs = [
    bed.add("dhcp", box, alone),
    bed.check("dhcp", box, alone),
    bed.status("dhcp", alone),
    bed.del("dhcp", box, alone),
  ];
  return runs.flatMap((run) => (run.ok || run.error.code < 999 ? [] : [run.error.msg]));
}

/** What is wrong with one that nothing may fail of. */
function liveWell(bed: Bed, box: Container): readonly string[] {
  const runs = [
    bed.del("dhcp", box, alone),
    bed.add("dhcp", box, alone),
    bed.check("dhcp", box, alone),
    bed.del("dhcp", box, alone),
  ];
  const records = bed.list(RECORDS).map((name) => `${name} is left`);
  return [...runs.flatMap((run) => (run.ok ? [] : [run.error.msg])), ...records];
}

/** One for each call of a daemon's life, as strace is told. */
async function accidents(bed: Bed, box: Container): Promise<readonly string[]> {
  const file = `${bed.folder("trace")}/calls`;
  const daemon = await traced(bed, `-o ${file}`);
  expect(live(bed, box)).toEqual([]);
  expect(await daemon.end("SIGTERM")).toBe(0);
  const calls = systemCalls(bed.read(file));
  const first = calls.findIndex(({ name }) => name === "epoll_create1");
  expect(first).toBeGreaterThan(0);
  return calls.slice(first).flatMap(({ name, nth }) => {
    const [, error = ""] = errors.find(([names]) => names.test(name)) ?? [];
    return error === "" ? [] : [`-e inject=${name}:error=${error}:when=${nth}`];
  });
}

async function wrongWith(bed: Bed, box: Container, accident: string) {
  const daemon = await traced(bed, `-o /dev/null ${accident}`);
  const during = live(bed, box);
  // Where the daemon is still there it does well now, or next if it has failed or ended only now.
  const isStill = () => bed.status("dhcp", alone).ok || bed.status("dhcp", alone).ok;
  const isWell = !isStill() || liveWell(bed, box).length === 0 || !isStill();
  const wrong = [...during, ...(isWell ? [] : liveWell(bed, box))];
  await daemon.kill();
  const successor = await startDaemon(bed);
  wrong.push(...liveWell(bed, box));
  await successor.kill();
  const bugs = /Cannot finish: .*/.exec(daemon.said) ?? [];
  return [...wrong, ...bugs].map((line) => `${accident}: ${line}`);
}

it("a system call of the daemon that fails does no lasting harm", async ({ bed }) => {
  const lan = new Lan(bed);
  const box = bed.container();
  lan.connect(box);
  const all = await accidents(bed, box);
  expect(all.length).toBeGreaterThan(50);
  const wrong: string[] = [];
  for (const accident of partOf(all)) wrong.push(...(await wrongWith(bed, box, accident)));
  expect(wrong).toEqual([]);
});
