// @ts-check
// A real etcd with a network of so many hosts in it.
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { work } from "../machine.mjs";
import { hostOf, STORES } from "./hosts.mjs";
import { client, each } from "./http.mjs";

/** @typedef {import("./hosts.mjs").Kind} Kind */

/** A port that no etcd of this run has had: one that is killed may still have its own. */
let lastPort = 2379;
export const nextPort = () => (lastPort += 10);

const PREFIX = "/bench.weft/network";
const base64 = (/** @type {string} */ text) => Buffer.from(text).toString("base64");

/** @param {number} port */
function start(port) {
  const url = `http://${STORES}:${port}`;
  const peers = `http://127.0.0.1:${port + 1}`;
  const data = mkdtempSync(`${work}/etcd-`);
  const words = [
    ...["--data-dir", data, "--logger", "zap", "--log-level", "error", "--unsafe-no-fsync"],
    ...["--listen-client-urls", url, "--advertise-client-urls", url],
    ...["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers],
    ...["--name", "one", "--initial-cluster", `one=${peers}`],
  ];
  const child = spawn("etcd", words, { stdio: "ignore" });
  return { url, stop: () => child.kill("SIGKILL") };
}

/**
 * Starts one, for whatever it is.
 * @param {number} port
 */
export async function startEtcd(port) {
  const { url, stop } = start(port);
  const { send } = client({ base: url });
  for (let i = 0; i < 500; i++) {
    try {
      await send({ path: "/v3/kv/range", body: { key: base64("x") } });
      return { url, stop, send };
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error("Cannot measure: etcd does not answer");
}

/**
 * One with a network of `count` hosts that are not there.
 * @param {number} count
 */
export async function etcdStore(count) {
  const { url, stop, send } = await startEtcd(nextPort());
  const put = (/** @type {string} */ key, /** @type {string} */ value, lease = "0") =>
    send({ path: "/v3/kv/put", body: { key: base64(key), value: base64(value), lease } });
  const network = {
    Network: "10.0.0.0/8",
    SubnetLen: 24,
    SubnetMin: "10.200.0.0",
    Backend: { Type: "vxlan" },
  };
  await put(`${PREFIX}/config`, JSON.stringify(network));
  /** @type {string[]} */
  const leases = [];
  const write = async (/** @type {number} */ i, generation = 0) => {
    const { subnet, publicIP, mac } = hostOf(i, generation);
    const value = {
      PublicIP: publicIP,
      PublicIPv6: null,
      BackendType: "vxlan",
      BackendData: { VNI: 1, VtepMAC: mac },
    };
    const key = `${PREFIX}/subnets/${subnet.replace("/", "-")}`;
    await put(key, JSON.stringify(value), leases[i]);
  };
  const indexes = Array.from({ length: count }, (_, i) => i);
  await each(indexes, async (i) => {
    const { ID } = await send({ path: "/v3/lease/grant", body: { TTL: "86400" } });
    leases[i] = ID;
    await write(i);
  });
  return {
    name: "etcd",
    count,
    /** Changes what is known of a host: its hardware address is another one. */
    change: write,
    /** The words that both programs take. */
    words: () => [`--etcd-endpoints=${url}`, `--etcd-prefix=${PREFIX}`],
    variables: () => ({}),
    stop,
  };
}
