/**
 * A virtual machine's end of a tap: a program that opens /dev/net/tun without privileges, and has an
 * address of its own that answers.
 *
 *   const machine = startMachine(box, { tap: "eth0", user: 107 });
 *   box.ping(machine.address);
 */

import { backgroundInBed } from "./paths.ts";
import type { View } from "./view.ts";

/** Flags of TUNSETIFF, linux/if_tun.h. */
export const NO_PI = 0x1000;
export const VNET_HDR = 0x4000;
export const MULTI_QUEUE = 0x0100;
const TAP = 0x0002;

/** Who attaches to which tap, and how. */
export interface Attaching {
  readonly tap: string;
  /** Who is not root has no capabilities. */
  readonly user: number;
  readonly group?: number;
  /** Flags besides IFF_TAP; IFF_NO_PI if not given. */
  readonly flags?: number;
}

/** The file of the bed that everybody may open, as /dev/net/tun on most systems. */
const FILE = "/tmp/tun";

/** A program that becomes the user, and attaches. */
const attach = ({ tap, user, group = user, flags = NO_PI }: Attaching) => `
import fcntl, os, select, signal, struct
signal.alarm(3600)
if not os.path.exists("${FILE}"): os.mknod("${FILE}", 0o020666, os.makedev(10, 200))
os.chmod("${FILE}", 0o666)
os.setgroups([])
os.setresgid(${group}, ${group}, ${group})
os.setresuid(${user}, ${user}, ${user})
fd = os.open("${FILE}", os.O_RDWR)
fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", b"${tap}", ${flags | TAP}))
`;

/** What attaching ends with: "" if it succeeds, or the kernel's error, as python says it. */
export function attaching(view: View, how: Attaching): string {
  const program = `
try:${attach(how).replaceAll("\n", "\n  ")}
except OSError as error: print(error.strerror, end="")
`;
  return view.sh(`python3 -c '${program}'`);
}

/** A running machine. */
export interface Machine {
  readonly mac: string;
  readonly address: string;
  /** Switches it off; the tap stays. */
  stop(): void;
  /** Waits until its program has ended by itself, as it does without its tap. */
  untilGone(): void;
}

const MAC = "02:00:00:00:01:07";

/**
 * Attaches, and answers ARP requests and pings for an address until it is stopped, or until its tap
 * is taken away. The frame is behind `header` bytes of the kernel's.
 */
export function startMachine(
  view: View,
  how: Attaching & { readonly header?: number },
  address = "10.1.2.107",
): Machine {
  const file = `/tmp/machine-${how.tap}`;
  const program = `${attach(how)}
mac, ip = bytes.fromhex("${MAC.replaceAll(":", "")}"), bytes(map(int, "${address}".split(".")))
print("attached", os.getpid(), flush=True)
while True:
  select.select([fd], [], [])
  whole = os.read(fd, 65535)
  head, frame = whole[:${how.header ?? 0}], whole[${how.header ?? 0}:]
  kind, body = frame[12:14], frame[14:]
  if kind == b"\\x08\\x06" and body[6:8] == b"\\0\\1" and body[24:28] == ip:
    reply = body[:6] + b"\\0\\2" + mac + ip + body[8:18]
  elif kind == b"\\x08\\0" and body[9] == 1 and body[16:20] == ip and body[20] == 8:
    total = (body[22] << 8 | body[23]) + 0x0800
    checksum = struct.pack("!H", (total & 0xffff) + (total >> 16))
    reply = body[:12] + body[16:20] + body[12:16] + b"\\0\\0" + checksum + body[24:]
  else: continue
  os.write(fd, bytes(len(head)) + frame[6:12] + mac + kind + reply)
`;
  view.sh(`
    rm -f ${file}
    python3 -c '${program}' </dev/null >${file} 2>&1 &
    echo $! >>${backgroundInBed}`);
  view.until(`test "$(wc -l <${file})" -gt 0`); // Python writes a line word by word
  const [, pid] = /^attached (\d+)$/m.exec(view.sh(`cat ${file}`)) ?? [];
  if (pid === undefined) throw new Error(`Cannot attach: ${view.sh(`cat ${file}`)}`);
  const ended = `! test -e /proc/${pid} || grep ") Z" /proc/${pid}/stat`;
  const untilGone = () => view.until(ended);
  const stop = () => {
    view.sh(`kill -9 ${pid}`);
    untilGone();
  };
  return { mac: MAC, address, stop, untilGone };
}
