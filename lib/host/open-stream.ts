/** Connections to other machines on an event loop: by TCP, and by TLS over it. */

import { type IpAddress, parseAddress } from "../ip/address.ts";
import type { Cancel } from "./clock.ts";
import type { EventLoop } from "./epoll.ts";
import { Failure } from "./failure.ts";
import { resolveName } from "./resolver.ts";
import { endpointText } from "./socket-address.ts";
import type { OpenStream, Stream, StreamEvents, StreamTarget, TlsTarget } from "./stream.ts";
import { connectTcp } from "./tcp-connection.ts";
import { TlsStream } from "./tls/tls-stream.ts";

/** Opens connections on an event loop; nothing is told before the opener has its Stream. */
export function openStreams(loop: EventLoop): OpenStream {
  return (target, events) =>
    target.tls
      ? openSecure(loop, { ...target, tls: target.tls }, events)
      : dial(loop, target, events);
}

function openSecure(
  loop: EventLoop,
  destination: StreamTarget & { readonly tls: TlsTarget },
  events: StreamEvents,
): Stream {
  const { host, port, tls } = destination;
  const peer = endpointText(host, port);
  const name = tls.serverName ?? host;
  try {
    const stream = new TlsStream({ clock: loop, target: tls, name, peer }, events);
    return stream.over(dial(loop, destination, stream));
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
    const words = `Cannot connect by TLS to ${peer}: ${cause.message.replace("Cannot", "cannot")}`;
    const cancel = loop.after(0, () => events.onEnd(new Failure(cause.kind, words)));
    return { send: () => {}, close: cancel };
  }
}

/** Connects to a name or an address. */
function dial(loop: EventLoop, { host, port }: StreamTarget, events: StreamEvents): Stream {
  const address = parseAddress(host);
  if (address) return connectTcp(loop, { address, port }, events);
  const attempts = new Attempts(loop, port, events);
  attempts.start(host);
  return attempts;
}

/** Connects to the first of a name's addresses that can be connected to. */
class Attempts implements Stream {
  readonly #loop: EventLoop;
  readonly #port: number;
  readonly #events: StreamEvents;
  readonly #early: Uint8Array[] = [];
  #stream: Stream | undefined;
  #stop: Cancel = () => {};

  constructor(loop: EventLoop, port: number, events: StreamEvents) {
    this.#loop = loop;
    this.#port = port;
    this.#events = events;
  }

  start(name: string): void {
    this.#stop = resolveName(this.#loop, name, (found) => {
      if (found instanceof Failure) this.#events.onEnd(found);
      else this.#try(found);
    });
  }

  send(bytes: Uint8Array): void {
    if (this.#stream) this.#stream.send(bytes);
    else this.#early.push(bytes);
  }

  close(): void {
    this.#stop();
  }

  #try([address = new Uint8Array(4), ...others]: readonly IpAddress[]): void {
    const attempt = connectTcp(
      this.#loop,
      { address, port: this.#port },
      {
        onOpen: () => {
          this.#stream = attempt;
          for (const bytes of this.#early) attempt.send(bytes);
          this.#events.onOpen();
        },
        onData: (bytes) => this.#events.onData(bytes),
        onEnd: (cause) => {
          if (this.#stream || others.length === 0) this.#events.onEnd(cause);
          else this.#try(others);
        },
      },
    );
    this.#stop = () => attempt.close();
  }
}
