// A program in the place of a store, which answers every request in one bad way:
//   node bad-server.mjs ADDRESS PORT WAY
// Each connection on which it has answered is a line when it is over.
import { createServer } from "node:net";

const [address = "", port = "", way = ""] = process.argv.slice(2);
const head = (/** @type {string} */ more) =>
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${more}\r\n\r\n`;
const chunk = (/** @type {string} */ text) => `${text.length.toString(16)}\r\n${text}\r\n`;
const padding = "x".repeat(65_000);
/** One more Node, or key, each with a name that was not there before. */
const item = (/** @type {number} */ i) => `${i === 0 ? "" : ","}{"metadata":{"name":"n${i}"}}`;

/** How each way begins, and what comes then for ever, or until as many bytes are sent. */
const ways = {
  "no HTTP": { begin: "220 mail.example.com ESMTP\r\n" },
  "no JSON": { begin: `${head("Content-Length: 5")}<br/>` },
  "JSON that is something else": { begin: `${head("Content-Length: 9")}[1,"two"]` },
  "cut off": { begin: `${head("Content-Length: 500")}{"kind":"NodeList","items":[` },
  "100 MB": {
    begin: `${head("Content-Length: 104857600")}{"kind":"`,
    more: () => padding,
    most: 104_857_600,
  },
  "endless chunks": {
    begin: `${head("Transfer-Encoding: chunked")}${chunk('{"kind":"')}`,
    more: () => chunk(padding),
  },
  "endless Nodes": {
    begin: `${head("Transfer-Encoding: chunked")}${chunk('{"kind":"NodeList","items":[')}`,
    more: (/** @type {number} */ i) => chunk(item(i)),
  },
  "no end of a head": { begin: "HTTP/1.1 200 OK\r\nX: ", more: () => padding },
};

const {
  begin,
  more,
  most = Number.POSITIVE_INFINITY,
} = /** @type {Record<string, {
  begin: string, more?: (i: number) => string, most?: number }>} */ (ways)[way] ?? { begin: "" };

createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.once("data", () => {
    socket.on("close", () => process.stdout.write("over\n"));
    socket.write(begin);
    if (!more) {
      socket.end();
      return;
    }
    let [sent, count] = [0, 0];
    const goOn = () => {
      while (!socket.destroyed && sent < most) {
        const text = more(count++);
        sent += text.length;
        if (!socket.write(text)) return;
      }
    };
    socket.on("drain", goOn);
    goOn();
  });
}).listen(Number(port), address);
