/** TCP sockets that never wait (tcp(7)), and the words for what may happen to them. */

import * as host from "host";
import {
  checked,
  EADDRINUSE,
  EADDRNOTAVAIL,
  ECONNREFUSED,
  ECONNRESET,
  EHOSTUNREACH,
  EMFILE,
  ENETUNREACH,
  ENFILE,
  EPIPE,
  ETIMEDOUT,
  errnoName,
} from "./errno.ts";
import { Failure } from "./failure.ts";
import { closeFile } from "./file.ts";
import { type Endpoint, formatEndpoint, socketAddress, socketFamily } from "./socket-address.ts";
import { SOCK_NONBLOCK } from "./unix-socket.ts";

const SOCK_STREAM = 1;
/** asm-generic/socket.h */
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ERROR = 4;
const SO_KEEPALIVE = 9;
/** linux/tcp.h */
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const TCP_USER_TIMEOUT = 18;

/** A machine that does not answer the kernel any more is noticed after this long, in seconds. */
const SILENCE = { idle: 15, interval: 5, count: 3 };

/** Opens a socket for an endpoint; throws SystemError. */
export function openTcpSocket(endpoint: Endpoint): number {
  return checked(
    host.socket(socketFamily(endpoint), SOCK_STREAM | SOCK_NONBLOCK, 0),
    "open a TCP socket",
  );
}

/** Sends what is small at once, and notices when the other machine is gone. */
export function tendConnection(fd: number): void {
  const { idle, interval, count } = SILENCE;
  host.setOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  host.setOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
  host.setOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
  host.setOption(fd, IPPROTO_TCP, TCP_KEEPCNT, count);
  host.setOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (idle + interval * count) * 1000);
  host.setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

/** The error number of what a socket was last asked for; 0 if it went well. */
export function socketError(fd: number): number {
  const errno = new Int32Array(1);
  const outcome = host.socketOption(fd, new Uint8Array(errno.buffer), SO_ERROR);
  return outcome < 0 ? -outcome : (errno[0] ?? 0);
}

/** Listens at an endpoint and returns the descriptor; throws Failure. */
export function listenAtEndpoint(endpoint: Endpoint): number {
  const fd = openTcpSocket(endpoint);
  host.setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  const bound = host.bind(fd, socketAddress(endpoint));
  const outcome = bound < 0 ? bound : host.listen(fd);
  if (outcome >= 0) return fd;
  closeFile(fd);
  throw networkFailure("listen at", formatEndpoint(endpoint), -outcome);
}

const states: { readonly [errno: number]: string } = {
  [EADDRINUSE]: "another program listens there already",
  [EADDRNOTAVAIL]: "this host does not have the address",
  [ECONNREFUSED]: "connection refused, nothing listens there",
  [ECONNRESET]: "the other end reset the connection",
  [EHOSTUNREACH]: "no route to it, or no machine has the address",
  [EMFILE]: "this process has too many open files",
  [ENETUNREACH]: "no route to its network",
  [ENFILE]: "this machine has too many open files",
  [EPIPE]: "the other end closed the connection",
  [ETIMEDOUT]: "it does not answer",
};

/** `Cannot connect to 192.0.2.1:80: connection refused`: what was tried, with whom, and why not. */
export function networkFailure(verb: string, endpoint: string, errno: number): Failure {
  const state = states[errno] ?? errnoName(errno);
  return new Failure("system", `Cannot ${verb} ${endpoint}: ${state}`, { errno });
}
