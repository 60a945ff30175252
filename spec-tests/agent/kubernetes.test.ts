/** The agent in a Kubernetes cluster: hosts with the kernel's own tools, a stand-in for the API server. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bed } from "../bed/bed.ts";
import type { Daemon } from "../bed/daemon.ts";
import { addStoresAddress, Host, STORES, unreached } from "../cluster/host.ts";
import { leadsTo } from "./network.ts";
import { StandIn } from "./stand-in.ts";

const P = "flannel.alpha.coreos.com/";
const V4 = { Network: "10.244.0.0/16", Backend: { Type: "vxlan" } };
const DUAL = { ...V4, EnableIPv6: true, IPv6Network: "fd10::/48" };

let bed: Bed;
let server: StandIn;

beforeEach(async () => {
  bed = new Bed();
  addStoresAddress(bed);
  server = await new StandIn(bed, STORES).ready();
});
afterEach(() => bed.dispose());

function subnetsOf(number: number): readonly string[] {
  return [`10.244.${number}.0/24`, `fd10:0:0:${number}::/64`];
}

/** What a peer that needs no host says. */
function annotated(number: number) {
  return {
    [`${P}kube-subnet-manager`]: "true",
    [`${P}backend-type`]: "vxlan",
    [`${P}backend-data`]: `{"VNI":1,"VtepMAC":"02:00:00:00:00:${number.toString(16).padStart(2, "0")}"}`,
    [`${P}public-ip`]: `192.0.2.${number}`,
  };
}

/** An agent of a host, by an API server without tokens unless the words say otherwise. */
function join(host: Host, config: object, words = `--kube-api-url=${server.url}`): Daemon {
  bed.write(`${host.files}/net-conf.json`, JSON.stringify(config));
  const all = `--kube-subnet-mgr --net-config-path=${host.files}/net-conf.json ${words}`;
  return host.join("agent", all, `NODE_NAME=${host.name}`);
}

describe("three hosts in both families", () => {
  it("reach each other, are seen as flannel's, and lose who is deleted", async () => {
    const hosts = [1, 2, 3].map((number) => new Host(bed, number));
    for (const { name, number } of hosts) server.put(name, subnetsOf(number));
    const agents = hosts.map((host) => join(host, DUAL));
    for (const [i, host] of hosts.entries())
      await agents[i]?.until(`${host.name} in the network`, () => host.hasJoined);
    const pods = hosts.flatMap((host) => [host.pod(), host.pod()]);
    await agents[0]?.until("all pairs", () => unreached(pods).length === 0);

    const [first] = hosts;
    expect(server.annotations("node1")).toEqual({
      [`${P}kube-subnet-manager`]: "true",
      [`${P}backend-type`]: "vxlan",
      [`${P}backend-data`]: `{"VNI":1,"VtepMAC":"${macOf(first, "flannel.1")}"}`,
      [`${P}public-ip`]: "192.0.2.1",
      [`${P}backend-v6-data`]: `{"VNI":1,"VtepMAC":"${macOf(first, "flannel-v6.1")}"}`,
      [`${P}public-ipv6`]: "2001:db8::1",
    });
    const patches = () =>
      server.patches.filter(({ path }) => path === "/api/v1/nodes/node1/status");
    const condition = "application/strategic-merge-patch+json";
    await agents[0]?.until("its condition", () => patches().at(-1)?.type === condition);
    // On a busy machine one may be sent twice.
    expect([...new Set(patches().map(({ type }) => type))]).toEqual([
      "application/merge-patch+json",
      condition,
    ]);
    expect(patches().at(-1)?.body).toMatch(
      /^\{"status":\{"conditions":\[\{"type":"NetworkUnavailable","status":"False","lastHeartbeatTime":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)","lastTransitionTime":"\1","reason":"FlannelIsUp","message":"Flannel is running on this node"\}\]\}\}$/,
    );

    server.call("remove", "node3");
    await agents[0]?.until("node3 gone", () => !/10\.244\.3\.0/.test(first?.entries() ?? ""));
    expect(first?.entries()).toMatch(/10\.244\.2\.0/);
  });
});

function macOf(host: Host | undefined, device: string): string {
  const shown = host?.view.sh(`ip -o link show ${device}`) ?? "";
  return /link\/ether (\S+)/.exec(shown)?.[1] ?? "";
}

describe("one host", () => {
  let host: Host;
  beforeEach(() => {
    host = new Host(bed, 1);
    server.put("node1", ["10.244.1.0/24"]);
    server.put("other", ["10.244.2.0/24"], annotated(2));
  });

  it("publishes an overwrite, and uses its own address", async () => {
    server.call("annotate", "node1", { [`${P}public-ip-overwrite`]: "203.0.113.7" });
    const agent = join(host, V4);
    await agent.until("the host in the network", () => host.hasJoined);
    expect(server.annotations("node1")[`${P}public-ip`]).toBe("203.0.113.7");
    expect(host.view.sh("ip -d link show flannel.1")).toContain("local 192.0.2.1 ");
  });

  it("puts back its annotations, and takes another podCIDR", async () => {
    const agent = join(host, V4);
    await agent.until("the host in the network", () => host.hasJoined);
    server.call("annotate", "node1", { [`${P}public-ip`]: null, [`${P}backend-data`]: null });
    await agent.until(
      "the annotations",
      () => server.annotations("node1")[`${P}public-ip`] !== undefined,
    );
    server.put("node1", ["10.244.7.0/24"], server.annotations("node1"));
    await agent.until(
      "the other subnet",
      () => host.environment.FLANNEL_SUBNET === "10.244.7.1/24",
    );
  });

  it("follows changes: a new host, another address, junk that changes nothing", async () => {
    const agent = join(host, V4);
    await agent.until("other", () => leadsTo(host.entries(), "10.244.2.0"));
    server.put("third", ["10.244.3.0/24"], annotated(3));
    await agent.until("third", () => leadsTo(host.entries(), "10.244.3.0"));
    server.call("annotate", "third", { [`${P}public-ip`]: "192.0.2.33" });
    await agent.until("its other address", () => {
      const entries = host.entries();
      return entries.includes("dst 192.0.2.33 ") && !entries.includes("dst 192.0.2.3 ");
    });
    const before = host.entries();
    server.call("annotate", "third", { [`${P}public-ip`]: "nonsense" });
    server.call("annotate", "other", { [`${P}kube-subnet-manager`]: null });
    await agent.until("the note", () => agent.said.includes('its public-ip is "nonsense"'));
    expect(host.entries()).toBe(before);
  });

  it("goes on after bookmarks, a forgotten version, the end of a watch", async () => {
    server.call("sendAll");
    const agent = join(host, V4);
    await agent.until("other", () => leadsTo(host.entries(), "10.244.2.0"));
    server.call("bookmark");
    server.call("forget");
    server.call("endWatches");
    server.put("third", ["10.244.3.0/24"], annotated(3));
    await agent.until("third", () => leadsTo(host.entries(), "10.244.3.0"));
    server.call("remove", "other");
    await agent.until("other gone", () => !/10\.244\.2\.0/.test(host.entries()));
  });

  it("asks for Protocol Buffers, and takes JSON from a server that has no other", async () => {
    server.call("speakJson");
    const agent = join(host, V4);
    await agent.until("other", () => leadsTo(host.entries(), "10.244.2.0"));
    server.put("third", ["10.244.3.0/24"], annotated(3));
    await agent.until("third", () => leadsTo(host.entries(), "10.244.3.0"));
    server.call("forget");
    server.call("endWatches");
    server.call("remove", "other");
    await agent.until("other gone", () => !/10\.244\.2\.0/.test(host.entries()));
    const accepted = server.requests
      .filter(({ path }) => path.startsWith("/api/v1/nodes?"))
      .map(({ accept }) => accept);
    expect(new Set(accepted)).toEqual(
      new Set([
        "application/vnd.kubernetes.protobuf, application/json",
        "application/vnd.kubernetes.protobuf;stream=watch, application/json",
      ]),
    );
  });

  it.each([
    ["no HTTP", "220 mail.example.com ESMTP\r\n"],
    ["no JSON", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<br/>"],
    [
      "no Protocol Buffers",
      "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.kubernetes.protobuf\r\nContent-Length: 8\r\n\r\nk8s\0nope",
    ],
    [
      "what breaks off",
      'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"kind":"NodeList","items":[',
    ],
  ])("takes nobody away for %s", async (_, text) => {
    const agent = join(host, V4);
    await agent.until("other", () => leadsTo(host.entries(), "10.244.2.0"));
    const before = host.entries();
    server.call("breakNext", 3, text);
    server.call("forget");
    server.call("endWatches");
    await agent.until("the problem", () =>
      /Cannot GET http:\/\/192\.0\.2\.254:8001\/api\/v1\/nodes/.test(agent.said),
    );
    expect(host.entries()).toBe(before);
    server.put("third", ["10.244.3.0/24"], annotated(3));
    await agent.until("third", () => leadsTo(host.entries(), "10.244.3.0"));
  });

  it("keeps the data path while the server is away, and goes on afterwards", async () => {
    const agent = join(host, V4);
    await agent.until("other", () => leadsTo(host.entries(), "10.244.2.0"));
    const before = host.entries();
    await server.kill();
    await agent.until("the problem", () => /Cannot GET http/.test(agent.said));
    expect(host.entries()).toBe(before);
    server = await new StandIn(bed, STORES).ready();
    server.call("forget", 100);
    server.put("node1", ["10.244.1.0/24"]);
    server.put("other", ["10.244.2.0/24"], annotated(2));
    server.put("third", ["10.244.3.0/24"], annotated(3));
    await agent.until("third", () => leadsTo(host.entries(), "10.244.3.0"));
    server.call("remove", "other");
    await agent.until("other gone", () => !/10\.244\.2\.0/.test(host.entries()));
  });

  it("reads a token again when it has changed, and names the right that is missing", async () => {
    const token = `${host.files}/token`;
    bed.write(token, "first\n");
    bed.write(`${host.files}/kubeconfig`, kubeconfig(server.url, token));
    server.call("rights", { first: ["get nodes", "list nodes", "watch nodes"] });
    const agent = join(host, V4, `--kubeconfig-file=${host.files}/kubeconfig`);
    await agent.until("the missing right", () =>
      agent.said.includes("the right is missing to patch nodes/status"),
    );
    expect(host.hasJoined).toBe(false);
    bed.write(token, "second\n");
    server.call("rights", { second: ["*"] });
    await agent.until("the host in the network", () => host.hasJoined);
    expect(agent.said).not.toMatch(/first|second/);
  });
});

function kubeconfig(url: string, tokenFile: string): string {
  return `apiVersion: v1
kind: Config
clusters: [{ name: here, cluster: { server: "${url}" } }]
users: [{ name: flannel, user: { tokenFile: ${tokenFile} } }]
contexts: [{ name: default, context: { cluster: here, user: flannel } }]
current-context: default
`;
}
