// Sends HTTP requests from inside a bed:  node ask.mjs FILE
// The file has { base, requests: [{ method, path, headers, body, turn }] }; printed are their
// answers as JSON, [{ status, headers, body }], in the same order. Sixteen are under way at once; those of
// a later turn are sent once all of the turns before have been answered.
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";

const { base, requests } = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
const client = base.startsWith("https:") ? https : http;
const agent = new client.Agent({ keepAlive: true, maxSockets: 16, rejectUnauthorized: false });

function ask({ method = "GET", path, headers = {}, body }) {
  return new Promise((resolve, reject) => {
    const request = client.request(`${base}${path}`, { agent, method, headers }, (response) => {
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

const answers = [];
for (const turn of [...new Set(requests.map(({ turn = 0 }) => turn))].sort((a, b) => a - b)) {
  const some = [...requests.entries()].filter(([, { turn: own = 0 }]) => own === turn);
  await Promise.all(
    some.map(async ([i, request]) => {
      answers[i] = await ask(request);
    }),
  );
}
process.stdout.write(JSON.stringify(answers));
agent.destroy();
