/** The daemon of dhcp as a program: its flags, its socket, and clients that mean it no good. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Daemon } from "../bed/daemon.ts";
import { alone, Lan, startDaemon } from "../bed/dhcp.ts";
import { it } from "../bed/it.ts";

/** What the command line says, and with which status it ends. */
function call(bed: Bed, words: string): string {
  return bed.host.sh(`${bed.bin}/dhcp ${words} 2>&1; echo "status $?"`);
}

describe("the command line", () => {
  it.for([
    ["daemon -x", "flag provided but not defined: -x"],
    ["daemon -timeout", "flag needs an argument: -timeout"],
    ["daemon -timeout 5", 'invalid value "5" for flag -timeout'],
    ["daemon --broadcast=maybe", 'invalid boolean value "maybe" for -broadcast'],
    ["daemon now", "unexpected argument: now"],
    ["demon", "usage: dhcp daemon [flags]"],
  ] as const)("%s is refused with status 2 and how it is used", ([words, fault], { bed }) => {
    const said = call(bed, words);
    expect(said).toContain(fault);
    expect(said).toContain("usage: dhcp daemon [flags]");
    expect(said).toMatch(/status 2\n$/);
  });

  it("fails with status 1 if the path of its pidfile is not absolute", ({ bed }) => {
    expect(call(bed, "daemon -pidfile pid")).toMatch(/path is not absolute\nstatus 1\n$/);
  });

  it("with all flags listens where it is told to, and leaves neither socket nor pidfile", async ({
    bed,
  }) => {
    const folder = bed.folder("root");
    const flags = `-hostprefix ${folder} --socketpath=/run/x.sock -pidfile ${folder}/pid -broadcast -timeout 1s -resendmax=2s -resendtimeout 1m30s`;
    const daemon = await startDaemon(bed, flags);
    expect(bed.list(`${folder}/run`)).toEqual(["x.leases", "x.sock"]);
    expect(bed.read(`${folder}/pid`)).toMatch(/^\d+$/);
    const config = { ...alone, ipam: { type: "dhcp", daemonSocketPath: `${folder}/run/x.sock` } };
    expect(bed.status("dhcp", config)).toSucceed();
    expect(await daemon.end("SIGINT")).toBe(0);
    expect(bed.list(`${folder}/run`)).toEqual(["x.leases"]);
    expect(bed.list(folder)).toEqual(["run"]);
  });

  it("asks servers to answer by broadcast only if it is told to", async ({ bed }) => {
    const lan = new Lan(bed);
    for (const [i, flag] of ["", "-broadcast"].entries()) {
      const box = bed.container();
      lan.connect(box);
      const daemon = await startDaemon(bed, flag);
      bed.add("dhcp", box, alone).result;
      const id = Buffer.from(`\0${box.containerID}/lan/eth0`).toString("hex");
      const own = lan.heard.filter((heard) => heard.id === id);
      expect([...new Set(own.map(({ broadcast }) => broadcast))]).toEqual([i === 1]);
      await daemon.kill();
    }
  });
});

describe("the socket", () => {
  it("is taken from a dead daemon, not from a living one, and from no other file", async ({
    bed,
  }) => {
    const first = await startDaemon(bed);
    expect(call(bed, "daemon")).toMatch(/another program listens there already\nstatus 1\n$/);
    expect(bed.status("dhcp", alone)).toSucceed();
    await first.kill();
    expect(bed.status("dhcp", alone).error.code).toBe(50);
    const second = await startDaemon(bed);
    expect(bed.status("dhcp", alone)).toSucceed();
    await second.end("SIGTERM");
    bed.write("/run/cni/dhcp.sock", "precious");
    expect(call(bed, "daemon")).toMatch(/there is a file of another kind\nstatus 1\n$/);
    expect(bed.read("/run/cni/dhcp.sock")).toBe("precious");
  });

  it("may be systemd's, which stays", async ({ bed }) => {
    const program = `
import os, socket
os.makedirs("/run/cni", 0o700)
s = socket.socket(socket.AF_UNIX)
s.bind("/run/cni/dhcp.sock")
s.listen(5)
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv("${bed.bin}/dhcp", ["dhcp", "daemon"])
`;
    const daemon = new Daemon(bed, `python3 -c '${program}'`);
    await daemon.until("the daemon", () => daemon.said.includes("started: "));
    expect(bed.status("dhcp", alone)).toSucceed();
    expect(await daemon.end("SIGTERM")).toBe(0);
    expect(bed.list("/run/cni")).toEqual(["dhcp.leases", "dhcp.sock"]);
  });

  it("may not be two of systemd's, nor another thing", ({ bed }) => {
    const start = (count: number, more: string) =>
      bed.host.sh(
        `sh -c 'LISTEN_PID=$$ LISTEN_FDS=${count} exec ${bed.bin}/dhcp daemon' 2>&1 ${more} || true`,
      );
    expect(start(1, "3</dev/null")).toContain("Cannot listen: descriptor 3 is no socket");
    expect(start(1, "3<&-")).toContain("Cannot stat descriptor 3: EBADF");
    expect(start(2, "")).toContain("Too many (2) FDs passed through socket activation");
  });
});

/** Clients in Python, which stay connected until the machine goes. */
const clients = `
import signal, socket, time
signal.alarm(3600)
open_ones = []
def client(data, closes=False):
  s = socket.socket(socket.AF_UNIX)
  s.connect("/run/cni/dhcp.sock")
  s.setblocking(False)
  try:
    while data: data = data[s.send(data):]
  except OSError: pass
  if closes: s.close()
  else: open_ones.append(s)
`;

describe("clients", () => {
  it.for([
    ["that say nothing", 'for i in range(600): client(b"")'],
    ["that never come to an end", 'for i in range(20): client(b"x" * 3000000)'],
    ["that do not read", 'for i in range(100): client(b"{\\"command\\":\\"STATUS\\"}\\n")'],
    ["that leave at once", 'for i in range(100): client(b"{\\"command\\":\\"STATUS\\"}\\n", True)'],
    [
      "that talk nonsense",
      'for t in (b"\\n", b"\\xff\\n", b"[]\\n", b"{\\"command\\":\\"ADD\\"}\\n", b"null\\n"): client(t)',
    ],
  ] as const)("%s keep nobody else waiting", async ([, deed], { bed }) => {
    const daemon = await startDaemon(bed);
    const done = bed.folder("done");
    bed.host.sh(`
      python3 -c '${clients}
${deed.replaceAll("'", "")}
open("${done}/yes", "w").close()
time.sleep(3600)
' </dev/null >/dev/null 2>&1 &
      echo $! >>/run/bed/background`);
    bed.host.until(`test -e ${done}/yes`);
    expect(bed.status("dhcp", alone)).toSucceed();
    expect(await daemon.end("SIGTERM")).toBe(0);
  });

  it("that are not root are not listened to", async ({ bed }) => {
    const daemon = await startDaemon(bed);
    bed.host.sh("chmod 777 /run/cni /run/cni/dhcp.sock");
    const program = (uid: number) => `
import os, socket
os.setgroups([])
os.setuid(${uid})
s = socket.socket(socket.AF_UNIX)
s.connect("/run/cni/dhcp.sock")
try:
  s.sendall(b"{\\"command\\":\\"STATUS\\"}\\n")
  print(len(s.recv(100)))
except OSError: print("refused")
`;
    const asked = (uid: number) => bed.host.sh(`python3 -c '${program(uid)}'`).trim();
    expect(asked(0)).toBe("3");
    expect(["0", "refused"]).toContain(asked(65534));
    await daemon.kill();
  });

  it("that give up leave no lease", async ({ bed }) => {
    const lan = new Lan(bed, { silent: true });
    const daemon = await startDaemon(bed, "-timeout 200ms");
    const box = bed.container();
    lan.connect(box);
    bed.host.sh(`
      echo '${JSON.stringify(alone)}' >/run/bed/conf
      CNI_COMMAND=ADD CNI_CONTAINERID=${box.containerID} CNI_IFNAME=eth0 CNI_NETNS=${box.netns} \
        ${bed.bin}/dhcp </run/bed/conf >/dev/null 2>&1 &
      echo $! >/run/bed/adding`);
    await daemon.until("the question", () => lan.kinds.length > 0);
    expect(bed.add("dhcp", box, alone).error.msg).toContain("another ADD of it is under way");
    bed.host.sh("kill $(cat /run/bed/adding)");
    lan.behave({});
    const again = () => bed.add("dhcp", box, alone);
    await daemon.until("the end of the first", () => again().ok);
    expect(again().result.ips).toMatchObject([{ address: "10.77.0.10/24" }]);
    await daemon.kill();
  });
});

describe("a directory of records that cannot be written", () => {
  it("lets no lease be had, which would be forgotten, and gives it back", async ({ bed }) => {
    const lan = new Lan(bed);
    const daemon = await startDaemon(bed);
    const box = bed.container();
    lan.connect(box);
    bed.host.sh("mount -t tmpfs -o ro none /run/cni/dhcp.leases");
    expect(bed.add("dhcp", box, alone).error.code).toBe(101);
    await daemon.until("the release", () => lan.kinds.includes("release"));
    expect(bed.check("dhcp", box, alone).error.code).toBe(104);
    bed.host.sh("umount /run/cni/dhcp.leases");
    expect(bed.add("dhcp", box, alone)).toSucceed();
    await daemon.kill();
  });
});

describe("many containers", () => {
  it("get their leases at the same time", async ({ bed }) => {
    const lan = new Lan(bed);
    const daemon = await startDaemon(bed);
    const boxes = Array.from({ length: 64 }, () => bed.container());
    for (const box of boxes) lan.connect(box);
    const runs = await Promise.all(
      boxes.map((container) => bed.start("dhcp", { command: "ADD", container, config: alone })),
    );
    const addresses = runs.map(({ result }) => String(result.ips[0]?.address));
    expect(new Set(addresses).size).toBe(64);
    expect(bed.list("/run/cni/dhcp.leases")).toHaveLength(64);
    await daemon.kill();
  });
});
