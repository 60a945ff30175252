/** A TCP server on an event loop, for few who ask little: health and metrics. */

import { EPOLLIN, type EventLoop } from "./epoll.ts";
import { Failure } from "./failure.ts";
import { closeFile } from "./file.ts";
import { type Endpoint, formatEndpoint } from "./socket-address.ts";
import type { Stream, StreamEvents } from "./stream.ts";
import { TcpConnection } from "./tcp-connection.ts";
import { listenAtEndpoint } from "./tcp-socket.ts";
import { acceptConnection } from "./unix-listener.ts";

/** So many connections are open at a time; more are closed at once. */
const MOST_CONNECTIONS = 64;
/** Where none can be accepted, for want of descriptors say, it is tried again after this, in ms. */
const PAUSE = 1_000;

/** A connection that somebody has made to us. */
export interface AcceptedStream extends Stream {
  /** Closes it once all that was sent is on its way; what still comes is not told. */
  finish(): void;
}

/** Is told of a new connection, and says who listens to it. */
export type Serve = (stream: AcceptedStream) => Pick<StreamEvents, "onData" | "onEnd">;

/** Listens at an endpoint until the function that it returns is called. Throws Failure. */
export function listenTcp(loop: EventLoop, endpoint: Endpoint, serve: Serve): () => void {
  const fd = listenAtEndpoint(endpoint);
  const peer = `a client of ${formatEndpoint(endpoint)}`;
  const open = new Set<TcpConnection>();
  const accept = (accepted: number) => {
    if (open.size >= MOST_CONNECTIONS) return closeFile(accepted);
    const connection: TcpConnection = new TcpConnection(
      loop,
      { fd: accepted, peer },
      {
        onData: (bytes) => listener.onData(bytes),
        onEnd: (cause) => listener.onEnd(cause),
        onClosed: () => open.delete(connection),
      },
    );
    open.add(connection);
    const listener = serve(connection);
    connection.start();
  };
  let resume = () => {};
  const watch = () => loop.watch(fd, EPOLLIN, acceptNext);
  const acceptNext = () => {
    try {
      const accepted = acceptConnection(fd);
      if (accepted !== undefined) accept(accepted);
    } catch (cause) {
      if (!(cause instanceof Failure)) throw cause;
      loop.watch(fd, 0, () => {});
      resume = loop.after(PAUSE, watch);
    }
  };
  watch();
  return () => {
    resume();
    loop.close(fd);
    for (const connection of open) connection.close();
  };
}
