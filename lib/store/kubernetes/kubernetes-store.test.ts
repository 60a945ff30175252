/** The store, on a network that a made-up API server answers on. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KubeModel, type ModelRequest } from "../../../spec-tests/agent/kube-model.ts";
import {
  type Coding,
  codingFor,
  joined,
  lengthField,
  objectBytes,
  utf8,
  varint,
} from "../../../spec-tests/agent/kube-protobuf.ts";
import {
  answerText,
  FakeClock,
  type FakeConnection,
  FakeNetwork,
} from "../../../tools/fake-network.ts";
import { formatAddress, parseAddress } from "../../ip/address.ts";
import { formatCidr } from "../../ip/cidr.ts";
import { formatMac, parseMac } from "../../ip/mac.ts";
import type { OwnHost, Store, StoreHost } from "../store.ts";
import * as kubeconfig from "./kubeconfig.lazy.ts";
import { type KubernetesOptions, kubernetesStore } from "./kubernetes-store.ts";

const files = vi.hoisted(() => new Map<string, string>());
const lazy = vi.hoisted(() => ({ modules: {} as Record<string, unknown> }));
vi.mock("host", () => {
  const open: Uint8Array[] = [];
  return {
    encode: (text: string) => new TextEncoder().encode(text),
    decode: (bytes: Uint8Array, from?: number, to?: number) => {
      try {
        return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(from, to));
      } catch {
        return undefined;
      }
    },
    load: (name: string) => lazy.modules[name],
    random: (bytes: Uint8Array) => bytes.fill(0).length,
    open(path: string) {
      const text = files.get(path);
      return text === undefined ? -2 : open.push(new TextEncoder().encode(text)) - 1;
    },
    read(fd: number, into: Uint8Array) {
      const rest = open[fd] ?? new Uint8Array(0);
      const count = Math.min(rest.length, into.length);
      into.set(rest.subarray(0, count));
      open[fd] = rest.subarray(count);
      return count;
    },
    close: () => 0,
  };
});
lazy.modules["kubeconfig.lazy"] = kubeconfig;
lazy.modules["json-fault.lazy"] = { jsonFault: () => "it breaks off" };

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const CONF = "/etc/kube-flannel/net-conf.json";
const P = "flannel.alpha.coreos.com/";
const V4 = { Network: "10.244.0.0/16", Backend: { Type: "vxlan" } };
const DUAL = { ...V4, EnableIPv6: true, IPv6Network: "fd10::/48" };
const MAC = "02:00:00:00:00:01";
const MAC6 = "02:00:00:00:06:01";

const usual: KubernetesOptions = {
  apiUrl: undefined,
  kubeconfigFile: undefined,
  annotationPrefix: "flannel.alpha.coreos.com",
  netConfigPath: CONF,
  setsNetworkUnavailable: true,
  nodeName: "one",
  pod: undefined,
};

/** Annotations of a host by its number. */
function annotated(number: number, more: object = {}): { [key: string]: unknown } {
  return {
    [`${P}kube-subnet-manager`]: "true",
    [`${P}backend-type`]: "vxlan",
    [`${P}backend-data`]: `{"VNI":1,"VtepMAC":"02:00:00:00:00:0${number}"}`,
    [`${P}public-ip`]: `192.0.2.${number}`,
    ...more,
  };
}

function dualAnnotated(number: number): { [key: string]: unknown } {
  return annotated(number, {
    [`${P}backend-v6-data`]: `{"VNI":1,"VtepMAC":"02:00:00:00:06:0${number}"}`,
    [`${P}public-ipv6`]: `2001:db8::${number}`,
  });
}

const own: OwnHost = {
  publicIP: parseAddress("192.0.2.1"),
  publicIPv6: undefined,
  backend: "vxlan",
  vtepMac: parseMac(MAC),
  vtepMacV6: undefined,
  vni: 1,
  formerSubnets: [],
};
const dualOwn: OwnHost = {
  ...own,
  publicIPv6: parseAddress("2001:db8::1"),
  vtepMacV6: parseMac(MAC6),
};

function inWords(host: StoreHost | undefined): string {
  if (!host) return "gone";
  const { subnets, publicIP, publicIPv6, vtepMac, vtepMacV6 } = host;
  const addresses = [publicIP, publicIPv6].flatMap((each) => (each ? formatAddress(each) : []));
  const macs = [vtepMac, vtepMacV6].flatMap((each) => (each ? formatMac(each) : []));
  return [...subnets.map(formatCidr), ...addresses, ...macs].join(" ");
}

/** What servers answer in. */
const CODINGS = ["Protocol Buffers", "JSON"] as const;
let spoken: (typeof CODINGS)[number] = "Protocol Buffers";

/** A store, its API server, and what it tells. */
class Lab {
  readonly clock = new FakeClock();
  readonly network = new FakeNetwork();
  readonly model = new KubeModel();
  readonly told: string[] = [];
  readonly store: Store;
  readonly #hasProtobuf = spoken === "Protocol Buffers";
  own: OwnHost | undefined;
  /** What a connection does in place of answering. */
  instead: ((connection: FakeConnection, request: ModelRequest) => boolean) | undefined;
  isAway = false;
  /** In pieces of so many characters. */
  cut = 1 << 20;

  constructor(options: Partial<KubernetesOptions> = {}, host = own) {
    files.set(`${ACCOUNT}/ca.crt`, "a certificate");
    files.set(`${ACCOUNT}/token`, "token-1\n");
    if (!files.has(CONF)) files.set(CONF, JSON.stringify(V4));
    this.own = host;
    const variables: Record<string, string> = {
      KUBERNETES_SERVICE_HOST: "10.96.0.1",
      KUBERNETES_SERVICE_PORT: "443",
    };
    this.network.onConnect = (connection) => this.#connect(connection);
    const means = {
      open: this.network.open,
      clock: this.clock,
      environment: (name: string) => variables[name],
    };
    this.store = kubernetesStore({ ...usual, ...options }, means);
  }

  start(): this {
    this.store.start({
      onNetwork: ({ families, backend }, { publicIP, publicIPv6 }) => {
        const hints = [publicIP, publicIPv6].flatMap((each) => (each ? formatAddress(each) : []));
        const networks = families.map(({ network }) => formatCidr(network));
        this.told.push(["network", ...networks, backend.type, ...hints].join(" "));
        if (this.own) this.store.publish(this.own);
      },
      onJoined: (subnets) => this.told.push(`joined ${subnets.map(formatCidr).join(" ")}`),
      onLost: (reason) => this.told.push(`lost: ${reason}`),
      onHosts: (hosts) => {
        const words = Array.from(hosts, ([key, host]) => `${key}: ${inWords(host)}`);
        this.told.push(`all ${words.join(", ")}`.trim());
      },
      onHost: (key, host) => this.told.push(`${key}: ${inWords(host)}`),
      onProblem: (problem) => this.told.push(problem ? `problem: ${problem}` : "well"),
      onNote: (_, sentence) => this.told.push(`note: ${sentence}`),
    });
    this.clock.pass(10);
    return this;
  }

  /** All connections break off. */
  breakOff(): void {
    for (const connection of this.network.connections) connection.end();
  }

  /** What has been told since. */
  take(): readonly string[] {
    return this.told.splice(0);
  }

  patches(): readonly string[] {
    return this.model.requests
      .filter(({ method }) => method === "PATCH")
      .map(({ body = "" }) => body);
  }

  #connect(connection: FakeConnection): void {
    if (this.isAway) {
      this.clock.after(0, () => connection.end());
      return;
    }
    connection.onSent = () => this.clock.after(0, () => this.#answer(connection));
    this.clock.after(0, () => connection.open());
  }

  #answer(connection: FakeConnection): void {
    const end = connection.text.indexOf("\r\n\r\n");
    if (end < 0 || connection.isClosed) return;
    const text = connection.take();
    const [line = "", ...headers] = text.slice(0, end).split("\r\n");
    const [method = "", path = ""] = line.split(" ");
    const header = (name: string) =>
      headers.find((each) => each.toLowerCase().startsWith(`${name}: `))?.slice(name.length + 2);
    const request: ModelRequest = {
      method,
      path,
      token: header("authorization")?.replace("Bearer ", ""),
      type: header("content-type"),
      body: text.slice(end + 4),
    };
    if (this.instead?.(connection, request)) return;
    const { status, body, watch } = this.model.answer(request);
    const coding = codingFor(header("accept"), this.#hasProtobuf);
    if (watch) this.#stream(connection, watch, coding);
    else {
      const answer = answerBytes(coding.body(body), coding.type, status);
      for (let at = 0; at < answer.length; at += this.cut)
        connection.give(answer.subarray(at, at + this.cut));
    }
  }

  #stream(
    connection: FakeConnection,
    watch: (send: (line: string) => void, end: () => void) => () => void,
    { type, event }: Coding,
  ): void {
    const head = `Transfer-Encoding: chunked\r\nContent-Type: ${type}\r\n`;
    connection.give(`HTTP/1.1 200 OK\r\n${head}\r\n`);
    const send = (line: string) => {
      const bytes = event(line);
      connection
        .give(`${bytes.length.toString(16)}\r\n`)
        .give(bytes)
        .give("\r\n");
    };
    watch(send, () => connection.give("0\r\n\r\n"));
  }
}

function answerBytes(body: Uint8Array, type: string, status = 200): Uint8Array {
  const head = `Content-Length: ${body.length}\r\nContent-Type: ${type}\r\n`;
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Words\r\n${head}\r\n`), body]);
}

/** A lab whose own node is `one`, with others. */
function cluster(count: number, options: Partial<KubernetesOptions> = {}): Lab {
  const lab = new Lab(options);
  lab.model.put("one", ["10.244.1.0/24"]);
  for (let i = 2; i <= count; i++) lab.model.put(`n${i}`, [`10.244.${i}.0/24`], annotated(i));
  return lab;
}

const TWO = "n2: 10.244.2.0/24 192.0.2.2 02:00:00:00:00:02";
const THREE = "n3: 10.244.3.0/24 192.0.2.3 02:00:00:00:00:03";

afterEach(() => {
  files.clear();
  spoken = "Protocol Buffers";
});

describe("a host joins", () => {
  it("with the podCIDR of its Node, and others are told as they are", () => {
    const lab = cluster(3).start();
    const told = [...lab.take()].sort((a, b) => order(a) - order(b));
    expect(told).toEqual([
      "network 10.244.0.0/16 vxlan",
      "joined 10.244.1.0/24",
      `all ${TWO}, ${THREE}`,
    ]);
    expect(lab.model.annotations("one")).toEqual(annotated(1));
    expect(lab.network.connections[0]?.target).toEqual({
      host: "10.96.0.1",
      port: 443,
      tls: { authorities: "a certificate" },
    });
  });

  it("writes flannel's annotations and its condition byte for byte, and no more", () => {
    vi.stubGlobal("Date", undefined);
    const lab = cluster(1).start();
    vi.unstubAllGlobals();
    expect(lab.patches()).toEqual([
      `{"metadata":{"annotations":{"${P}kube-subnet-manager":"true","${P}backend-type":"vxlan","${P}backend-data":"{\\"VNI\\":1,\\"VtepMAC\\":\\"${MAC}\\"}","${P}public-ip":"192.0.2.1"}}}`,
      '{"status":{"conditions":[{"type":"NetworkUnavailable","status":"False","lastHeartbeatTime":"2023-11-14T22:13:20Z","lastTransitionTime":"2023-11-14T22:13:20Z","reason":"FlannelIsUp","message":"Flannel is running on this node"}]}}',
    ]);
    const types = lab.model.requests.flatMap(({ type = [] }) => type);
    expect(types).toEqual([
      "application/merge-patch+json",
      "application/strategic-merge-patch+json",
    ]);
    lab.clock.pass(3_600_000);
    expect(lab.patches()).toHaveLength(2);
  });

  it("writes nothing if all is there, and no condition if it is not to", () => {
    const lab = new Lab({ setsNetworkUnavailable: false });
    lab.model.put("one", ["10.244.1.0/24"], annotated(1));
    lab.start();
    expect(lab.take()).toContain("joined 10.244.1.0/24");
    expect(lab.patches()).toEqual([]);
  });

  it("in both families", () => {
    files.set(CONF, JSON.stringify(DUAL));
    const lab = new Lab({}, dualOwn);
    lab.model.put("one", ["10.244.1.0/24", "fd10:0:0:1::/64"]);
    lab.model.put("n2", ["fd10:0:0:2::/64", "10.244.2.0/24"], dualAnnotated(2));
    lab.start();
    expect(lab.model.annotations("one")).toEqual(dualAnnotated(1));
    expect(lab.take()).toEqual(
      expect.arrayContaining([
        "network 10.244.0.0/16 fd10::/48 vxlan",
        "joined 10.244.1.0/24 fd10:0:0:1::/64",
        "all n2: 10.244.2.0/24 fd10:0:0:2::/64 192.0.2.2 2001:db8::2 02:00:00:00:00:02 02:00:00:00:06:02",
      ]),
    );
    expect(lab.patches()).toHaveLength(2);
  });

  it("takes the type away first if flannel would not hear of a change", () => {
    files.set(CONF, JSON.stringify(DUAL));
    const lab = new Lab({ setsNetworkUnavailable: false }, dualOwn);
    const former = { ...dualAnnotated(1), [`${P}public-ip`]: "192.0.2.9" };
    lab.model.put("one", ["10.244.1.0/24", "fd10:0:0:1::/64"], former);
    lab.start();
    expect(lab.patches()).toEqual([
      `{"metadata":{"annotations":{"${P}backend-type":null}}}`,
      `{"metadata":{"annotations":{"${P}public-ip":"192.0.2.1","${P}backend-type":"vxlan"}}}`,
    ]);
  });

  it("as host-gw, whose data are null", () => {
    files.set(CONF, JSON.stringify({ ...V4, Backend: { Type: "host-gw" } }));
    const lab = new Lab({}, { ...own, backend: "host-gw", vtepMac: undefined });
    const gateway = { [`${P}backend-type`]: "host-gw", [`${P}backend-data`]: "null" };
    lab.model.put("one", ["10.244.1.0/24"]);
    lab.model.put("n2", ["10.244.2.0/24"], annotated(2, gateway));
    lab.start();
    expect(lab.model.annotations("one")).toEqual(annotated(1, gateway));
    expect(lab.take()).toContain("all n2: 10.244.2.0/24 192.0.2.2");
  });

  it("publishes the administrator's overwrite, and takes the hint of an address", () => {
    const lab = new Lab();
    lab.model.put("one", ["10.244.1.0/24"], {
      [`${P}public-ip-overwrite`]: "203.0.113.7",
      [`${P}node-public-ip`]: "192.0.2.99",
    });
    lab.start();
    expect(lab.take()).toContain("network 10.244.0.0/16 vxlan 192.0.2.99");
    expect(lab.model.annotations("one")[`${P}public-ip`]).toBe("203.0.113.7");
  });

  it("under another prefix", () => {
    const lab = new Lab({ annotationPrefix: "org.com/9" });
    lab.model.put("one", ["10.244.1.0/24"]);
    lab.start();
    expect(Object.keys(lab.model.annotations("one"))).toContain("org.com/9-kube-subnet-manager");
  });

  it("by the node of its pod", () => {
    const lab = cluster(2, { nodeName: undefined, pod: { namespace: "kube-flannel", name: "p" } });
    lab.start();
    expect(lab.take()).toEqual([
      'problem: Cannot GET https://10.96.0.1:443/api/v1/namespaces/kube-flannel/pods/p: 404 (pods "p" not found)',
    ]);
    lab.model.pods.set("kube-flannel/p", "one");
    lab.clock.pass(1_000);
    expect(lab.take()).toContain("joined 10.244.1.0/24");
  });

  it("by its own name", () => {
    files.set("/proc/sys/kernel/hostname", "One\n");
    const lab = cluster(1, { nodeName: undefined }).start();
    expect(lab.take()).toContain("joined 10.244.1.0/24");
  });
});

/** The own host may be joined before or after the others are told: their order is the server's. */
function order(words: string): number {
  return words.startsWith("network") ? 0 : words.startsWith("joined") ? 1 : 2;
}

describe("a host waits", () => {
  it.each<readonly [string, string[], string]>([
    [
      "no podCIDR",
      [],
      'Cannot join: Node "one" has no podCIDR yet; the controller manager gives it one with --allocate-node-cidrs=true',
    ],
    [
      "one of another network",
      ["10.9.1.0/24"],
      'Cannot join with Node "one": its podCIDR 10.9.1.0/24 is not within 10.244.0.0/16; Network in net-conf.json has to be the controller manager\'s --cluster-cidr',
    ],
  ])("with %s", (_, podCIDRs, words) => {
    const lab = new Lab();
    lab.model.put("one", podCIDRs);
    lab.start();
    lab.clock.pass(100_000);
    expect(lab.take().filter((each) => each !== "all")).toEqual([
      "network 10.244.0.0/16 vxlan",
      `problem: ${words}`,
    ]);
    lab.model.put("one", ["10.244.1.0/24"]);
    lab.clock.pass(10);
    expect(lab.take()).toEqual(["well", "joined 10.244.1.0/24"]);
  });

  it("for its Node", () => {
    const lab = new Lab().start();
    const words =
      'Cannot join: there is no Node "one"; the kubelet has to register it, under the name in NODE_NAME';
    expect(lab.take()).toEqual([`problem: ${words}`]);
    lab.model.put("one", ["10.244.1.0/24"]);
    lab.clock.pass(2_000);
    expect(lab.take()).toEqual(expect.arrayContaining(["well", "joined 10.244.1.0/24"]));
  });

  it("for a configuration that can be used", () => {
    files.set(CONF, '{"Network":"10.244.0.0/16"}');
    const lab = cluster(1).start();
    expect(lab.take()).toEqual([
      expect.stringMatching(
        /^problem: Cannot use .* Backend must be given.*\(\/etc\/kube-flannel\/net-conf.json\)$/,
      ),
    ]);
    files.set(CONF, JSON.stringify(V4));
    lab.clock.pass(10_000);
    expect(lab.take()).toEqual(expect.arrayContaining(["well", "joined 10.244.1.0/24"]));
  });

  it("for the API server, and says which", () => {
    const lab = cluster(1);
    lab.isAway = true;
    lab.start();
    expect(lab.take()).toEqual([
      expect.stringMatching(/^problem: Cannot GET https:\/\/10.96.0.1:443\/api\/v1\/nodes\/one: /),
    ]);
    lab.isAway = false;
    lab.clock.pass(2_000);
    expect(lab.take()).toEqual(expect.arrayContaining(["well", "joined 10.244.1.0/24"]));
  });
});

describe("this host's Node", () => {
  it("has its annotations put back", () => {
    const lab = cluster(1).start();
    lab.model.annotate("one", { [`${P}public-ip`]: null, [`${P}kube-subnet-manager`]: "false" });
    lab.clock.pass(1_000);
    expect(lab.model.annotations("one")).toEqual(annotated(1));
  });

  it("is fought over by nobody for long", () => {
    const lab = cluster(1);
    const annotate = lab.model.annotate.bind(lab.model);
    lab.start();
    lab.instead = (_, { method }) => {
      if (method === "PATCH")
        lab.clock.after(1, () => annotate("one", { [`${P}public-ip`]: null }));
      return false;
    };
    const before = lab.patches().length;
    lab.model.annotate("one", { [`${P}public-ip`]: null });
    lab.clock.pass(60_000);
    expect(lab.patches().length - before).toBeLessThan(200);
  });

  it("may be given other podCIDRs", () => {
    const lab = cluster(1).start();
    lab.take();
    lab.model.put("one", ["10.244.77.0/24"], annotated(1));
    lab.clock.pass(10);
    expect(lab.take()).toEqual(["joined 10.244.77.0/24"]);
  });

  it("is lost when it is deleted, and joins again as another", () => {
    const lab = cluster(2).start();
    lab.take();
    lab.model.remove("one");
    lab.clock.pass(10);
    expect(lab.take()).toEqual([
      'lost: Node "one" is deleted',
      expect.stringMatching(/^problem: Cannot join: there is no Node "one"/),
    ]);
    const before = lab.patches().length;
    lab.model.put("one", ["10.244.9.0/24"]);
    lab.clock.pass(1_000);
    expect(lab.take()).toEqual(["well", "joined 10.244.9.0/24"]);
    expect(lab.patches().length - before).toBe(2);
  });

  it("may be told another address by an annotation", () => {
    const lab = cluster(1).start();
    lab.take();
    lab.model.annotate("one", { [`${P}node-public-ip`]: "192.0.2.50" });
    lab.clock.pass(10);
    expect(lab.take()).toEqual(["network 10.244.0.0/16 vxlan 192.0.2.50", "joined 10.244.1.0/24"]);
  });
});

describe.each(CODINGS)("other hosts, in %s,", (coding) => {
  beforeEach(() => {
    spoken = coding;
  });

  it("are told when they come, change and go", () => {
    const lab = cluster(2).start();
    lab.take();
    lab.model.put("n3", ["10.244.3.0/24"]);
    lab.model.annotate("n3", annotated(3));
    lab.model.annotate("n3", { heartbeat: "1" });
    lab.model.annotate("n3", { [`${P}public-ip`]: "192.0.2.33" });
    lab.model.remove("n2");
    lab.clock.pass(10);
    expect(lab.take()).toEqual([
      THREE,
      "n3: 10.244.3.0/24 192.0.2.33 02:00:00:00:00:03",
      "n2: gone",
    ]);
  });

  it("are told of a change of one family only", () => {
    files.set(CONF, JSON.stringify(DUAL));
    const lab = new Lab({}, dualOwn);
    lab.model.put("one", ["10.244.1.0/24", "fd10:0:0:1::/64"]);
    lab.model.put("n2", ["10.244.2.0/24", "fd10:0:0:2::/64"], dualAnnotated(2));
    lab.start();
    lab.take();
    lab.model.annotate("n2", { [`${P}public-ipv6`]: "2001:db8::22" });
    lab.clock.pass(10);
    expect(lab.take()).toEqual([
      "n2: 10.244.2.0/24 fd10:0:0:2::/64 192.0.2.2 2001:db8::22 02:00:00:00:00:02 02:00:00:00:06:02",
    ]);
  });

  it.each<readonly [string, object, string | undefined]>([
    ["an address that is none", { [`${P}public-ip`]: "x" }, 'its public-ip is "x"'],
    ["no address", { [`${P}public-ip`]: null }, "its public-ip is missing"],
    ["a loopback address", { [`${P}public-ip`]: "127.0.0.1" }, 'its public-ip is "127.0.0.1"'],
    ["data that are no JSON", { [`${P}backend-data`]: "{" }, 'its backend-data is "{"'],
    [
      "a MAC that is none",
      { [`${P}backend-data`]: '{"VtepMAC":"ff:ff:ff:ff:ff:ff"}' },
      'its backend-data is "{\\"VtepMAC\\":\\"ff:ff:ff:ff:ff:ff\\"}"',
    ],
    ["another backend", { [`${P}backend-type`]: "wireguard" }, undefined],
    ["that nobody manages it", { [`${P}kube-subnet-manager`]: null }, undefined],
  ])("stay as they were if their Node says %s", (_, annotations, fault) => {
    const lab = cluster(2).start();
    lab.take();
    lab.model.annotate("n2", { ...annotations });
    lab.model.annotate("n2", { heartbeat: "1" });
    lab.clock.pass(10);
    const note = `note: Cannot use Node "n2": ${fault}; it stays as it was`;
    expect(lab.take()).toEqual(fault === undefined ? [] : [note]);
    lab.model.forget();
    lab.model.endWatches();
    lab.clock.pass(2_000);
    expect(lab.take()).toEqual([`all ${TWO}`]);
    lab.model.annotate("n2", annotated(2));
    lab.clock.pass(10);
    expect(lab.take()).toEqual([]);
  });

  it("are not those that came back as others while nobody watched", () => {
    const lab = cluster(3).start();
    lab.take();
    lab.isAway = true;
    lab.breakOff();
    lab.model.remove("n2");
    lab.model.put("n2", ["10.244.2.0/24"], { [`${P}kube-subnet-manager`]: "true" });
    lab.model.forget();
    lab.isAway = false;
    lab.clock.pass(5_000);
    expect(lab.take().filter((each) => each.startsWith("all"))).toEqual([`all ${THREE}`]);
  });

  it("come from a list of one piece or of pages, in whatever pieces it comes", () => {
    for (const [ignoresLimit, cut] of [
      [false, 1 << 20],
      [true, 1 << 20],
      [true, 977],
    ] as const) {
      const lab = new Lab();
      lab.model.put("one", ["10.244.1.0/24"]);
      lab.model.ignoresLimit = ignoresLimit;
      lab.cut = cut;
      for (let i = 0; i < 250; i++) {
        lab.model.put(`p${i}`, [`10.244.${i}.0/24`], annotated(2, { emoji: '… }] \\" 🙂' }));
      }
      lab.start();
      const [all = ""] = lab.take().filter((each) => each.startsWith("all"));
      expect(all.match(/p\d+: 10/g)).toHaveLength(250);
      const lists = lab.model.requests.filter(({ path }) => path.includes("limit="));
      expect(lists).toHaveLength(ignoresLimit ? 1 : 3);
    }
  });
});

describe.each(CODINGS)("a watch, in %s,", (coding) => {
  beforeEach(() => {
    spoken = coding;
  });

  const watches = (lab: Lab) =>
    lab.model.requests.filter(({ path }) => path.includes("watch=true"));

  it("goes on from a bookmark, and is no problem when it ends in good order", () => {
    const lab = cluster(2).start();
    lab.take();
    lab.model.remove("nobody");
    lab.model.annotate("one", { other: "x" });
    lab.model.bookmark();
    lab.clock.pass(400_000 - 300_000);
    lab.model.endWatches();
    lab.clock.pass(1_000);
    const [, last] = watches(lab).map(({ path }) => new URL(path, "http://x").searchParams);
    expect(last?.get("allowWatchBookmarks")).toBe("true");
    expect(Number(last?.get("timeoutSeconds"))).toBeGreaterThanOrEqual(300);
    expect(last?.get("resourceVersion")).toBe(lab.model.nodes.get("one")?.metadata.resourceVersion);
    expect(lab.take()).toEqual([]);
  });

  it("that is too old is a new list, with who came and went", () => {
    const lab = cluster(2).start();
    lab.take();
    lab.breakOff();
    lab.model.remove("n2");
    lab.model.put("n3", ["10.244.3.0/24"], annotated(3));
    lab.model.forget();
    lab.clock.pass(5_000);
    expect(lab.take().at(-1)).toBe(`all ${THREE}`);
  });

  it("that is silent is begun again, after a list if nothing has ever come", () => {
    const lab = cluster(2).start();
    lab.take();
    lab.clock.pass(160_000);
    const silence = expect.stringContaining("nothing has come for 150 s");
    expect(lab.take()).toEqual([silence, "well"]);
    lab.clock.pass(150_000);
    expect(lab.take()).toEqual([silence, `all ${TWO}`, "well"]);
    expect(watches(lab)).toHaveLength(3);
  });

  it("that a server does not begin is asked for again, without a list", () => {
    const lab = cluster(2).start();
    lab.take();
    const lists = () => lab.model.requests.filter(({ path }) => path.includes("limit=")).length;
    const before = lists();
    lab.instead = (_, { path }) => path.includes("watch=true");
    lab.model.endWatches();
    lab.clock.pass(100_000);
    expect(lab.take()).toEqual([expect.stringContaining("no answer within 30 s")]);
    lab.instead = undefined;
    lab.clock.pass(60_000);
    lab.model.remove("n2");
    expect(lab.take()).toEqual(["well", "n2: gone"]);
    expect(lists()).toBe(before);
  });

  it.each([
    ["no JSON", "<html>"],
    ["no event", '{"type":"MODIFIED"}'],
    ["a Node without a version", '{"type":"MODIFIED","object":{"metadata":{"name":"n2"}}}'],
    ["an error", '{"type":"ERROR","object":{"code":500,"message":"etcdserver: leader changed"}}'],
  ])("that says %s takes nobody away, and is begun again", (_, line) => {
    const lab = cluster(2).start();
    lab.take();
    lab.model.send(line);
    lab.clock.pass(2_000);
    expect(lab.take()).toEqual([expect.stringMatching(/^problem: Cannot GET .*\/nodes: /), "well"]);
    lab.model.put("n3", ["10.244.3.0/24"], annotated(3));
    lab.clock.pass(10);
    expect(lab.take()).toEqual([THREE]);
  });

  it("waits longer each time for a server that is away, and for an hour", () => {
    const lab = cluster(2).start();
    lab.take();
    lab.isAway = true;
    lab.breakOff();
    const before = lab.network.connections.length;
    lab.clock.pass(3_600_000);
    expect(lab.network.connections.length - before).toBeLessThan(260);
    expect(lab.take().every((each) => each.startsWith("problem: "))).toBe(true);
    lab.model.put("n3", ["10.244.3.0/24"], annotated(3));
    lab.isAway = false;
    lab.clock.pass(40_000);
    expect(lab.take()).toEqual(["well", THREE]);
  });
});

describe.each(CODINGS)("who this is, in %s,", (coding) => {
  beforeEach(() => {
    spoken = coding;
  });

  const everything = new Set(["*"]);

  it("is a token, which is read again after a minute and when it is refused", () => {
    const lab = cluster(2);
    lab.model.rights = new Map([["token-1", everything]]);
    lab.start();
    lab.take();
    files.set(`${ACCOUNT}/token`, "token-2");
    lab.model.rights = new Map([["token-2", everything]]);
    lab.model.endWatches();
    lab.clock.pass(2_000);
    expect(lab.take()).toEqual([]);
    files.set(`${ACCOUNT}/token`, "token-3");
    lab.clock.pass(61_000);
    lab.model.endWatches();
    lab.clock.pass(2_000);
    expect(lab.model.requests.at(-1)?.token).toBe("token-3");
  });

  it("is said to be refused, without the token", () => {
    const lab = cluster(2);
    lab.model.rights = new Map();
    lab.start();
    expect(lab.take()).toEqual([
      `problem: Cannot GET https://10.96.0.1:443/api/v1/nodes/one: 401 (Unauthorized): the server does not accept what ${ACCOUNT}/token says who this is`,
    ]);
  });

  it.each([
    ["get nodes", "get nodes"],
    ["list nodes", "list nodes"],
    ["watch nodes", "watch nodes"],
    ["patch nodes/status", "patch nodes/status"],
  ])("lacks the right to %s by name", (right, words) => {
    const lab = cluster(2);
    const all = ["get nodes", "list nodes", "watch nodes", "patch nodes/status"];
    lab.model.rights = new Map([["token-1", new Set(all.filter((each) => each !== right))]]);
    lab.start();
    expect(lab.take().join("\n")).toMatch(
      new RegExp(`403 \\(.* is forbidden: .*the right is missing to ${words}, as a ClusterRole`),
    );
  });

  it("needs the files of a pod", () => {
    const lab = cluster(1);
    files.delete(`${ACCOUNT}/token`);
    lab.start();
    expect(lab.take()).toEqual([`problem: Cannot read "${ACCOUNT}/token": there is no such file`]);
    files.set(`${ACCOUNT}/token`, "t");
    lab.clock.pass(2_000);
    expect(lab.take()).toContain("joined 10.244.1.0/24");
  });

  it("may be said by a kubeconfig file", () => {
    files.set(
      "/etc/kubeconfig",
      `apiVersion: v1
clusters: [{ name: c, cluster: { server: "https://k.example:6443", certificate-authority-data: "${btoa("CA")}" } }]
users: [{ name: u, user: { tokenFile: token } }]
contexts: [{ name: x, context: { cluster: c, user: u } }]
current-context: x
`,
    );
    files.set("/etc/token", "of a file\n");
    const lab = cluster(1, { kubeconfigFile: "/etc/kubeconfig" }).start();
    expect(lab.take()).toContain("joined 10.244.1.0/24");
    expect(lab.network.last.target).toMatchObject({
      host: "k.example",
      port: 6443,
      tls: { authorities: "CA" },
    });
    expect(lab.model.requests[0]?.token).toBe("of a file");
  });
});

describe("an answer that is no good", () => {
  const PROTOBUF = "application/vnd.kubernetes.protobuf";
  const ofProtobuf = (body: Uint8Array) => answerBytes(body, PROTOBUF);
  const metadata = { name: "a", uid: "u", resourceVersion: "1" };
  const listBytes = objectBytes("NodeList", {
    metadata: { resourceVersion: "7" },
    items: [{ metadata }, { metadata }],
  });

  it.each([
    ["no JSON", answerText("<html>")],
    ["no list", answerText('{"kind":"Status"}')],
    ["half a list", answerText('{"kind":"NodeList","items":[{"metadata":{"name":"a"}},{"met')],
    ["a list without a version", answerText('{"kind":"NodeList","metadata":{},"items":[]}')],
    ["no UTF-8", answerText("\ud800")],
    ["a server's own fault", answerText("oh", 503)],
    ["another kind", ofProtobuf(objectBytes("Status", { code: 200 }))],
    ["nothing of a list", ofProtobuf(new Uint8Array(0))],
    ["half a list in Protocol Buffers", ofProtobuf(listBytes.subarray(0, -9))],
    ["JSON that is called otherwise", ofProtobuf(utf8("{}"))],
    ["a list without a version", ofProtobuf(objectBytes("NodeList", { metadata: {} }))],
  ])("takes nobody away: %s", (_, answer) => {
    const lab = cluster(2).start();
    lab.take();
    lab.instead = (connection, { path }) => {
      if (!path.includes("limit=")) return false;
      connection.give(answer);
      return true;
    };
    lab.model.forget();
    lab.model.endWatches();
    lab.clock.pass(60_000);
    const told = lab.take();
    expect(told.length).toBeGreaterThan(0);
    expect(told.every((each) => /^problem: Cannot GET .*\/api\/v1\/nodes: /.test(each))).toBe(true);
    lab.instead = undefined;
    lab.clock.pass(40_000);
    expect(lab.take()).toEqual([`all ${TWO}`, "well"]);
  });

  it("is a list that never ends", () => {
    const lab = cluster(2).start();
    lab.take();
    lab.instead = (connection, { path }) => {
      if (!path.includes("limit=")) return false;
      connection.give('HTTP/1.1 200 OK\r\n\r\n{"kind":"NodeList","items":[{"metadata":{"name":"');
      for (let i = 0; i < 100 && !connection.isClosed; i++) connection.give("x".repeat(1 << 20));
      expect(connection.isClosed).toBe(true);
      return true;
    };
    lab.model.forget();
    lab.model.endWatches();
    lab.clock.pass(1_000);
    expect(lab.take().join()).toContain("a part of it is longer than 4096 KB");
  });

  it.each([
    ["whose Node says that it is 100 MB", varint(100 << 20), "a part of it is longer than 4096 KB"],
    ["whose Node says a length that is none", new Uint8Array(20).fill(0xff), "more than 10 bytes"],
  ])("is a list %s", (_, length, fault) => {
    const lab = cluster(2).start();
    lab.take();
    lab.instead = (connection, { path }) => {
      if (!path.includes("limit=")) return false;
      const item = joined(varint(2 * 8 + 2), length, new Uint8Array(20));
      const raw = joined(varint(2 * 8 + 2), varint(1 << 29), item);
      connection.give(`HTTP/1.1 200 OK\r\nContent-Type: ${PROTOBUF}\r\n\r\n`);
      connection.give(joined(utf8("k8s\0"), raw));
      expect(connection.isClosed).toBe(true);
      return true;
    };
    lab.model.forget();
    lab.model.endWatches();
    lab.clock.pass(1_000);
    expect(lab.take().join()).toContain(fault);
  });

  it("is a list of Nodes without an end", () => {
    const lab = cluster(2).start();
    lab.take();
    lab.instead = (connection, { path }) => {
      if (!path.includes("limit=")) return false;
      const many = joined(...Array(10_000).fill(lengthField(2, new Uint8Array(0))));
      connection.give(`HTTP/1.1 200 OK\r\nContent-Type: ${PROTOBUF}\r\n\r\n`);
      connection.give(joined(utf8("k8s\0"), varint(2 * 8 + 2), varint(2 ** 40)));
      for (let i = 0; i < 100 && !connection.isClosed; i++) connection.give(many);
      expect(connection.isClosed).toBe(true);
      return true;
    };
    lab.model.forget();
    lab.model.endWatches();
    lab.clock.pass(1_000);
    expect(lab.take().join()).toContain("there are more than 100000 nodes in it");
  });
});

describe("the network's configuration", () => {
  it("may change, and all hosts are read anew", () => {
    const lab = cluster(2).start();
    lab.take();
    files.set(CONF, "{");
    lab.clock.pass(10_000);
    expect(lab.take()).toEqual([expect.stringContaining("it must be JSON")]);
    files.set(CONF, JSON.stringify({ ...V4, Network: "10.240.0.0/12" }));
    lab.clock.pass(10_000);
    expect(lab.take()).toEqual(
      expect.arrayContaining(["well", "network 10.240.0.0/12 vxlan", `all ${TWO}`]),
    );
  });
});
