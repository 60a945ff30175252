// @ts-check
// Many HTTP requests at once, to a store.
import http from "node:http";
import https from "node:https";

/**
 * @typedef {{
 *   readonly method?: string,
 *   readonly path: string,
 *   readonly body?: unknown,
 *   readonly type?: string,
 * }} Ask
 * A server, and how it is asked.
 * @typedef {{ readonly base: string, readonly ca?: string, readonly headers?: Readonly<Record<string, string>> }} Server
 */

/**
 * A client that sends up to so many requests at once.
 * @param {Server} server
 * @param {number} width
 */
export function client({ base, ca, headers = {} }, width = 16) {
  const module = base.startsWith("https:") ? https : http;
  const agent = new module.Agent({ keepAlive: true, maxSockets: width, ...(ca ? { ca } : {}) });

  /**
   * @param {Ask} ask
   * @returns {Promise<any>}
   */
  const send = ({ method = "POST", path, body, type = "application/json" }) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? "" : JSON.stringify(body);
      const request = module.request(
        `${base}${path}`,
        { agent, method, headers: { ...headers, "Content-Type": type } },
        (response) => {
          /** @type {Buffer[]} */
          const chunks = [];
          response.on("data", (chunk) => chunks.push(chunk));
          response.on("end", () => {
            const said = `${Buffer.concat(chunks)}`;
            if ((response.statusCode ?? 0) < 300)
              resolve(/^\s*\{/.test(said) ? JSON.parse(said) : {});
            else
              reject(new Error(`${method} ${path}: ${response.statusCode} ${said.slice(0, 500)}`));
          });
        },
      );
      request.on("error", reject);
      request.end(text);
    });
  return { send, close: () => agent.destroy() };
}

/**
 * Does something for each of a list, so many at once.
 * @template T
 * @param {readonly T[]} list
 * @param {(item: T, i: number) => Promise<unknown>} act
 * @param {number} width
 */
export async function each(list, act, width = 16) {
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < list.length; i = next++) await act(/** @type {T} */ (list[i]), i);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
