// Sends HTTP requests from inside a bed:  node ask.mjs FILE
// The file has { base, requests: [{ method, path, headers, body }] }; printed are their
// answers as JSON, [{ status, headers, body }], in the same order. Sixteen are under way at once.
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

process.stdout.write(JSON.stringify(await Promise.all(requests.map(ask))));
agent.destroy();
