// @ts-check
// As much of a CRI client as the benchmark and the tests of runtimes need: some calls of
// runtime.v1.RuntimeService, as gRPC over HTTP/2 and a socket of the file system. Their few fields are
// written and read by number (api.proto of k8s.io/cri-api), so no code generator and no gRPC library
// is needed.
import { connect as connectHttp2, constants } from "node:http2";
import { connect as connectSocket } from "node:net";

/**
 * A field of a message: its number, and a number, a text or a message.
 * @typedef {readonly [number, number | string | Buffer]} Field
 * @typedef {{ readonly name: string, readonly hostPort?: number, readonly cgroup: string,
 *   readonly annotations?: Readonly<Record<string, string>> }} Pod `hostPort` leads to its port 80
 * @typedef {ReadonlyMap<number, readonly (number | Buffer)[]>} Message the values of each field
 */

/** A runtime that answers at a socket. */
export class CriClient {
  /** @param {string} socket */
  constructor(socket) {
    this.session = connectHttp2("http://localhost", {
      createConnection: () => connectSocket(socket),
    });
    this.session.on("error", () => undefined); // each call tells its own
  }

  close() {
    this.session.close();
  }

  /** The runtime's name and version; fails while it is not ready to answer. */
  async version() {
    const answer = parse(await this.#call("Version", message([])));
    return `${text(answer, 2)} ${text(answer, 3)}`;
  }

  /**
   * Makes a pod's sandbox with its network and returns its ID.
   * @param {Pod} pod
   */
  async runPod({ name, hostPort, cgroup, annotations = {} }) {
    const metadata = message([
      [1, name],
      [2, name],
      [3, "bench"],
    ]);
    /** @type {readonly Field[]} */
    const ports =
      hostPort === undefined
        ? []
        : [
            [
              5,
              message([
                [2, 80],
                [3, hostPort],
              ]),
            ],
          ];
    /** @type {readonly Field[]} */
    const notes = Object.entries(annotations).map(([key, value]) => [
      7,
      message([
        [1, key],
        [2, value],
      ]),
    ]);
    const linux = message([[1, cgroup]]);
    const config = message([[1, metadata], [2, name], ...ports, ...notes, [8, linux]]);
    return text(parse(await this.#call("RunPodSandbox", message([[1, config]]))), 1);
  }

  /**
   * The address of a pod.
   * @param {string} id
   */
  async addressOf(id) {
    const answer = parse(await this.#call("PodSandboxStatus", message([[1, id]])));
    return text(inner(inner(answer, 1), 5), 1);
  }

  /** The IDs of all pods' sandboxes, whatever their state. */
  async pods() {
    const answer = parse(await this.#call("ListPodSandbox", message([])));
    return (answer.get(1) ?? []).map((each) => text(parse(bytesOf(each)), 1));
  }

  /** Whether the runtime says that its network is ready, and why not. */
  async network() {
    const status = inner(parse(await this.#call("Status", message([]))), 1);
    const conditions = (status.get(1) ?? []).map((each) => parse(bytesOf(each)));
    const network = conditions.find((each) => text(each, 1) === "NetworkReady") ?? new Map();
    return { isReady: network.get(2)?.[0] === 1, reason: text(network, 4) };
  }

  /**
   * Stops a pod's sandbox, which takes its network away.
   * @param {string} id
   */
  async stopPod(id) {
    await this.#call("StopPodSandbox", message([[1, id]]));
  }

  /**
   * Removes a pod's sandbox that is stopped; one that is removed already stays so.
   * @param {string} id
   */
  async deletePod(id) {
    await this.#call("RemovePodSandbox", message([[1, id]]));
  }

  /**
   * Stops a pod's sandbox and removes it.
   * @param {string} id
   */
  async removePod(id) {
    await this.stopPod(id);
    await this.deletePod(id);
  }

  /**
   * @param {string} method
   * @param {Buffer} request
   * @returns {Promise<Buffer>}
   */
  #call(method, request) {
    return new Promise((resolve, reject) => {
      const stream = this.session.request({
        [constants.HTTP2_HEADER_METHOD]: "POST",
        [constants.HTTP2_HEADER_PATH]: `/runtime.v1.RuntimeService/${method}`,
        [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
        [constants.HTTP2_HEADER_TE]: "trailers",
      });
      /** @type {Buffer[]} */
      const chunks = [];
      let status = "no status";
      let words = "";
      const read = (/** @type {import("node:http2").IncomingHttpHeaders} */ headers) => {
        if (headers["grpc-status"] === undefined) return;
        status = String(headers["grpc-status"]);
        words = decodeURIComponent(String(headers["grpc-message"] ?? ""));
      };
      stream.on("response", read);
      stream.on("trailers", read);
      stream.on("data", (chunk) => chunks.push(chunk));
      stream.on("error", reject);
      stream.on("close", () => {
        if (status === "0") resolve(Buffer.concat(chunks).subarray(FRAME));
        else reject(new Error(`Cannot do ${method}: status ${status}, ${words}`));
      });
      const frame = Buffer.alloc(FRAME);
      frame.writeUInt32BE(request.length, 1);
      stream.end(Buffer.concat([frame, request]));
    });
  }
}

/** What is before a message: whether it is compressed, and its length. */
const FRAME = 5;

/**
 * A message of protocol buffers.
 * @param {readonly Field[]} fields
 */
function message(fields) {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      if (typeof value === "number") return [varint(number << 3), varint(value)];
      const bytes = Buffer.from(value);
      return [varint((number << 3) | 2), varint(bytes.length), bytes];
    }),
  );
}

/** @param {number} value */
function varint(value) {
  const bytes = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

/**
 * The values of a message's fields, by number: numbers, and texts or messages as bytes.
 * @param {Buffer} bytes
 * @returns {Message}
 */
function parse(bytes) {
  /** @type {Map<number, (number | Buffer)[]>} */
  const fields = new Map();
  let at = 0;
  const number = () => {
    for (let value = 0, factor = 1; ; factor *= 0x80) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const key = number();
    if ((key & 7) !== 0 && (key & 7) !== 2) throw new Error("Cannot read an answer of the runtime");
    const value = number();
    const isNumber = (key & 7) === 0;
    const old = fields.get(key >> 3) ?? [];
    fields.set(key >> 3, [...old, isNumber ? value : bytes.subarray(at, at + value)]);
    if (!isNumber) at += value;
  }
  return fields;
}

/** @param {number | Buffer | undefined} value */
function bytesOf(value) {
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}

/** @param {Message} fields @param {number} number */
function inner(fields, number) {
  return parse(bytesOf(fields.get(number)?.[0]));
}

/** @param {Message} fields @param {number} number */
function text(fields, number) {
  return bytesOf(fields.get(number)?.[0]).toString("utf8");
}
