/**
 * Some hosts whose agents, store and kernels are treated badly in an order that nobody has chosen;
 * after each turn what every kernel has is compared with what etcd says.
 *
 *   WEFT_HOSTILE=20783    repeats the order of that seed
 *   WEFT_TURNS=500        goes on for so many turns
 */
import { expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Daemon } from "../bed/daemon.ts";
import { it } from "../bed/it.ts";
import { seed } from "../bed/part.ts";
import { Patience } from "../bed/patience.ts";
import { Etcd } from "../cluster/etcd.ts";
import { addStoresAddress, Host, STORES } from "../cluster/host.ts";

const PREFIX = "/coreos.com/network";
const SUBNETS = `${PREFIX}/subnets/`;
const HOSTS = 4;
/** Hosts that are in the store only. */
const PHANTOMS = 40;
const TURNS = Number(process.env.WEFT_TURNS ?? 40);

/** A host, and its agent while that is running. */
interface Member {
  readonly host: Host;
  agent: Daemon | undefined;
}

/** What a lease says of a host. */
interface Lease {
  readonly subnet: string;
  readonly publicIP: string;
  readonly mac: string;
}

/** Numbers below `limit` in an order that a seed gives. */
function generator(start: number): (limit: number) => number {
  let state = (start + 1) >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

class Torture {
  readonly #etcd: Etcd;
  readonly #members: readonly Member[];
  readonly #random: (limit: number) => number;
  /** What was done, in order. */
  readonly log: string[] = [];

  constructor(bed: Bed, etcd: Etcd, random: (limit: number) => number) {
    this.#etcd = etcd;
    this.#random = random;
    this.#members = Array.from({ length: HOSTS }, (_, i) => ({
      host: new Host(bed, i + 1),
      agent: undefined,
    }));
  }

  startAll(): void {
    for (const member of this.#members) this.#start(member);
  }

  /** One to three things happen, and some of them at the same time. */
  async turn(): Promise<void> {
    const ways = Object.entries(this.#ways);
    for (let i = this.#random(3); i >= 0; i--) {
      const [name, act] = ways[this.#random(ways.length)] ?? [];
      this.log.push(name ?? "");
      await act?.();
    }
    this.startAll();
  }

  readonly #ways: Readonly<Record<string, () => void | Promise<void>>> = {
    "another host joins, or is another one": () => this.#putPhantom(),
    "another host joins once more": () => this.#putPhantom(),
    "another host leaves": () => {
      this.#etcd.ctl(`del '${SUBNETS}${phantomKey(this.#random(PHANTOMS))}'`);
    },
    "all other hosts leave": () => {
      this.#etcd.ctl(`del --prefix '${SUBNETS}10.77.2'`);
    },
    "an agent is killed": () => this.#end("SIGKILL"),
    "an agent is ended": () => this.#end("SIGTERM"),
    "a lease is taken away": () => {
      const keys = [...this.#etcd.keys(SUBNETS).keys()];
      const key = keys[this.#random(keys.length)];
      if (key) this.#etcd.ctl(`del '${key}'`);
    },
    "junk is written": () => {
      const junk = ["junk", "10.77.250.0-99", "10.77.251.0-24", "10.77.252.0-24", "-24"];
      const values = ["", "{", "null", "[]", '{"PublicIP":7}', '{"PublicIP":"192.0.2.66"}'];
      const pick = <T>(all: readonly T[]) => all[this.#random(all.length)];
      this.#etcd.ctl(`put '${SUBNETS}${pick(junk)}' '${pick(values)}'`);
    },
    "etcd is killed and comes back": async () => {
      await this.#etcd.kill();
      await this.#etcd.restart();
    },
    "etcd pauses": async () => {
      this.#etcd.pause();
      await new Promise((resolve) => setTimeout(resolve, this.#random(3_000)));
      this.#etcd.resume();
    },
    "etcd forgets": () => this.#etcd.compact(),
    "an agent misses what etcd then forgets": async () => {
      const { agent } = this.#member();
      agent?.signal("SIGSTOP");
      for (let i = 0; i < 5; i++) this.#putPhantom();
      this.#etcd.compact();
      await this.#etcd.kill();
      await this.#etcd.restart();
      agent?.signal("SIGCONT");
    },
    "entries go": () => {
      this.#member().host.view.sh(`
        ip route flush dev flannel.1 2>/dev/null; ip neighbour flush dev flannel.1 nud permanent 2>/dev/null; true`);
    },
    "the device goes": () => {
      this.#member().host.view.sh("ip link delete flannel.1 2>/dev/null; true");
    },
    "the device goes down and comes up": () => {
      this.#member().host.view.sh(`
        ip link set flannel.1 down 2>/dev/null; ip link set flannel.1 up 2>/dev/null; true`);
    },
    "a route leads elsewhere": () => mislead(this.#member().host),
  };

  misleadAll(): void {
    for (const { host } of this.#members) mislead(host);
  }

  #member(): Member {
    const member = this.#members[this.#random(this.#members.length)];
    if (!member) throw new Error("no member");
    return member;
  }

  #start(member: Member): void {
    if (member.agent) return;
    member.agent = member.host.join("agent", `--etcd-endpoints=${this.#etcd.url} --ip-masq`);
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const member = this.#member();
    await member.agent?.end(signal);
    member.agent = undefined;
  }

  #putPhantom(): void {
    const number = this.#random(PHANTOMS);
    const [address, mac] = [100 + number + PHANTOMS * this.#random(2), this.#random(256)];
    const value = {
      PublicIP: `192.0.2.${address}`,
      PublicIPv6: null,
      BackendType: "vxlan",
      BackendData: { VNI: 1, VtepMAC: `0a:00:00:00:${hex(number)}:${hex(mac)}` },
    };
    this.#etcd.ctl(`put '${SUBNETS}${phantomKey(number)}' '${JSON.stringify(value)}'`);
  }

  /** Waits until each host has a lease, and each kernel what all others' leases say. */
  async settle(): Promise<void> {
    const patience = new Patience();
    for (;;) {
      const wrong = this.#wrong();
      if (wrong.length === 0) return;
      if (!patience.lasts()) {
        const said = this.#members.map(
          ({ host, agent }) => `${host.name}: ${agent?.said.slice(-3_000)}`,
        );
        expect([wrong, this.log.slice(-10), said]).toEqual([]);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  #wrong(): readonly string[] {
    const leases = leasesIn(this.#etcd.keys(SUBNETS));
    return this.#members.flatMap(({ host }) => {
      const own = leases.filter(({ publicIP }) => publicIP === host.publicIP);
      if (own.length !== 1) return [`${host.name} has ${own.length} leases`];
      const others = leases.filter(({ publicIP }) => publicIP !== host.publicIP);
      return differences(host, others).map((line) => `${host.name}: ${line}`);
    });
  }
}

const phantomKey = (number: number) => `10.77.${200 + number}.0-24`;
const hex = (number: number) => number.toString(16).padStart(2, "0");

/** Those that make sense. */
function leasesIn(keys: ReadonlyMap<string, string>): readonly Lease[] {
  return [...keys].flatMap(([key, value]) => {
    const [, address, length] = /subnets\/(\d+\.\d+\.\d+\.\d+)-(\d+)$/.exec(key) ?? [];
    const { PublicIP, BackendType, BackendData } = object(value);
    if (length !== "24" || BackendType !== "vxlan" || !BackendData) return [];
    return [{ subnet: `${address}/24`, publicIP: String(PublicIP), mac: BackendData.VtepMAC }];
  });
}

interface LeaseValue {
  readonly PublicIP?: unknown;
  readonly BackendType?: string;
  readonly BackendData?: { readonly VtepMAC: string };
}

function object(text: string): LeaseValue {
  try {
    return (JSON.parse(text) as LeaseValue | null) ?? {};
  } catch {
    return {};
  }
}

/** What a kernel has and should not have (+), or has not and should have (-). */
function differences({ view }: Host, leases: readonly Lease[]): readonly string[] {
  const lines = (script: string) =>
    view
      .sh(`${script}; true`)
      .split("\n")
      .map((line) => line.trim());
  const should = leases.flatMap(({ subnet, publicIP, mac }) => {
    const gateway = subnet.replace("/24", "");
    return [
      `${subnet} via ${gateway} dev flannel.1`,
      `${gateway} lladdr ${mac}`,
      `${mac} dst ${publicIP}`,
    ];
  });
  const has = [
    ...lines("ip route show | grep '^10.77.*/24 via'").map((line) =>
      line.split(" ").slice(0, 5).join(" "),
    ),
    ...lines("ip neighbour show dev flannel.1 nud permanent").map((line) =>
      line.replace(/ +PERMANENT.*/, ""),
    ),
    ...lines("bridge fdb show dev flannel.1").map((line) =>
      line.replace(/ (via|self|dev|link-netnsid).*/, ""),
    ),
  ].filter((line) => line !== "");
  return [
    ...should.filter((line) => !has.includes(line)).map((line) => `- ${line}`),
    ...has.filter((line) => !should.includes(line)).map((line) => `+ ${line}`),
  ];
}

/** The first of a host's routes to others leads to nobody. */
function mislead({ view }: Host): void {
  view.sh(`
    subnet=$(ip route show dev flannel.1 2>/dev/null | sed -n '1s/ .*//p')
    test -z "$subnet" || ip route replace $subnet via 192.0.2.250`);
}

async function networkIn(bed: Bed): Promise<Etcd> {
  addStoresAddress(bed);
  const etcd = await new Etcd(bed, STORES).ready();
  const network = {
    Network: "10.77.0.0/16",
    SubnetLen: 24,
    SubnetMax: "10.77.99.0",
    Backend: { Type: "vxlan" },
  };
  etcd.ctl(`put ${PREFIX}/config '${JSON.stringify(network)}'`);
  return etcd;
}

it("a route that somebody makes in place of one of the agent's is taken back", async ({ bed }) => {
  const etcd = await networkIn(bed);
  const torture = new Torture(bed, etcd, generator(0));
  torture.startAll();
  await torture.settle();
  torture.misleadAll();
  await torture.settle();
});

it("every kernel has what etcd says, whatever happens", async ({ bed }) => {
  const etcd = await networkIn(bed);
  const torture = new Torture(bed, etcd, generator(seed()));
  torture.startAll();
  await torture.settle();
  for (let turn = 0; turn < TURNS; turn++) {
    await torture.turn();
    await torture.settle();
  }
});
