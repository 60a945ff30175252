/** Connections to other machines on an event loop, by TCP. */

import { parseAddress } from "../ip/address.ts";
import type { EventLoop } from "./epoll.ts";
import { Failure } from "./failure.ts";
import { endpointText } from "./socket-address.ts";
import type { OpenStream, Stream, StreamEvents, StreamTarget } from "./stream.ts";
import { connectTcp } from "./tcp-connection.ts";

/** Opens connections on an event loop; nothing is told before the opener has its Stream. */
export function openStreams(loop: EventLoop): OpenStream {
  return (target, events) => open(loop, target, events);
}

function open(loop: EventLoop, target: StreamTarget, events: StreamEvents): Stream {
  const { host, port } = target;
  const address = parseAddress(host);
  if (address) return connectTcp(loop, { address, port }, events);
  const cause = new Failure(
    "unsupported",
    `Cannot connect to ${endpointText(host, port)}: it is no IP address`,
  );
  const cancel = loop.after(0, () => events.onEnd(cause));
  return { send: () => {}, close: cancel };
}
