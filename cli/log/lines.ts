/** Reading a log of any length, line by line, while others write to it. */

import * as host from "host";
import { checked, EINTR, ENOENT } from "../../lib/host/errno.ts";
import { Failure } from "../../lib/host/failure.ts";
import { closeFile, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } from "../../lib/host/file.ts";
import { descriptorStatus, isSameFile } from "../../lib/host/file-status.ts";

const CHUNK = 1 << 16;
/** A line that is longer is none of a log. */
const LONGEST = 1 << 20;

/** A file that is read to its present end, as often as one likes. */
export class LineReader {
  readonly fd: number;
  readonly #chunk = new Uint8Array(CHUNK);
  #rest = new Uint8Array(0);

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Hands over each whole line that is there by now; "" for one that is no text. */
  read(take: (line: string) => void): void {
    for (;;) {
      const length = host.read(this.fd, this.#chunk);
      if (length === -EINTR) continue;
      if (checked(length, "read the log") === 0) return;
      this.#split(joined(this.#rest, this.#chunk.subarray(0, length)), take);
    }
  }

  #split(bytes: Uint8Array, take: (line: string) => void): void {
    let begin = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, begin)) {
      take(host.decode(bytes.subarray(begin, end)) ?? "");
      begin = end + 1;
    }
    this.#rest = bytes.length - begin > LONGEST ? new Uint8Array(0) : bytes.slice(begin);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** Opens a log; undefined if there is none. Throws Failure, also if it is no regular file. */
export function openLog(path: string): LineReader | undefined {
  const fd = host.open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0);
  if (fd === -ENOENT) return undefined;
  checked(fd, "open", path);
  if (descriptorStatus(fd).isFile) return new LineReader(fd);
  closeFile(fd);
  throw new Failure("system", `Cannot read "${path}": it is no regular file`);
}

/** The former log before the present one, each as far as it is there; one that was just moved is one. */
export function openAll(path: string): readonly LineReader[] {
  const present = openLog(path);
  const former = openLog(`${path}.1`);
  if (!present || !former) return [former, present].filter((each) => each !== undefined);
  const isSame = isSameFile(descriptorStatus(former.fd), descriptorStatus(present.fd));
  return isSame ? [present] : [former, present];
}
