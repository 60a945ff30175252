// @ts-check
// As much of a CRI client as the benchmark needs: three calls of runtime.v1.RuntimeService, as gRPC
// over HTTP/2 and a socket of the file system. Their few fields are written by number (api.proto of
// k8s.io/cri-api), so no code generator and no gRPC library is needed.
import { connect as connectHttp2, constants } from "node:http2";
import { connect as connectSocket } from "node:net";

/**
 * A field of a message: its number, and a number, a text or a message.
 * @typedef {readonly [number, number | string | Buffer]} Field
 * @typedef {{ readonly name: string, readonly hostPort: number, readonly cgroup: string }} Pod
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
    return `${answer.get(2)} ${answer.get(3)}`;
  }

  /**
   * Makes a pod's sandbox with its network and returns its ID.
   * @param {Pod} pod
   */
  async runPod({ name, hostPort, cgroup }) {
    const metadata = message([
      [1, name],
      [2, name],
      [3, "bench"],
    ]);
    const port = message([
      [2, 80],
      [3, hostPort],
    ]);
    const linux = message([[1, cgroup]]);
    const config = message([
      [1, metadata],
      [2, name],
      [5, port],
      [8, linux],
    ]);
    return parse(await this.#call("RunPodSandbox", message([[1, config]]))).get(1) ?? "";
  }

  /**
   * Stops a pod's sandbox, which takes its network away, and removes it.
   * @param {string} id
   */
  async removePod(id) {
    await this.#call("StopPodSandbox", message([[1, id]]));
    await this.#call("RemovePodSandbox", message([[1, id]]));
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
      let text = "";
      const read = (/** @type {import("node:http2").IncomingHttpHeaders} */ headers) => {
        if (headers["grpc-status"] === undefined) return;
        status = String(headers["grpc-status"]);
        text = decodeURIComponent(String(headers["grpc-message"] ?? ""));
      };
      stream.on("response", read);
      stream.on("trailers", read);
      stream.on("data", (chunk) => chunks.push(chunk));
      stream.on("error", reject);
      stream.on("close", () => {
        if (status === "0") resolve(Buffer.concat(chunks).subarray(FRAME));
        else reject(new Error(`Cannot do ${method}: status ${status}, ${text}`));
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
 * The texts in a message, by number; answers that are read here have nothing else.
 * @param {Buffer} bytes
 */
function parse(bytes) {
  /** @type {Map<number, string>} */
  const texts = new Map();
  for (let at = 0; at < bytes.length; ) {
    const [key, length] = [bytes[at] ?? 0, bytes[at + 1] ?? 0];
    if ((key & 7) !== 2 || length >= 0x80) throw new Error("Cannot read an answer of the runtime");
    texts.set(key >> 3, bytes.toString("utf8", at + 2, at + 2 + length));
    at += 2 + length;
  }
  return texts;
}
