/** Error numbers of the kernel, asm-generic/errno-base.h and errno.h, and what is thrown for them. */

import { Failure } from "./failure.ts";

/** The kernel's names of those that may come up. */
const names: { readonly [errno: number]: string } = {
  1: "EPERM",
  2: "ENOENT",
  3: "ESRCH",
  4: "EINTR",
  5: "EIO",
  6: "ENXIO",
  9: "EBADF",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  16: "EBUSY",
  17: "EEXIST",
  19: "ENODEV",
  20: "ENOTDIR",
  21: "EISDIR",
  22: "EINVAL",
  23: "ENFILE",
  24: "EMFILE",
  25: "ENOTTY",
  26: "ETXTBSY",
  27: "EFBIG",
  28: "ENOSPC",
  30: "EROFS",
  31: "EMLINK",
  32: "EPIPE",
  34: "ERANGE",
  36: "ENAMETOOLONG",
  38: "ENOSYS",
  40: "ELOOP",
  52: "EBADE",
  54: "EXFULL",
  61: "ENODATA",
  71: "EPROTO",
  74: "EBADMSG",
  75: "EOVERFLOW",
  85: "ERESTART",
  90: "EMSGSIZE",
  92: "ENOPROTOOPT",
  93: "EPROTONOSUPPORT",
  94: "ESOCKTNOSUPPORT",
  95: "EOPNOTSUPP",
  97: "EAFNOSUPPORT",
  98: "EADDRINUSE",
  99: "EADDRNOTAVAIL",
  100: "ENETDOWN",
  101: "ENETUNREACH",
  104: "ECONNRESET",
  105: "ENOBUFS",
  110: "ETIMEDOUT",
  111: "ECONNREFUSED",
  112: "EHOSTDOWN",
  113: "EHOSTUNREACH",
  122: "EDQUOT",
};

export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const ENXIO = 6;
export const EAGAIN = 11;
export const EACCES = 13;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const ENOTDIR = 20;
export const EISDIR = 21;
export const EINVAL = 22;
export const ENFILE = 23;
export const EMFILE = 24;
export const ENOTTY = 25;
export const ETXTBSY = 26;
export const EFBIG = 27;
export const EROFS = 30;
export const EPIPE = 32;
export const ENAMETOOLONG = 36;
export const ELOOP = 40;
export const EXFULL = 54;
export const EBADMSG = 74;
export const ERESTART = 85;
export const ENOPROTOOPT = 92;
export const EMSGSIZE = 90;
export const EPROTO = 71;
export const EPROTONOSUPPORT = 93;
export const EOPNOTSUPP = 95;
export const EAFNOSUPPORT = 97;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENETUNREACH = 101;
export const ECONNABORTED = 103;
export const ECONNRESET = 104;
export const ENOBUFS = 105;
export const ETIMEDOUT = 110;
export const ECONNREFUSED = 111;
export const EHOSTUNREACH = 113;
export const EINPROGRESS = 115;

/** The kernel's name for an error number, such as `ENOENT`. */
export function errnoName(errno: number): string {
  return names[errno] ?? `errno ${errno}`;
}

/** A system call that failed: what was tried (`open "/x"`), and the kernel's error number. */
export class SystemError extends Failure {
  readonly what: string;

  constructor(what: string, errno: number, settled = true) {
    super("system", `Cannot ${what}: ${errnoName(errno)}`, { errno, settled });
    this.name = "SystemError";
    this.what = what;
  }
}

/**
 * Turns the `-errno` convention of the host into a thrown SystemError: `verb` and the object, if
 * given, say what was tried (`open "/x"`).
 */
export function checked(result: number, verb: string, object?: string): number {
  if (result >= 0) return result;
  throw new SystemError(object === undefined ? verb : `${verb} "${object}"`, -result);
}

/** True if an error is the kernel's word that something is not there. */
export function isMissing(cause: unknown): boolean {
  return cause instanceof SystemError && cause.errno === ENOENT;
}
