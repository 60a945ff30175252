// @ts-check
// Measures who enforces network policies beside each other: the agent, and kube-network-policies, each on a
// host of its own, with one API server that has 1,000 policies and 5,000 pods. `make bench-policy` runs it if both are built.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import {
  makeHost,
  makeUnderlay,
  peakOf,
  processorTime,
  STORES,
  startOn,
} from "./cluster/hosts.mjs";
import { hasApiServer, kubeconfigOf, startApiServer } from "./cluster/kubernetes.mjs";
import { describeMachine, enterPrivateMachine, keepResults, root, run, work } from "./machine.mjs";
import { quantile } from "./measure.mjs";
import { CLIENT, fill, NODE, SERVER } from "./policy-beside-objects.mjs";
import { cluster } from "./policy-cluster.mjs";

/**
 * @typedef {import("./cluster/hosts.mjs").Host} Host
 * @typedef {{ readonly pid: number, readonly said: () => string }} Program
 * @typedef {{ readonly name: string, readonly host: Host, readonly program: Program,
 *   readonly probe: ReturnType<typeof startProbe>, readonly opened: number[], readonly connected: number[], readonly first: number,
 *   connecting: number, changing: number }} Side
 */

const isQuick = process.argv.includes("--quick");
const SIZE = isQuick
  ? { pods: 500, here: 50, policies: 100 }
  : { pods: 5000, here: 200, policies: 1000 };
const ROUNDS = isQuick ? 2 : 9;
const CONNECTIONS = isQuick ? 100 : 500;
const CHANGES = isQuick ? 20 : 200;
const [TCP, UDP] = [9000, 9001];
const peer = `${root}/.cache/kubernetes/1.34.4/kube-network-policies`;

async function main() {
  if (!existsSync(peer) || !hasApiServer()) {
    console.log("Not beside kube-network-policies: `make kubernetes-tools` builds it");
    return;
  }
  enterPrivateMachine({ withProcesses: true });
  makeUnderlay();
  const all = cluster(SIZE);
  const server = await startApiServer({
    prepare: (etcd) => fill(etcd, all),
    more: ["--disable-admission-plugins=ServiceAccount"],
  });
  const sides = [];
  for (const [i, start] of [startAgent, startPeer].entries())
    sides.push(await startSide(i + 1, start, server));
  for (let round = 0; round < ROUNDS; round++)
    for (const side of round % 2 ? [...sides].reverse() : sides) await measure(side, server);
  await changeOthers(sides, server, all.pods);
  const results = { machine: describeMachine(), size: SIZE, sides: sides.map(figures) };
  console.log(JSON.stringify(results, null, 2));
  if (!isQuick) keepResults("policy-beside-results", results);
  process.exit(0);
}

/** @typedef {Awaited<ReturnType<typeof startApiServer>>} Server */

/**
 * A host with two pods, and what enforces policies on it, once it has nothing more to do.
 * @param {number} number
 * @param {(host: Host, server: Server) => { name: string, program: Program }} start
 * @param {Server} server
 * @returns {Promise<Side>}
 */
async function startSide(number, start, server) {
  const host = makeHost("weft", number);
  for (const [i, ip] of [CLIENT, SERVER].entries()) addPod(host, i, ip);
  run("ip", ["netns", "exec", host.name, "sysctl", "-qw", "net.ipv4.ip_forward=1"]);
  serve(`${host.name}-1`);
  const { name, program } = start(host, server);
  const first = await rest(program);
  const probe = startProbe(`${host.name}-0`);
  return {
    name,
    host,
    program,
    probe,
    first,
    opened: [],
    connected: [],
    connecting: 0,
    changing: 0,
  };
}

/** @param {Host} host @param {number} i @param {string} ip */
function addPod({ name }, i, ip) {
  const pod = `${name}-${i}`;
  const gateway = ip.replace(/2$/, "1");
  run("ip", ["netns", "add", pod]);
  const script = `
    ip -n ${name} link add pod${i} type veth peer name eth0 netns ${pod}
    ip -n ${name} address add ${gateway}/24 dev pod${i}
    ip -n ${name} link set pod${i} up
    ip -n ${pod} address add ${ip}/24 dev eth0
    ip -n ${pod} link set eth0 up
    ip -n ${pod} route add default via ${gateway}`;
  run("sh", ["-ec", script]);
}

/** Accepts connections, and answers datagrams. @param {string} netns */
function serve(netns) {
  const script = `import socket, threading
def echo():
  s = socket.socket(type=socket.SOCK_DGRAM); s.bind(("", ${UDP}))
  while True:
    data, whom = s.recvfrom(16); s.sendto(data, whom)
threading.Thread(target=echo).start()
s = socket.create_server(("", ${TCP}), backlog=1024)
while True: s.accept()[0].close()`;
  const words = ["netns", "exec", netns, "python3", "-I", "-S", "-c", script];
  spawn("ip", words, { stdio: ["ignore", "ignore", "inherit"] });
}

/** @param {string} netns */
function startProbe(netns) {
  const words = ["netns", "exec", netns, "python3", "-I", "-S", `${root}/bench/policy-probe.py`];
  const child = spawn("ip", words, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  /** @param {string} job @returns {Promise<any>} */
  return async (job) => {
    child.stdin.write(`${job}\n`);
    const { value } = await lines.next();
    return JSON.parse(value);
  };
}

/** @param {Host} host @param {Server} server */
function startAgent(host, { url, ca, token }) {
  const files = { config: `${work}/kubeconfig`, network: `${work}/net-conf.json` };
  writeFileSync(files.config, kubeconfigOf(url, ca, token));
  writeFileSync(
    files.network,
    JSON.stringify({ Network: "10.0.0.0/8", Backend: { Type: "vxlan" } }),
  );
  const store = {
    ...{ name: "kubernetes", count: 1, change: async () => {}, stop: () => {} },
    words: () => [
      "--kube-subnet-mgr",
      `--kubeconfig-file=${files.config}`,
      `--net-config-path=${files.network}`,
      "--network-policy=enforce",
    ],
    variables: () => ({ NODE_NAME: NODE }),
  };
  return { name: "weft agent", program: startOn(host, store) };
}

/**
 * It hands the first packets of connections to itself by the statement `queue` of nf_tables. Where the kernel
 * has none, the target NFQUEUE does the same for the packets of the two pods.
 * @param {Host} host
 * @param {Server} server
 */
function startPeer(host, { ca, token }) {
  const account = "/run/secrets/kubernetes.io/serviceaccount";
  mkdirSync(account, { recursive: true });
  writeFileSync(`${account}/token`, token);
  writeFileSync(`${account}/ca.crt`, ca);
  const inside = ["netns", "exec", host.name];
  const rules = `iptables -t mangle -A POSTROUTING -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    iptables -t mangle -A POSTROUTING -s ${CLIENT} -j NFQUEUE --queue-num 100
    iptables -t mangle -A POSTROUTING -d ${SERVER} -j NFQUEUE --queue-num 100`;
  if (!hasQueue()) run("ip", [...inside, "sh", "-ec", rules]);
  const env = {
    ...process.env,
    KUBERNETES_SERVICE_HOST: STORES,
    KUBERNETES_SERVICE_PORT: "6443",
  };
  const enter = `--net=/run/netns/${host.name}`;
  const words = [enter, peer, `--hostname-override=${NODE}`, "--v=0"];
  const child = spawn("nsenter", words, { stdio: ["ignore", "pipe", "pipe"], env });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data) => {
      said = `${said}${data}`.slice(-20_000);
    });
  return {
    name: "kube-network-policies 0.8.0",
    program: { pid: child.pid ?? 0, said: () => said },
  };
}

function hasQueue() {
  const rule = "add table inet t; add chain inet t c; add rule inet t c queue num 100";
  try {
    execFileSync("unshare", ["-n", "nft", rule], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Waits until a program has hardly been on a processor for two seconds, and tells how long it was. @param {Program} program */
async function rest({ pid, said }) {
  for (let [before, now] = [0, 0]; ; ) {
    await sleep(2_000);
    before = now;
    try {
      now = processorTime(pid);
    } catch {
      throw new Error(`Cannot measure: it has ended, and said:\n${said()}`);
    }
    if (now - before < 20e6 && now > 50e6) return now;
  }
}

/** @param {Server} server @param {string} role */
async function setRole({ send }, role) {
  const path = "/api/v1/namespaces/team-0/pods/client";
  const body = { metadata: { labels: { role } } };
  await send({ method: "PATCH", path, body, type: "application/merge-patch+json" });
}

/** One round: a label that opens a way, and new connections. @param {Side} side @param {Server} server */
async function measure(side, server) {
  await setRole(server, "stranger");
  await sleep(500);
  const answered = side.probe(`until ${SERVER} ${UDP}`);
  const begun = Date.now() / 1_000;
  await setRole(server, "friend");
  side.opened.push(((await answered) - begun) * 1e9);
  await sleep(500);
  const before = processorTime(side.program.pid);
  side.connected.push(...(await side.probe(`connect ${SERVER} ${TCP} ${CONNECTIONS}`)));
  side.connecting += processorTime(side.program.pid) - before;
}

/**
 * What changes of labels cost of a processor, every second one of a pod that is here.
 * @param {readonly Side[]} sides
 * @param {Server} server
 * @param {readonly any[]} pods
 */
async function changeOthers(sides, { send }, pods) {
  const here = pods.filter(({ spec }) => spec.nodeName === NODE);
  const before = sides.map(({ program }) => processorTime(program.pid));
  for (let i = 0; i < CHANGES; i++) {
    const { metadata } = i % 2 ? pods[(i * 977) % pods.length] : here[(i * 7) % here.length];
    const path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`;
    const body = { metadata: { labels: { tier: ["web", "api", "db"][i % 3] } } };
    await send({ method: "PATCH", path, body, type: "application/merge-patch+json" });
    await sleep(20);
  }
  await sleep(3_000);
  for (const [i, side] of sides.entries())
    side.changing = (processorTime(side.program.pid) - (before[i] ?? 0)) / CHANGES;
}

/** Nanoseconds, and bytes. @param {Side} side */
function figures({ name, program, first, opened, connected, connecting, changing }) {
  const spread = (/** @type {readonly number[]} */ values, scale = 1) =>
    [0.5, 0.9, 1].map((share) => Math.round((quantile(values, share) ?? 0) * scale));
  return {
    ...{ name, first, peak: peakOf(program.pid), opened: spread(opened), change: changing },
    connected: spread(connected, 1_000),
    processorOfConnection: connecting / connected.length,
  };
}

await main();
