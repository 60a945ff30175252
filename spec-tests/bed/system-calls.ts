/** The system calls of a run, as strace tells them. */

/** One system call of a run: which, and the how many-th of its name. */
export interface SystemCall {
  readonly name: string;
  readonly nth: number;
  /** True if it changes nothing but its own process. */
  readonly isPrivate: boolean;
}

/** How a process begins, which is not the executable's own doing. */
export const isOfProcess = /^(execve|arch_prctl|set_tid_address)$/;

const memory = "mmap|munmap|mprotect|mremap|madvise|brk|rt_sigaction|rt_sigprocmask";
const reading = "read|pread64|stat|lstat|fstat|newfstatat|statfs|fstatfs|access|getdents64|lseek";
const looking = "getrandom|getpid|getuid|clock_gettime|poll|recvfrom";
const descriptors = "socket|setsockopt|setns|dup2|pipe2|memfd_create|pidfd_open";
const isPrivate = new RegExp(`^(${[memory, reading, looking, descriptors].join("|")})\\(`);

function changesNothing(line: string): boolean {
  if (/^open(at)?\(/.test(line)) return !/O_CREAT|O_TRUNC|O_TMPFILE/.test(line);
  return isPrivate.test(line) || /^ioctl\(.*NS_GET_NSTYPE/.test(line);
}

/**
 * A call that the kernel itself begins anew, which the process never learns of: a write to
 * `forwarding` gives way to whoever has the lock of all links, as often as there is somebody.
 */
const isRestarted = / = \? ERESTART/;

/** Reads what `strace -o` has written. */
export function systemCalls(trace: string): readonly SystemCall[] {
  const seen = new Map<string, number>();
  return trace.split("\n").flatMap((text) => {
    const line = text.replace(/^\d+ +/, "");
    const [, name] = /^([a-z0-9_]+)\(/.exec(line) ?? [];
    if (name === undefined || isRestarted.test(line)) return [];
    const nth = (seen.get(name) ?? 0) + 1;
    seen.set(name, nth);
    return [{ name, nth, isPrivate: changesNothing(line) }];
  });
}
