/** A host of a network in etcd: an etcd in memory, and a clock that passes when the test says so. */
import { describe, expect, it, vi } from "vitest";
import { FakeEtcd } from "../../../tools/fake-etcd.ts";
import { answerText, FakeClock, FakeNetwork } from "../../../tools/fake-network.ts";
import { type Endpoint, parseEndpoint } from "../../http/endpoint.ts";
import { parseAddress } from "../../ip/address.ts";
import { formatCidr, parseCidr } from "../../ip/cidr.ts";
import { parseMac } from "../../ip/mac.ts";
import type { OwnHost } from "../store.ts";
import { EtcdStore } from "./etcd-store.ts";

vi.mock("host", () => {
  function decode(bytes: Uint8Array) {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      return undefined;
    }
  }
  const isBase64 = (text: string) => /^(?:[\w+/]{4})*(?:[\w+/]{2}==|[\w+/]{3}=)?$/.test(text);
  const textOfBase64 = (text: string) =>
    isBase64(text) ? decode(Buffer.from(text, "base64")) : undefined;
  return {
    encode: (text: string) => new TextEncoder().encode(text),
    load: () => ({ jsonFault: () => "it is none" }),
    decode,
    agent: () => ({ textOfBase64 }),
  };
});

const PREFIX = "/coreos.com/network";
const CONFIG = `${PREFIX}/config`;
const SUBNETS = `${PREFIX}/subnets/`;
const config = (more = {}) =>
  JSON.stringify({ Network: "10.5.0.0/16", Backend: { Type: "vxlan" }, ...more });
const HOUR = 3_600_000;

const macOf = (n: number) => `02:00:00:00:00:${n.toString(16).padStart(2, "0")}`;
/** What flannel writes of host n. */
const entryOf = (n: number) =>
  `{"PublicIP":"192.0.2.${n}","PublicIPv6":null,"BackendType":"vxlan",` +
  `"BackendData":{"VNI":1,"VtepMAC":"${macOf(n)}"}}`;

function ownHost(n: number, more: Partial<OwnHost> = {}): OwnHost {
  return {
    publicIP: parseAddress(`192.0.2.${n}`),
    publicIPv6: undefined,
    backend: "vxlan",
    vni: 1,
    vtepMac: parseMac(macOf(n)),
    vtepMacV6: undefined,
    formerSubnets: [],
    ...more,
  };
}

/** One clock, one etcd with any number of hosts, which are published as soon as there is a network. */
class Lab {
  readonly clock = new FakeClock();
  readonly network = new FakeNetwork();
  readonly etcd = new FakeEtcd(this.network, this.clock);
  #chance = 1;

  constructor(text: string | undefined = config()) {
    if (text !== "") this.etcd.put(CONFIG, text);
  }

  /** The same numbers in each run. */
  readonly random = (): number => {
    this.#chance = (this.#chance * 48_271) % 2_147_483_647;
    return this.#chance / 2_147_483_647;
  };

  host(own: OwnHost, more: { ports?: number[]; password?: string } = {}): Host {
    const { ports = [2379], password } = more;
    const endpoints = ports.map((port) => parseEndpoint(`http://etcd:${port}`) as Endpoint);
    const user = password === undefined ? undefined : { name: "weft", password: () => password };
    const settings = { endpoints, prefix: PREFIX, user, renewMargin: HOUR };
    const means = { open: this.network.open, clock: this.clock, random: this.random };
    const host = new Host(new EtcdStore(settings, means), own);
    this.clock.pass(100);
    return host;
  }

  /** The names in etcd, without the configuration. */
  get names(): string[] {
    return [...this.etcd.keys.keys()]
      .filter((key) => key.startsWith(SUBNETS))
      .map((key) => key.slice(SUBNETS.length))
      .sort();
  }
}

/** A store, and what it has told. */
class Host {
  readonly store: EtcdStore;
  readonly told: string[] = [];
  readonly hosts = new Map<string, string>();
  subnets = "";
  problem: string | undefined;
  own: OwnHost;

  constructor(store: EtcdStore, own: OwnHost) {
    this.store = store;
    this.own = own;
    store.start({
      onNetwork: (network) => {
        this.told.push(`network ${network.families.map((each) => formatCidr(each.network))}`);
        store.publish(this.own);
      },
      onJoined: (subnets) => {
        this.subnets = subnets.map(formatCidr).join();
        this.told.push(`joined ${this.subnets}`);
      },
      onLost: (reason) => this.told.push(`lost ${reason}`),
      onHosts: (hosts) => {
        this.hosts.clear();
        for (const [key, host] of hosts) this.hosts.set(key, String(host.publicIP));
        this.told.push(`hosts ${[...this.hosts.keys()]}`);
      },
      onHost: (key, host) => {
        if (host) this.hosts.set(key, String(host.publicIP));
        else this.hosts.delete(key);
        this.told.push(`${host ? "host" : "gone"} ${key}`);
      },
      onProblem: (problem) => {
        this.problem = problem;
        this.told.push(problem === undefined ? "well" : "problem");
      },
      onNote: (event, sentence) => this.told.push(`${event}: ${sentence}`),
    });
  }

  /** What has been told since this was asked last. */
  take(): string[] {
    return this.told.splice(0);
  }
}

describe("a host joins", () => {
  it("with the value that flannel writes, for a day", () => {
    const lab = new Lab();
    lab.etcd.put(`${SUBNETS}10.5.7.0-24`, entryOf(7));
    const host = lab.host(
      ownHost(1, { formerSubnets: [parseCidr("10.5.9.0/24")].flatMap((each) => each ?? []) }),
    );
    expect(host.take()).toEqual(["network 10.5.0.0/16", "hosts 10.5.7.0-24", "joined 10.5.9.0/24"]);
    const kv = lab.etcd.keys.get(`${SUBNETS}10.5.9.0-24`);
    expect(kv?.value).toBe(entryOf(1));
    expect(lab.etcd.leases.get(kv?.lease ?? "")).toBeGreaterThan(lab.clock.now() + 23.9 * HOUR);
  });

  it("of host-gw, and of two families, as flannel writes them", () => {
    const text = config({
      EnableIPv6: true,
      IPv6Network: "fd10::/48",
      Backend: { Type: "host-gw" },
    });
    const lab = new Lab(text);
    const formerSubnets = ["10.5.9.0/24", "fd10:0:0:7::/64"].flatMap(
      (each) => parseCidr(each) ?? [],
    );
    const nobody = { vtepMac: undefined, backend: "host-gw", formerSubnets };
    lab.host(ownHost(1, { ...nobody, publicIPv6: parseAddress("2001:db8::1") }));
    expect(lab.etcd.keys.get(`${SUBNETS}10.5.9.0-24&fd10:0:0:7::-64`)?.value).toBe(
      '{"PublicIP":"192.0.2.1","PublicIPv6":"2001:db8::1","BackendType":"host-gw"}',
    );
  });

  it("again with what it had, without a word to others", () => {
    const lab = new Lab();
    const first = lab.host(ownHost(1));
    first.store.stop();
    const { revision } = lab.etcd;
    lab.clock.pass(20 * HOUR);
    const second = lab.host(ownHost(1));
    expect(second.subnets).toBe(first.subnets);
    expect(lab.etcd.revision).toBe(revision);
    lab.clock.pass(20 * HOUR);
    expect(lab.names).toHaveLength(1);
  });

  it("with another hardware address under the same key", () => {
    const lab = new Lab();
    lab.host(ownHost(1)).store.stop();
    const [name] = lab.names;
    lab.host(ownHost(1, { vtepMac: parseMac("0a:00:00:00:00:01") }));
    expect(lab.names).toEqual([name]);
    expect(lab.etcd.keys.get(SUBNETS + name)?.value).toContain("0a:00:00:00:00:01");
  });

  it("where a reservation waits for it, which stays one", () => {
    const lab = new Lab();
    lab.etcd.put(`${SUBNETS}10.5.33.0-24`, '{"PublicIP":"192.0.2.1"}');
    const host = lab.host(ownHost(1));
    expect(host.subnets).toBe("10.5.33.0/24");
    expect(lab.etcd.keys.get(`${SUBNETS}10.5.33.0-24`)).toMatchObject({
      value: entryOf(1),
      lease: "0",
    });
    lab.clock.pass(48 * HOUR);
    expect(lab.etcd.keys.get(`${SUBNETS}10.5.33.0-24`)?.lease).toBe("0");
  });

  it("and gives up what it had outside the network", () => {
    const lab = new Lab();
    lab.etcd.leases.set("5", Infinity);
    lab.etcd.put(`${SUBNETS}10.6.33.0-24`, entryOf(1), "5");
    const host = lab.host(ownHost(1));
    expect(host.subnets).toMatch(/^10\.5\./);
    expect(lab.names).toEqual([host.subnets.replace("/", "-")]);
  });

  it.each([false, true])(
    "one of 50 at once, each with a subnet of its own (two families: %s)",
    (isDual) => {
      const more = isDual
        ? { EnableIPv6: true, IPv6Network: "fd10::/58", SubnetMax: "10.5.55.0" }
        : {};
      const lab = new Lab(config(more));
      const hosts = Array.from({ length: 50 }, (_, i) => {
        const own = ownHost(
          i + 1,
          isDual ? { publicIPv6: parseAddress(`2001:db8::${i + 1}`) } : {},
        );
        const endpoints = [parseEndpoint("http://etcd:2379") as Endpoint];
        const settings = { endpoints, prefix: PREFIX, renewMargin: HOUR };
        const means = { open: lab.network.open, clock: lab.clock, random: lab.random };
        return new Host(new EtcdStore(settings, means), own);
      });
      lab.clock.pass(20_000);
      const all = hosts.map(({ subnets }) => subnets.split(","));
      expect(new Set(all.map(([first]) => first)).size).toBe(50);
      if (isDual) expect(new Set(all.map(([, second]) => second)).size).toBe(50);
      expect(hosts.map((host) => host.hosts.size)).toEqual(hosts.map(() => 49));
      expect(lab.names).toHaveLength(50);
    },
  );

  it("once there is room in a full network", () => {
    const lab = new Lab(config({ Network: "10.5.0.0/24", SubnetLen: 26 }));
    for (const n of [64, 128, 192]) lab.etcd.put(`${SUBNETS}10.5.0.${n}-26`, entryOf(n));
    const host = lab.host(ownHost(1));
    expect(host.problem).toBe(
      "Cannot join network 10.5.0.0/24: all 3 subnets /26 from 10.5.0.64 to 10.5.0.192 are taken",
    );
    lab.etcd.delete(`${SUBNETS}10.5.0.128-26`);
    lab.clock.pass(2_000);
    expect([host.subnets, host.problem]).toEqual(["10.5.0.128/26", undefined]);
  });

  it("never where another length overlaps", () => {
    const lab = new Lab(config({ Network: "10.5.0.0/24", SubnetLen: 26 }));
    lab.etcd.put(`${SUBNETS}10.5.0.64-27`, entryOf(7));
    lab.etcd.put(`${SUBNETS}10.5.0.128-25`, entryOf(8));
    expect(lab.host(ownHost(1)).problem).toContain("are taken");
  });

  it("only if there is a configuration, and if it is one", () => {
    const lab = new Lab("");
    const host = lab.host(ownHost(1));
    expect(host.problem).toBe(
      `Cannot join a network: etcd has no key ${CONFIG}, write it with: weft agent init --network …`,
    );
    lab.etcd.put(
      CONFIG,
      '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fd10::/48","Backend":{"Type":"vxlan"}}',
    );
    lab.clock.pass(15_000);
    expect(host.problem).toContain("the names of hosts in etcd begin with their IPv4 subnets");
    lab.etcd.put(CONFIG, config());
    lab.clock.pass(15_000);
    expect([host.problem, host.subnets]).toEqual([undefined, expect.stringMatching(/^10\.5\./)]);
  });
});

describe("a host that has joined", () => {
  const joined = (more?: { ports?: number[] }) => {
    const lab = new Lab();
    const host = lab.host(ownHost(1), more);
    host.take();
    const key = SUBNETS + lab.names[0];
    return { lab, host, key, subnet: host.subnets };
  };

  it("hears of others, and not of itself", () => {
    const { lab, host } = joined();
    lab.etcd.put(`${SUBNETS}10.5.7.0-24`, entryOf(7));
    lab.etcd.put(`${SUBNETS}10.5.7.0-24`, entryOf(8));
    lab.etcd.put(`${SUBNETS}10.5.8.0-24`, entryOf(1));
    lab.etcd.delete(`${SUBNETS}10.5.7.0-24`);
    lab.clock.pass(10);
    expect(host.take()).toEqual(["host 10.5.7.0-24", "host 10.5.7.0-24", "gone 10.5.7.0-24"]);
  });

  it("keeps its lease for as long as it lives", () => {
    const { lab, host, key } = joined();
    for (let day = 0; day < 10; day++) lab.clock.pass(24 * HOUR);
    expect(lab.etcd.keys.get(key)?.modified).toBe(3);
    expect(host.take()).toEqual([]);
    expect(host.store.counts.renewals).toBeGreaterThan(19);
  });

  it("says when its lease ends, also once the wall clock is set and it is not renewed", () => {
    const { lab, host } = joined();
    const left = () => ((host.store.leaseEnds ?? 0) - lab.clock.wall()) / HOUR;
    expect(left()).toBeCloseTo(24, 2);
    for (const hours of [30, -10_000]) {
      lab.clock.setWall(lab.clock.wall() + hours * HOUR);
      expect(left()).toBeCloseTo(24, 2);
    }
    lab.etcd.refused.add(2379);
    lab.clock.pass(23 * HOUR);
    expect(left()).toBeLessThan(13);
    host.store.stop();
    expect(host.store.leaseEnds).toBeUndefined();
  });

  it("keeps peers and place while etcd is away for an hour", () => {
    const { lab, host, key } = joined();
    lab.etcd.put(`${SUBNETS}10.5.7.0-24`, entryOf(7));
    lab.clock.pass(10);
    lab.etcd.refused.add(2379);
    lab.etcd.cut();
    lab.clock.pass(HOUR);
    expect(host.take()).toEqual(["host 10.5.7.0-24", "problem"]);
    expect(host.problem).toContain("Cannot POST http://etcd:2379/v3/watch: ");
    const asked = lab.network.connections.length;
    expect(asked).toBeLessThan(400);
    lab.etcd.put(`${SUBNETS}10.5.8.0-24`, entryOf(8));
    lab.etcd.delete(`${SUBNETS}10.5.7.0-24`);
    lab.etcd.refused.clear();
    lab.clock.pass(31_000);
    expect(host.take()).toEqual(["well", "host 10.5.8.0-24", "gone 10.5.7.0-24"]);
    expect(lab.etcd.keys.has(key)).toBe(true);
  });

  it("takes its subnet again after etcd was away for longer than a lease lives", () => {
    const { lab, host, subnet } = joined();
    lab.etcd.refused.add(2379);
    lab.etcd.cut();
    lab.clock.pass(30 * HOUR);
    lab.etcd.refused.clear();
    lab.clock.pass(120_000);
    expect(host.take()).toEqual(
      expect.arrayContaining([expect.stringMatching(/^lost /), `joined ${subnet}`]),
    );
    expect([host.problem, lab.names]).toEqual([undefined, [subnet.replace("/", "-")]]);
  });

  it.each(["the key", "the lease"])("takes its subnet again if somebody removes %s", (what) => {
    const { lab, host, key, subnet } = joined();
    if (what === "the key") lab.etcd.delete(key);
    else lab.etcd.revoke(lab.etcd.keys.get(key)?.lease ?? "");
    lab.clock.pass(100);
    expect(host.take()).toEqual([
      `lost ${subnet}: its key is gone, or its lease has ended`,
      `joined ${subnet}`,
    ]);
    lab.clock.pass(30 * HOUR);
    expect(lab.etcd.keys.has(key)).toBe(true);
  });

  it("finds another subnet if another host has its key", () => {
    const { lab, host, key, subnet } = joined();
    lab.etcd.put(key, entryOf(9));
    lab.clock.pass(1_000);
    expect(host.take()[0]).toBe(`lost ${subnet}: another host has taken its key`);
    expect(host.subnets).not.toBe(subnet);
    expect(lab.names).toHaveLength(2);
    expect([...host.hosts.keys()]).toEqual([subnet.replace("/", "-")]);
  });

  it("writes its key again, in no haste, if its double has written it", () => {
    const { lab, host, key } = joined();
    for (let i = 0; i < 3; i++) {
      lab.etcd.put(key, entryOf(1).replace(macOf(1), macOf(9)));
      lab.clock.pass(10);
      expect(lab.etcd.keys.get(key)?.value).not.toBe(entryOf(1));
      lab.clock.pass(60_000);
      expect(lab.etcd.keys.get(key)?.value).toBe(entryOf(1));
    }
    expect(host.take().slice(0, 2)).toEqual(["problem", "well"]);
    lab.etcd.put(key, entryOf(1).replace(macOf(1), macOf(9)));
    lab.clock.pass(10);
    expect(host.problem).toContain("Cannot keep the public address 192.0.2.1 for this host");
    lab.clock.pass(HOUR);
    expect(host.problem).toBeUndefined();
  });

  it("is known as what it has become", () => {
    const { lab, host, key, subnet } = joined();
    host.own = ownHost(2);
    host.store.publish(host.own);
    lab.clock.pass(1_000);
    expect([lab.etcd.keys.get(key)?.value, host.subnets]).toEqual([entryOf(2), subnet]);
    expect(host.take()).toEqual(["hosts "]);
  });

  it("lists again after compaction, and takes nobody away meanwhile", () => {
    const { lab, host } = joined();
    lab.etcd.put(`${SUBNETS}10.5.7.0-24`, entryOf(7));
    lab.clock.pass(10);
    lab.etcd.refused.add(2379);
    lab.etcd.cut();
    lab.etcd.put(`${SUBNETS}10.5.8.0-24`, entryOf(8));
    lab.etcd.put(`${SUBNETS}10.5.9.0-24`, entryOf(9));
    lab.etcd.compact();
    lab.etcd.refused.clear();
    lab.clock.pass(5_000);
    expect(host.take()).toEqual([
      "host 10.5.7.0-24",
      expect.stringContaining("is compacted"),
      "hosts 10.5.7.0-24,10.5.8.0-24,10.5.9.0-24",
    ]);
    lab.etcd.put(`${SUBNETS}10.5.10.0-24`, entryOf(10));
    lab.clock.pass(10);
    expect(host.take()).toEqual(["host 10.5.10.0-24"]);
  });

  it("lists again if etcd was restored, and keeps all if it is empty then", () => {
    const { lab, host } = joined();
    lab.etcd.put(`${SUBNETS}10.5.7.0-24`, entryOf(7));
    lab.clock.pass(10);
    lab.etcd.cut();
    lab.etcd.keys.clear();
    lab.etcd.revision = 1;
    lab.clock.pass(5_000);
    expect(host.take()).toEqual([
      "host 10.5.7.0-24",
      expect.stringContaining("was restored"),
      "problem",
    ]);
    expect(host.hosts.size).toBe(1);
    lab.etcd.put(CONFIG, config());
    lab.clock.pass(60_000);
    expect(host.problem).toBeUndefined();
    expect(lab.names).toEqual([host.subnets.replace("/", "-")]);
  });

  it("notices an endpoint that falls silent, and asks another one", () => {
    const { lab, host } = joined({ ports: [1, 2, 3] });
    const port = lab.network.connections.find(({ isClosed }) => !isClosed)?.target.port ?? 0;
    lab.etcd.silent.add(port);
    lab.clock.pass(60_000);
    expect(lab.network.last.target.port).not.toBe(port);
    lab.etcd.put(`${SUBNETS}10.5.7.0-24`, entryOf(7));
    lab.clock.pass(10);
    expect(host.take()).toContain("host 10.5.7.0-24");
    expect(host.problem).toBeUndefined();
  });

  it("is at peace if one of three endpoints is away", () => {
    const { lab, host } = joined({ ports: [1, 2, 3] });
    for (const port of [1, 2, 3]) {
      lab.etcd.refused.clear();
      lab.etcd.refused.add(port);
      lab.etcd.cut();
      lab.clock.pass(5_000);
      lab.etcd.put(`${SUBNETS}10.5.7.0-24`, entryOf(port + 10));
      lab.clock.pass(5_000);
    }
    expect(host.take().filter((each) => each.startsWith("host"))).toHaveLength(3);
    expect(host.problem).toBeUndefined();
  });

  it("leaves a network for its new configuration", () => {
    const { lab, host, subnet } = joined();
    lab.etcd.put(CONFIG, config({ Network: "10.9.0.0/16" }));
    lab.clock.pass(1_000);
    expect(host.take()).toEqual([
      "network 10.9.0.0/16",
      `lost ${subnet}: the network's configuration has changed`,
      expect.stringMatching(/^joined 10\.9\./),
      expect.stringMatching(/^given-up: /),
    ]);
    expect(lab.names).toEqual([host.subnets.replace("/", "-")]);
    lab.etcd.put(CONFIG, "nonsense");
    lab.etcd.delete(CONFIG);
    lab.clock.pass(1_000);
    expect(host.take()).toEqual(["problem", "problem"]);
    expect(lab.names).toHaveLength(1);
  });

  it("does not mind a clock on the wall that jumps", () => {
    const { lab, host } = joined();
    lab.clock.setWall(0);
    lab.clock.pass(30 * HOUR);
    lab.clock.setWall(4_000_000_000_000);
    lab.clock.pass(30 * HOUR);
    expect(host.take()).toEqual([]);
    expect(lab.names).toHaveLength(1);
  });
});

describe("junk", () => {
  const junk: [string, string, string][] = [
    ["10.5.7.0-24", "nonsense", "its value is no JSON object"],
    ["10.5.7.0-24", "{}", "it has no PublicIP"],
    ["10.5.7.0-24", '{"PublicIP":7}', "its PublicIP is no IPv4 address"],
    [
      "10.5.7.0-24",
      '{"PublicIP":"192.0.2.7","PublicIPv6":"x"}',
      "its PublicIPv6 is no IPv6 address",
    ],
    [
      "10.5.7.0-24",
      '{"PublicIP":"192.0.2.7","BackendData":{"VtepMAC":"x"}}',
      "its VtepMAC is no hardware address",
    ],
    ["10.5.7.0-33", entryOf(7), "its name is no subnet"],
    ["10.5.700.0-24", entryOf(7), "its name is no subnet"],
    ["../config", entryOf(7), "its name is no subnet"],
    ["", entryOf(7), "its name is no subnet"],
  ];
  it.each(junk)("%s is ignored with one word (%#)", (name, value, why) => {
    const lab = new Lab();
    lab.etcd.put(SUBNETS + name, value);
    const host = lab.host(ownHost(1));
    const words = `ignored: the key ${JSON.stringify(SUBNETS + name)} of etcd is no host's: ${why}`;
    expect(host.take().filter((each) => each.startsWith("ignored"))).toEqual([words]);
    lab.etcd.put(`${SUBNETS}10.5.8.0-24`, entryOf(8));
    lab.etcd.compact();
    lab.etcd.cut();
    lab.clock.pass(60_000);
    expect(host.take().filter((each) => each.startsWith("ignored"))).toEqual([]);
    expect([...host.hosts.keys()]).toEqual(["10.5.8.0-24"]);
  });

  it("in place of a host does not take it away", () => {
    const lab = new Lab();
    lab.etcd.put(`${SUBNETS}10.5.7.0-24`, entryOf(7));
    const host = lab.host(ownHost(1));
    lab.etcd.put(`${SUBNETS}10.5.7.0-24`, "nonsense");
    lab.clock.pass(10);
    expect([...host.hosts.keys()]).toEqual(["10.5.7.0-24"]);
  });

  const answers: [string, string][] = [
    ["no JSON", answerText("<html>hello</html>")],
    ["without a revision", answerText("{}")],
    ["a list", answerText("[]")],
    ["cut", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"],
    ["too long", "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n"],
    [
      "endless",
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${"4\r\nabcd\r\n".repeat(100)}`,
    ],
    ["no gateway", answerText("404 page not found\n", 404)],
    ["an error", answerText('{"error":"etcdserver: no leader","code":14}', 503)],
  ];
  it.each(answers)(
    "as an answer, %s, takes nobody away, and the next endpoint is asked",
    (_, text) => {
      const lab = new Lab();
      lab.etcd.put(`${SUBNETS}10.5.7.0-24`, entryOf(7));
      const host = lab.host(ownHost(1));
      host.take();
      lab.etcd.instead = () => text;
      lab.etcd.compact();
      lab.etcd.cut();
      lab.clock.pass(HOUR);
      expect([...host.hosts.keys()]).toEqual(["10.5.7.0-24"]);
      expect(host.problem).toMatch(/^Cannot POST http:\/\/etcd:2379\/v3\//);
      expect(host.take()).not.toContain("hosts ");
      lab.etcd.instead = () => undefined;
      lab.clock.pass(60_000);
      expect(host.problem).toBeUndefined();
    },
  );

  it("says what to do where the gateway is off", () => {
    const lab = new Lab();
    lab.etcd.instead = () => answerText("404 page not found\n", 404);
    expect(lab.host(ownHost(1)).problem).toBe(
      "Cannot POST http://etcd:2379/v3/kv/range: 404, there is no JSON gateway: " +
        "start etcd, 3.4 or newer, with --enable-grpc-gateway",
    );
  });
});

describe("a user", () => {
  it("is authenticated, and once more when the token is forgotten", () => {
    const lab = new Lab();
    lab.etcd.tokens = new Set();
    const host = lab.host(ownHost(1), { password: "secret" });
    expect(host.subnets).not.toBe("");
    lab.etcd.tokens.clear();
    lab.etcd.cut();
    lab.clock.pass(60_000);
    lab.etcd.put(`${SUBNETS}10.5.7.0-24`, entryOf(7));
    lab.clock.pass(10);
    expect([...host.hosts.keys()]).toEqual(["10.5.7.0-24"]);
    expect(host.problem).toBeUndefined();
    expect(lab.etcd.requests.filter(({ path }) => path.includes("auth")).length).toBeLessThan(4);
  });

  it("whose password is wrong is told so, without the password", () => {
    const lab = new Lab();
    lab.etcd.tokens = new Set();
    const host = lab.host(ownHost(1), { password: "hunter2" });
    expect(host.problem).toContain("invalid user ID or password, look at user and password");
    expect(JSON.stringify(host.told)).not.toContain("hunter2");
  });

  it("is asked for where there is none, and not needed where etcd asks for none", () => {
    const lab = new Lab();
    expect(lab.host(ownHost(1), { password: "secret" }).subnets).not.toBe("");
    lab.etcd.tokens = new Set();
    expect(lab.host(ownHost(2)).problem).toContain("give --etcd-username and --etcd-password");
  });
});
