/**
 * The module "host": the kernel as TypeScript sees it. Unless said otherwise each function is one
 * system call and returns its result, or -errno (process.c, file.c, mount.c, socket.c,
 * resolve.c, base64.c, digest.c, tls-host.c, host.c).
 */
declare module "host" {
  // The process
  export function args(): string[];
  export function environment(): string[];
  export function getenv(name: string): string | undefined;
  export function getuid(): number;
  export function getpid(): number;
  export function exit(status: number): never;
  /** Milliseconds of CLOCK_MONOTONIC. */
  export function monotonic(): number;
  /** Milliseconds of CLOCK_BOOTTIME, which goes on while the machine sleeps. */
  export function boottime(): number;
  /** Whole milliseconds of CLOCK_REALTIME, since 1970. */
  export function realtime(): number;
  /** A descriptor that can be read once a time of CLOCK_BOOTTIME has come (timerfd_create(2)). */
  export function timer(): number;
  /** Sets that time, in milliseconds; 0 stops the timer. */
  export function setTimer(fd: number, at: number): number;
  /** Keeps signals from ending the process; bit n of the mask is signal n. */
  export function blockSignals(mask: number): number;
  /** A descriptor that can be read once such a signal has come (signalfd(2)). */
  export function signalEvents(mask: number): number;
  /** How many descriptors this process may have (RLIMIT_NOFILE). */
  export function limitDescriptors(count: number): number;
  export function random(into: Uint8Array): number;

  // Files (O_CLOEXEC is always set)
  export function open(path: string, flags: number, mode: number): number;
  export function close(fd: number): number;
  export function read(fd: number, into: Uint8Array): number;
  export function write(fd: number, bytes: Uint8Array): number;
  /**
   * Reads the reservations in a directory of host-local's: files named by an IPv4 address, each with
   * its owner's name, and none older than `oldest`, in seconds. `bytes` is an empty page and a table of
   * at least `least` records; `others` are names of files that are something else, or could not be read.
   */
  export function readRecords(
    fd: number,
    oldest: number,
    least: number,
  ): number | { readonly count: number; readonly bytes: ArrayBuffer; readonly others: string[] };
  export function readAt(fd: number, into: Uint8Array, offset: number): number;
  export function writeAt(fd: number, bytes: Uint8Array, offset: number): number;
  export function seek(fd: number, offset: number): number;
  /** A descriptor that tells of changes in watched directories (inotify(7)). */
  export function fileEvents(flags: number): number;
  export function watch(fd: number, directory: string, mask: number): number;
  export function fsync(fd: number): number;
  export function truncate(fd: number, length: number): number;
  export function flock(fd: number, operation: number): number;
  /** With all bytes of the structure that the request takes: the kernel reads and may fill them. */
  export function ioctl(fd: number, request: number, structure: Uint8Array): number;
  export function ioctlNumber(fd: number, request: number, value: number): number;
  /** Fills device, inode, mode, size, mtime seconds, mtime nanoseconds, user, group, names: as there is room. */
  export function stat(path: string, into: Float64Array): number;
  export function lstat(path: string, into: Float64Array): number;
  export function readlink(path: string, into: Uint8Array): number;
  export function fstat(fd: number, into: Float64Array): number;
  /** The magic number of the file system (linux/magic.h) that holds the open file. */
  export function filesystemType(fd: number): number;
  export function access(path: string, mode: number): number;
  export function mkdir(path: string, mode: number): number;
  export function rename(from: string, to: string): number;
  export function link(from: string, to: string): number;
  /** Gives a file without a name (O_TMPFILE) its name; -EEXIST if the name is taken. */
  export function linkDescriptor(fd: number, path: string): number;
  export function setChangeTime(fd: number, seconds: number, nanoseconds: number): number;
  export function unlink(path: string): number;
  export function rmdir(path: string): number;
  /** getdents64: fills linux_dirent64 records, returns the bytes filled, 0 at the end. */
  export function directoryEntries(fd: number, into: Uint8Array): number;

  // Sockets
  export function socket(domain: number, type: number, protocol: number): number;
  export function bind(fd: number, address: Uint8Array): number;
  export function connect(fd: number, address: Uint8Array): number;
  export function listen(fd: number): number;
  export function accept(fd: number, flags: number): number;
  export function setOption(fd: number, level: number, name: number, value: number): number;
  /** Fills the value of an option of SOL_SOCKET. */
  export function socketOption(fd: number, into: Uint8Array, name: number): number;
  export function send(fd: number, bytes: Uint8Array): number;
  export function receive(fd: number, into: Uint8Array, flags: number): number;
  /** Waits until a descriptor can be read; returns a bit mask of those that can, 0 on time-out. */
  export function poll(fds: Int32Array, milliseconds: number): number;
  /** What a socket receives, as a classic BPF program: an array of struct sock_filter. */
  export function attachFilter(fd: number, program: Uint8Array): number;
  /**
   * Without waiting, a netlink message and the number of the namespace that it is of; -1 if it is of
   * the socket's own (NETLINK_LISTEN_ALL_NSID).
   */
  export function receiveOfNamespace(fd: number, into: Uint8Array, nsid: Int32Array): number;
  export function epoll(): number;
  export function epollControl(
    epoll: number,
    operation: number,
    fd: number,
    events: number,
  ): number;
  /** Fills a descriptor and its events for each that is ready, at most 64; returns how many. */
  export function epollWait(epoll: number, into: Int32Array, milliseconds: number): number;

  // Network namespaces: enter, make one thing, and be home again before this returns
  export function socketIn(netns: number, domain: number, type: number, protocol: number): number;
  /** What kind of namespace a descriptor holds: a CLONE_NEW* flag (ioctl_ns(2)). */
  export function namespaceType(fd: number): number;
  export function openIn(netns: number, path: string, flags: number): number;
  /** Leaves namespaces for new ones, for good, by CLONE_NEW* flags (unshare(2)). */
  export function unshare(flags: number): number;

  // Mounts of this process's mount namespace
  export function mount(
    source: string,
    target: string,
    type: string,
    flags: number,
    data: string,
  ): number;
  /** Sets and clears MOUNT_ATTR_* of a mount; with AT_RECURSIVE, of all below as well. */
  export function setMountAttributes(
    path: string,
    flags: number,
    set: number,
    clear: number,
  ): number;

  // Other programs
  /** Fills two descriptors: to read from and to write to. */
  export function pipe(into: Int32Array): number;
  export function memoryFile(): number;
  /** Starts a program in a process group of its own; `fds` are its 0, 1 and 2. Returns the pid. */
  export function spawn(path: string, args: string[], env: string[], fds: Int32Array): number;
  export function processHandle(pid: number): number;
  export function kill(pid: number, signal: number): number;
  /** The exit status of a child, or 256 + the signal that ended it. */
  export function wait(pid: number): number;

  // Text and code: no system calls
  /** UTF-8 bytes, or some of them, as text; undefined if they are not well-formed. */
  export function decode(bytes: Uint8Array, from?: number, to?: number): string | undefined;
  export function encode(text: string): Uint8Array;
  /** One byte for each character of a text, of which all are below 256. */
  export function bytesOf(text: string): Uint8Array<ArrayBuffer>;
  /** The SHA-512 of bytes, in 128 hexadecimal digits. */
  export function sha512(bytes: Uint8Array): string;
  /** The names of all commands in this image. */
  export function commands(): string[];
  /** The command whose name a file has, or else what it is a symbolic link to (readlink(2)). */
  export function commandAt(path: string): string | undefined;
  /** What a command of this image exports, or a cold module, which is read and run at first. */
  export function load(module: string): unknown;
  /** What only an agent needs. */
  export function agent(): AgentFunctions;

  interface AgentFunctions {
    /**
     * Starts a child that looks a name up; fills its pid and a descriptor that gives 4 or 16 and an
     * address, any number of times, and then 0 and why there are none (EAI_* without its sign).
     */
    resolve(name: string, into: Int32Array): number;
    /** The text that base64 with padding says; undefined if it is none, or not UTF-8. */
    textOfBase64(base64: string): string | undefined;
    /** The SHA-256 of a text, in 64 hexadecimal digits. */
    digestOfText(text: string): string;

    // TLS, by BearSSL: no system calls. Certificates are DER, one after the other
    /**
     * A connection's number, from 1 on; or why there is none: -1 no authority can be used, -2 the
     * client's certificate or -3 its key cannot be read, -4 they do not fit, -5 no memory. `now` is in
     * milliseconds since 1970; the name is "" if none is to be checked.
     */
    tlsOpen(
      authorities: Uint8Array,
      certificates: Uint8Array,
      key: Uint8Array,
      seed: Uint8Array,
      now: number,
      isUnverified: number,
      serverName: string,
    ): number;
    /** Takes records that came, as many bytes as it can: what is in them has to be read in between. */
    tlsGive(connection: number, records: Uint8Array): number;
    /** Gives records that are to be sent. */
    tlsTake(connection: number, into: Uint8Array): number;
    /** Takes what the other end is to read, as many bytes as there is room for. */
    tlsWrite(connection: number, bytes: Uint8Array): number;
    /** Gives what the other end has written. */
    tlsRead(connection: number, into: Uint8Array): number;
    /**
     * Takes records and gives what is in them, until all are taken or there is no room; fills how many
     * bytes of records it took, and returns how many it gave.
     */
    tlsPass(connection: number, records: Uint8Array, into: Uint8Array, taken: Int32Array): number;
    /** Gives the certificates that the other end has shown, its own first, until tlsSettle. */
    tlsShown(connection: number, into: Uint8Array): number;
    /**
     * Fills BR_SSL_* flags, the last error BR_ERR_*, whether we were asked for a certificate, and how
     * many authorities are of a kind that is not supported.
     */
    tlsState(connection: number, into: Int32Array): number;
    /** Gives back the memory that was needed to verify the other end. */
    tlsSettle(connection: number): number;
    /** Says that no more will be written (close_notify). */
    tlsEnd(connection: number): number;
    tlsFree(connection: number): number;
  }
}
