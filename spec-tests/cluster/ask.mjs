// Sends HTTP requests from inside a bed:
//
//   node ask.mjs FILE         those of a file
//   node ask.mjs --at SOCKET  those of whoever connects to a Unix socket, says them and says no more
//
// Said is { base, requests: [{ method, path, headers, body, turn }] }; told are their
// answers as JSON, [{ status, headers, body }], in the same order. Sixteen are under way at once; those of
// a later turn are sent once all of the turns before have been answered.
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";

const options = { keepAlive: true, maxSockets: 16, rejectUnauthorized: false };
const clients = {
  "http:": { request: http.request, agent: new http.Agent(options) },
  "https:": { request: https.request, agent: new https.Agent(options) },
};

function ask(base, { method = "GET", path, headers = {}, body }) {
  const { request: begin, agent } = clients[new URL(base).protocol];
  return new Promise((resolve, reject) => {
    const request = begin(`${base}${path}`, { agent, method, headers }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const { statusCode: status, headers } = response;
        resolve({ status, headers, body: `${Buffer.concat(chunks)}` });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function askAll(text) {
  const { base, requests } = JSON.parse(text);
  const answers = [];
  for (const turn of [...new Set(requests.map(({ turn = 0 }) => turn))].sort((a, b) => a - b)) {
    const some = [...requests.entries()].filter(([, { turn: own = 0 }]) => own === turn);
    await Promise.all(
      some.map(async ([i, request]) => {
        answers[i] = await ask(base, request);
      }),
    );
  }
  return JSON.stringify(answers);
}

function serve(path) {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const chunks = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", () => socket.destroy());
    socket.on("end", async () => {
      try {
        socket.end(await askAll(`${Buffer.concat(chunks)}`));
      } catch (error) {
        socket.end(JSON.stringify({ error: String(error) }));
      }
    });
  });
  server.listen(path);
}

const [from = "", path = ""] = process.argv.slice(2);
if (from === "--at") serve(path);
else {
  process.stdout.write(await askAll(readFileSync(from, "utf8")));
  for (const { agent } of Object.values(clients)) agent.destroy();
}
