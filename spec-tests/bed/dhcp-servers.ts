/** DHCP servers and relays that others wrote, on the bridge `br0` of a host. */
import type { Bed } from "./bed.ts";
import type { Container } from "./container.ts";
import { backgroundInBed } from "./paths.ts";

/** What a server gives. */
export interface Pool {
  /** The last byte of the first and of the last address, 10.78.0.… */
  readonly first: number;
  readonly last: number;
  /** Seconds. */
  readonly lease: number;
  /** The first one that is free; who come at once are offered the same then, and all but one refused. */
  readonly inOrder?: boolean;
}

const usual: Pool = { first: 10, last: 99, lease: 120 };

/** A server, and how it calls what it does. */
export interface Kind {
  readonly name: string;
  readonly program: string;
  /** A script that becomes the server, with a folder for its files. */
  readonly script: (folder: string, pool: Pool) => string;
  /** What it says of a release; "" if it says nothing. */
  readonly release: string;
  readonly acknowledgement: string;
  readonly refusal: string;
}

/** Its leases are of two minutes at least. */
export const dnsmasq: Kind = {
  name: "dnsmasq",
  program: "dnsmasq",
  script: (folder, { first, last, lease, inOrder }) => `
    exec dnsmasq --no-daemon --conf-file=/dev/null --port=0 --user=root --interface=eth0 \
      --bind-interfaces --log-dhcp --no-ping --dhcp-authoritative --leasefile-ro \
      --dhcp-leasefile=${folder}/leases ${inOrder ? "--dhcp-sequential-ip" : ""} \
      --dhcp-range=10.78.0.${first},10.78.0.${last},${lease} \
      --dhcp-option=option:router,10.78.0.1 --dhcp-option=option:dns-server,10.78.0.53 \
      --dhcp-option=option:domain-name,example.org \
      --dhcp-option=option:classless-static-route,10.99.0.0/16,10.78.0.7,0.0.0.0/0,10.78.0.1`,
  release: "DHCPRELEASE",
  acknowledgement: "DHCPACK",
  refusal: "DHCPNAK",
};

export const udhcpd: Kind = {
  name: "udhcpd",
  program: "busybox",
  script: (folder, { first, last, lease }) => `
    { echo "start 10.78.0.${first}"; echo "end 10.78.0.${last}"; echo "interface eth0"
      echo "lease_file ${folder}/leases"; echo "pidfile ${folder}/own-pid"
      echo "opt lease ${lease}"; echo "opt subnet 255.255.255.0"; echo "opt router 10.78.0.1"
      echo "opt dns 10.78.0.53"; echo "opt domain example.org"
      echo "opt staticroutes 10.99.0.0/16 10.78.0.7, 0.0.0.0/0 10.78.0.1"
    } >${folder}/conf
    : >${folder}/leases
    exec busybox udhcpd -f ${folder}/conf`,
  release: "",
  acknowledgement: "sending ACK",
  refusal: "sending NAK",
};

/** ISC's server. A copy is run: its AppArmor profile lets it read nothing of a test's. */
export const dhcpd: Kind = {
  name: "dhcpd",
  program: "dhcpd",
  script: (folder, { first, last, lease }) => `
    cat >${folder}/conf <<END
authoritative;
ping-check false;
ddns-update-style none;
default-lease-time ${lease};
max-lease-time ${lease};
option classless-routes code 121 = array of unsigned integer 8;
subnet 10.79.0.0 netmask 255.255.255.0 { }
subnet 10.78.0.0 netmask 255.255.255.0 {
  range 10.78.0.${first} 10.78.0.${last};
  option routers 10.78.0.1;
  option domain-name-servers 10.78.0.53;
  option domain-name "example.org";
  option classless-routes 16, 10, 99, 10, 78, 0, 7, 0, 10, 78, 0, 1;
}
END
    : >>${folder}/leases
    [ -e ${folder}/server ] || cp "$(command -v dhcpd)" ${folder}/server
    exec ${folder}/server -4 -f -d -cf ${folder}/conf -lf ${folder}/leases --no-pid eth0`,
  release: "DHCPRELEASE",
  acknowledgement: "DHCPACK",
  refusal: "DHCPNAK",
};

/** A program that serves or relays, at port 67 of a namespace. */
export class RealServer {
  readonly #bed: Bed;
  readonly #at: Container;
  readonly #kind: Kind;
  readonly #folder: string;

  constructor(bed: Bed, at: Container, kind: Kind, pool: Partial<Pool> = {}) {
    bed.host.sh(`command -v ${kind.program}`); // or it would be waited for in vain
    this.#bed = bed;
    this.#at = at;
    this.#kind = kind;
    this.#folder = bed.folder(`at-${at.name}`);
    this.start(pool);
  }

  /** Starts it, and waits until it listens. */
  start(pool: Partial<Pool> = {}): void {
    const script = this.#kind.script(this.#folder, { ...usual, ...pool });
    this.#bed.write(`${this.#folder}/start`, script);
    this.#at.sh(`
      sh ${this.#folder}/start </dev/null >>${this.#folder}/said 2>&1 &
      echo $! >${this.#folder}/pid
      echo $! >>${backgroundInBed}`);
    this.#at.until("ss -Hlun 'sport = :67' | grep -q :67");
  }

  stop(): void {
    this.#at.sh(`kill $(cat ${this.#folder}/pid)`);
    this.#at.until("! ss -Hlun 'sport = :67' | grep -q :67");
  }

  /** What it has said, since it was started first. */
  get said(): string {
    return this.#bed.read(`${this.#folder}/said`);
  }

  /** How often it has said something. */
  count(words: string): number {
    return this.said.split(words).length - 1;
  }
}

/** A namespace with `eth0` on the host's bridge `br0`, which is made with the first. */
export function neighbour(bed: Bed, name: string, address: string): Container {
  const container = bed.container(name);
  bed.host.sh(`
    ip link show br0 >/dev/null 2>&1 || ip link add br0 up type bridge
    ip link add to-${name} master br0 up type veth peer name eth0 netns ${name}`);
  container.sh(`
    ip address add ${address}/24 dev eth0
    ip link set eth0 up
    ip link set lo up`);
  bed.host.until(`bridge link show dev to-${name} | grep -q "state forwarding"`);
  return container;
}

/** A server as a neighbour, 10.78.0.1. */
export function serve(bed: Bed, kind: Kind, pool: Partial<Pool> = {}): RealServer {
  return new RealServer(bed, neighbour(bed, "server", "10.78.0.1"), kind, pool);
}

const relay: Kind = {
  name: "a relay",
  program: "dnsmasq",
  script: () => `
    exec dnsmasq --no-daemon --conf-file=/dev/null --port=0 --user=root --log-dhcp \
      --dhcp-relay=10.78.0.1,10.79.0.1`,
  release: "",
  acknowledgement: "",
  refusal: "",
};

/** A server, 10.79.0.1, behind a router, 10.78.0.1, that relays to it. */
export function serveByRelay(bed: Bed, kind: Kind, pool: Partial<Pool> = {}): RealServer {
  const router = neighbour(bed, "router", "10.78.0.1");
  const far = bed.container("far");
  bed.host.sh("ip link add eth1 netns router type veth peer name eth0 netns far");
  router.sh(`
    ip address add 10.79.0.2/24 dev eth1
    ip link set eth1 up
    sysctl -qw net.ipv4.ip_forward=1`);
  far.sh(`
    ip address add 10.79.0.1/24 dev eth0
    ip link set eth0 up
    ip route add default via 10.79.0.2`);
  far.until("ping -c 1 -W 1 10.79.0.2 >/dev/null");
  const server = new RealServer(bed, far, kind, pool);
  new RealServer(bed, router, relay);
  return server;
}
