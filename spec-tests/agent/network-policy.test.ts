/** Pods whose network policies an agent enforces, from their ADD on: known, unknown, and without an agent. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Daemon } from "../bed/daemon.ts";
import { it } from "../bed/it.ts";
import { backgroundInBed } from "../bed/paths.ts";
import { addStoresAddress, Host, type Pod, STORES } from "../cluster/host.ts";
import { type Json, namespaceObject, policyObject } from "../policies/objects.ts";
import { StandIn } from "./stand-in.ts";

const V4 = { Network: "10.244.0.0/16", Backend: { Type: "vxlan" } };

/** A host with an agent that enforces, and a server that has objects. */
class Place {
  readonly bed: Bed;
  readonly server: StandIn;
  readonly host: Host;
  agent: Daemon;

  private constructor(bed: Bed, server: StandIn, host: Host) {
    this.bed = bed;
    this.server = server;
    this.host = host;
    this.agent = this.#start();
  }

  static async make(bed: Bed, objects: readonly Json[] = []): Promise<Place> {
    addStoresAddress(bed);
    const server = await new StandIn(bed, STORES).ready();
    const host = new Host(bed, 1);
    server.put(host.name, ["10.244.1.0/24"]);
    server.call("change", [namespaceObject("shop", {}), ...objects], [], []);
    const place = new Place(bed, server, host);
    await place.agent.until("its subnet", () => host.hasJoined);
    return place;
  }

  #start(): Daemon {
    this.bed.write(`${this.host.files}/net-conf.json`, JSON.stringify(V4));
    const words = `--kube-subnet-mgr --kube-api-url=${this.server.url} --net-config-path=${this.host.files}/net-conf.json`;
    const variables = `NODE_NAME=${this.host.name}`;
    return this.host.join("agent", `${words} --network-policy=enforce`, variables);
  }

  restart(): void {
    this.agent = this.#start();
  }

  change(set: readonly Json[], unset: readonly Json[] = []): void {
    this.server.call("change", set, unset, []);
  }

  /** Runs the plugin for a pod. */
  run(command: string, name: string, pod: Pod, more: Json = {}) {
    const config = { cniVersion: "1.0.0", name: "cbr0", type: "policy", agent: "flannel", ...more };
    return this.bed.start("policy", {
      command,
      config: { ...config, prevResult: pod.result },
      container: pod.box,
      args: `IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=${name};K8S_POD_UID=${uidOf(name)}`,
      from: `${this.host.files}/bin`,
    });
  }

  /** Attaches a pod; what was said of it. */
  async attach(
    name: string,
    pod = this.host.pod(),
    more: Json = {},
  ): Promise<Pod & { said: string }> {
    const { exitCode, stdout, stderr } = await this.run("ADD", name, pod, more);
    expect([exitCode, exitCode === 0 ? "" : stdout]).toEqual([0, ""]);
    return { ...pod, said: stderr };
  }

  /** The addresses that are isolated since nobody knows their pods. */
  get pending(): readonly string[] {
    return this.elements("set", "pending4");
  }

  elements(kind: "set" | "map", name: string): readonly string[] {
    const text = this.host.view.sh(
      `nft list ${kind} inet weft-cluster ${name} 2>/dev/null || true`,
    );
    const [, list = ""] = /elements = \{([^}]*)\}/.exec(text) ?? [];
    return [...list.matchAll(/\d+\.\d+\.\d+\.\d+/g)].map(([address]) => address).sort();
  }

  /** What is written of pods. */
  get records(): readonly string[] {
    return this.bed.list(`${this.host.files}/weft/flannel/pods`);
  }
}

function uidOf(name: string): string {
  return `00000000-0000-4000-8000-${Buffer.from(name.padEnd(6, "-")).toString("hex")}`;
}

function podObject(host: Host, name: string, addresses: readonly string[] = []): Json {
  return {
    ...{ apiVersion: "v1", kind: "Pod" },
    metadata: { namespace: "shop", name, uid: uidOf(name), labels: { app: name } },
    spec: { nodeName: host.name, containers: [{ name: "main" }] },
    status: { phase: "Running", podIP: addresses[0], podIPs: addresses.map((ip) => ({ ip })) },
  };
}

const app = (name: string) => ({ podSelector: { matchLabels: { app: name } } });
const denyAll = policyObject("shop", "deny", { podSelector: {}, policyTypes: ["Ingress"] });
const fromWeb = policyObject("shop", "from-web", {
  ...app("db"),
  ingress: [{ from: [app("web")] }],
});

function reaches(from: Pod, to: Pod): boolean {
  return from.box.pingAll(to.addresses).every((is) => is);
}

describe("a pod", () => {
  it("is judged when its ADD is over, though the cluster does not know its address", async ({
    bed,
  }) => {
    const place = await Place.make(bed, [denyAll, fromWeb]);
    const { host } = place;
    place.change(["web", "db", "other"].map((name) => podObject(host, name)));
    const [web, db, other] = [
      await place.attach("web"),
      await place.attach("db"),
      await place.attach("other"),
    ];
    expect([web.said, db.said, other.said]).toEqual(["", "", ""]);
    expect(place.pending).toEqual([]);
    expect([reaches(web, db), reaches(other, db), reaches(db, web)]).toEqual([true, false, false]);
    expect(place.records).toHaveLength(3);
    expect((await place.run("CHECK", "db", db)).exitCode).toBe(0);
    place.change([podObject(host, "db", db.addresses)]);
    expect([reaches(web, db), reaches(other, db)]).toEqual([true, false]);
  });

  it("that is deleted by force is isolated until its attachment is gone, also by another agent", async ({
    bed,
  }) => {
    const place = await Place.make(bed, [fromWeb]);
    const { host } = place;
    place.change(["web", "db"].map((name) => podObject(host, name)));
    const [web, db] = [await place.attach("web"), await place.attach("db")];
    const told = [podObject(host, "web", web.addresses), podObject(host, "db", db.addresses)];
    place.change(told);
    expect([reaches(web, db), reaches(db, web)]).toEqual([true, true]);
    place.change([], told.slice(1));
    await place.agent.until("it is isolated", () => place.pending.length === 1);
    expect([place.pending, reaches(web, db), reaches(db, web)]).toEqual([
      db.addresses,
      false,
      false,
    ]);
    await place.agent.until("its word", () => place.agent.said.includes("isolated: pod shop/db"));
    await place.agent.kill();
    place.change([], told.slice(0, 1));
    place.restart();
    await place.agent.until("both isolated", () => place.pending.length === 2);
    for (const [name, pod] of [
      ["db", db],
      ["web", web],
    ] as const) {
      expect((await place.run("DEL", name, pod)).exitCode).toBe(0);
    }
    expect([place.pending, place.records]).toEqual([[], []]);
  });

  it("that the cluster does not know is isolated if its namespace has a policy, until it is known", async ({
    bed,
  }) => {
    const place = await Place.make(bed);
    const { host, agent } = place;
    place.change([podObject(host, "web")]);
    const web = await place.attach("web");
    // Without any policy in its namespace nothing is to be kept from it.
    const free = await place.attach("free");
    expect(free.said).toContain("pod shop/free is let through");
    expect([place.pending, reaches(web, free)]).toEqual([[], true]);
    const kept = await place.attach("kept", host.pod(), { whenUnknown: "isolate" });
    expect(kept.said).toContain('pod shop/kept is isolated until the agent of "flannel" knows it');
    expect(place.pending).toEqual(kept.addresses);
    expect((await place.run("CHECK", "kept", kept)).exitCode).toBe(0);
    expect([reaches(web, kept), reaches(kept, web)]).toEqual([false, false]);
    // The host reaches it all the same.
    expect(host.view.pingAll(kept.addresses)).toEqual([true]);

    place.change([denyAll]);
    await agent.until("both isolated", () => place.pending.length === 2);
    await agent.until("its word", () => agent.said.includes("isolated: pod shop/free"));
    place.change([fromWeb, podObject(host, "kept"), podObject(host, "free")]);
    await agent.until("both free", () => place.pending.length === 0);
    await agent.until("its word", () => agent.said.includes("released: pod shop/kept"));
    expect(place.elements("map", "ingress4")).toEqual(
      [web, free, kept].flatMap(({ addresses }) => addresses).sort(),
    );
    expect(reaches(web, kept)).toBe(false);
  });

  it("keeps its rules while no agent runs, and no packet changes its fate by a restart", async ({
    bed,
  }) => {
    const place = await Place.make(bed, [denyAll, fromWeb]);
    const { host } = place;
    place.change(["web", "db", "other"].map((name) => podObject(host, name)));
    const [web, db, other] = [
      await place.attach("web"),
      await place.attach("db"),
      await place.attach("other"),
    ];
    const [allowed, forbidden] = [new Pings(bed, web, db), new Pings(bed, other, db)];
    const before = place.elements("map", "ingress4");
    await place.agent.kill();
    allowed.goOn();
    const late = await place.attach("late");
    expect(late.said).toContain("no agent of network");
    expect(place.pending).toEqual(late.addresses);
    const wanted = await place.attach("wanted", host.pod(), { whenUnknown: "allow" });
    expect(place.pending).toEqual(late.addresses);
    place.change([podObject(host, "late"), podObject(host, "wanted")]);
    place.restart();
    await place.agent.until("late free", () => place.pending.length === 0);
    const all = [...before, ...late.addresses, ...wanted.addresses].sort();
    await place.agent.until("all judged", () => {
      return place.elements("map", "ingress4").join() === all.join();
    });
    allowed.goOn();
    forbidden.goOn();
    expect([allowed.seen(), forbidden.seen()]).toEqual([["came"], ["lost"]]);
    expect(place.agent.said).not.toContain("problem: ");
  });

  it("that goes while it waits is forgotten, and thirty at once are all judged", async ({
    bed,
  }) => {
    const place = await Place.make(bed, [denyAll]);
    const { host } = place;
    const gone = host.pod();
    const adding = place.run("ADD", "gone", gone);
    await place.agent.until("it is told", () => place.records.length === 1);
    expect((await place.run("DEL", "gone", gone)).exitCode).toBe(0);
    expect([place.records, place.pending]).toEqual([[], []]);
    await adding;
    expect(place.records).toEqual([]);

    const names = Array.from({ length: 30 }, (_, i) => `many${i}`);
    const pods = names.map(() => host.pod());
    const added = pods.map((pod, i) => place.run("ADD", names[i] ?? "", pod));
    place.change(names.map((name) => podObject(host, name)));
    const outcomes = await Promise.all(added);
    expect(outcomes.map(({ exitCode }) => exitCode)).toEqual(pods.map(() => 0));
    await place.agent.until("all free", () => place.pending.length === 0);
    const addresses = pods.flatMap((pod) => pod.addresses).sort();
    expect(place.elements("map", "ingress4")).toEqual(addresses);
    for (const [i, pod] of pods.entries()) await place.run("DEL", names[i] ?? "", pod);
    expect(place.records).toEqual([]);
    expect(host.view.sh("nft list table bridge weft | grep -c comment || true").trim()).toBe("0");
  });

  it("is judged again at once where somebody flushes the rules", async ({ bed }) => {
    const place = await Place.make(bed, [denyAll]);
    const { host } = place;
    place.change(["web", "db"].map((name) => podObject(host, name)));
    const [web, db] = [await place.attach("web"), await place.attach("db")];
    expect(reaches(web, db)).toBe(false);
    const status = () =>
      JSON.parse(host.sh(`${bed.bin}/weft agent status --json || true`)) as {
        networkPolicy: { repairs: number; drops: readonly { pod: string; packets: number }[] };
      };
    const dropped = status().networkPolicy.drops.filter(({ packets }) => packets > 0);
    expect(dropped.map(({ pod }) => pod)).toEqual(["shop/db"]);
    expect(host.sh(`${bed.bin}/weft show ${db.box.containerID}`)).toMatch(
      /policies .*ingress .*shop\/deny.* [1-9]\d* packets/,
    );
    host.view.sh("nft delete table inet weft-cluster");
    await place.agent.until("its repair", () => status().networkPolicy.repairs > 0);
    expect(reaches(web, db)).toBe(false);
    const word = "changed: the rules of network policies";
    await place.agent.until("its word", () => place.agent.said.includes(word));

    await place.agent.end("SIGTERM");
    expect(reaches(web, db)).toBe(false);
    host.sh(`${bed.bin}/weft agent remove`);
    expect(host.view.sh("nft list tables")).not.toContain("weft-cluster");
  });

  it("is isolated where whoever listens does not answer, or answers junk", async ({ bed }) => {
    const place = await Place.make(bed);
    await place.agent.kill();
    const socket = `${place.host.files}/weft/flannel/attach.sock`;
    for (const [name, answer] of Object.entries(FALSE_AGENTS)) {
      place.bed.host.sh(`rm -f ${socket}`);
      bed.host.sh(
        `python3 -I -S -c '${falseAgent(socket, answer)}' </dev/null >/dev/null 2>&1 & echo $! >>${backgroundInBed}`,
      );
      bed.host.until(`[ -S ${socket} ]`);
      const pod = await place.attach(name);
      expect(pod.said).toContain("is isolated until");
      expect(place.pending).toContain(pod.addresses[0]);
    }
  });
});

/** What is done in place of an answer. */
const FALSE_AGENTS = {
  silent: "kept.append(c)",
  junk: 'c.sendall(b"junk\\n")',
  long: 'c.sendall(b"x" * 20000)',
  closed: "c.close()",
};

function falseAgent(socket: string, answer: string): string {
  return `
import signal, socket
signal.alarm(3600)
s = socket.socket(socket.AF_UNIX)
s.bind("${socket}")
s.listen(9)
kept = []
while True:
  c, _ = s.accept()
  ${answer}
`;
}

/** Pings, each by a connection of its own, that go on until the bed goes. */
class Pings {
  readonly #box: Pod["box"];
  readonly #file: string;

  constructor(bed: Bed, from: Pod, to: Pod) {
    this.#box = from.box;
    this.#file = `${bed.folder("pings")}/${from.box.name}`;
    const [address = ""] = to.addresses;
    const ping = `ping -n -q -c 1 -W 1 ${address} >/dev/null 2>&1 && echo came || echo lost`;
    from.box.sh(
      `while :; do ${ping}; done >${this.#file} 2>/dev/null </dev/null & echo $! >>${backgroundInBed}`,
    );
    this.goOn();
  }

  /** Waits until there have been some more. */
  goOn(): void {
    const now = this.#lines.length;
    this.#box.until(`[ $(wc -l <${this.#file}) -ge ${now + 5} ]`);
  }

  /** What has become of them, each once. */
  seen(): readonly string[] {
    return [...new Set(this.#lines)];
  }

  get #lines(): readonly string[] {
    return this.#box.sh(`cat ${this.#file} 2>/dev/null || true`).split("\n").filter(Boolean);
  }
}
