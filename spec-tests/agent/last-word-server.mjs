// In the place of etcd, over TLS: a transaction succeeds, and the answer comes in one segment of TCP with
// the end of TLS (close_notify):
//   node last-word-server.mjs ADDRESS PORT CERTIFICATE KEY
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

const [address = "", port = "", cert = "", key = ""] = process.argv.slice(2);
const credentials = { cert: readFileSync(cert), key: readFileSync(key) };
const body = '{"succeeded":true}';
const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

createServer((socket) => {
  /** @type {Buffer[]} */
  const kept = [];
  let isKeeping = false;
  const wire = new Duplex({
    read: () => {},
    write(bytes, _, done) {
      if (isKeeping) kept.push(bytes);
      else socket.write(bytes);
      done();
    },
    final(done) {
      socket.end(Buffer.concat(kept));
      done();
    },
  });
  socket.on("data", (bytes) => wire.push(bytes));
  socket.on("error", () => socket.destroy());
  const tls = new TLSSocket(wire, { isServer: true, ...credentials });
  tls.on("error", () => socket.destroy());
  tls.once("data", () => {
    isKeeping = true;
    tls.end(answer);
  });
}).listen(Number(port), address);
