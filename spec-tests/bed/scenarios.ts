/** What runs of system calls are tried on: each executable, and what it may have to do. */
import { bridge, bridgeWith } from "./configs.ts";
import { plugins } from "./executables.ts";
import type { Config } from "./invocation.ts";
import { workingConfig } from "./subjects.ts";

/** A network and the state its host is in when an attachment comes. */
export interface Scenario {
  readonly title: string;
  /** The executable under test. */
  readonly program: string;
  readonly config: Config;
  /** True if nothing of the network exists yet; else another attachment of it does. */
  readonly firstUse: boolean;
  /** If the IPAM plugin is a file of its own, where strace sits: around whom. */
  readonly delegation?: "plugin" | "delegate";
  /** True if what is inside of the container does not count. */
  readonly onlyHost?: boolean;
  /** A shell script to run as the executable. */
  readonly standIn?: string;
  /** True if a veth pair already leads into the container, as after the plugin before. */
  readonly connected?: boolean;
  /** The address that the pair's end in the container has, whatever the attachment is said to have. */
  readonly address?: string;
  /** True to try every accident, and not today's part of them (part.ts). */
  readonly isWhole?: boolean;
}

const dualStack = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]],
};

/** What a bridge network may ask for, besides the plain one that every executable gets. */
const rich: Config = bridgeWith(dualStack, {
  isDefaultGateway: true,
  ipMasq: true,
  hairpinMode: true,
  portIsolation: true,
  macspoofchk: true,
  mtu: 1400,
});

/** What a plugin has to do at most, if that is more than with its plain configuration. */
const most: Readonly<Record<string, Config>> = {
  bridge: rich,
  ptp: { ...rich, type: "ptp" },
};

/** Some plugins change a link that is there. */
function connected(program: string, config: Config): Scenario {
  const title = `${program}, everything, beside another`;
  const prevResult = {
    interfaces: [{ name: "veth-box1" }, { name: "eth0", sandbox: "/run/netns/box1" }],
    ips: [{ address: "10.1.2.2/24", gateway: "10.1.2.1", interface: 1 }],
  };
  const whole = workingConfig(program, { ...config, prevResult });
  return { title, program, config: whole, firstUse: false, connected: true };
}

const limits: Config = {
  ingressRate: 8_000_000,
  ingressBurst: 800_000,
  egressRate: 4_000_000,
  egressBurst: 400_000,
};

const settings: Config = {
  sysctl: { "net.ipv4.ip_default_ttl": "33", "net.ipv4.conf.eth0.arp_notify": "1" },
  mac: "02:00:00:00:00:42",
  mtu: 1400,
  promisc: true,
  allmulti: true,
  txQLen: 77,
};

const lists: Config = {
  ingress: { allow: [{ from: ["10.0.0.0/8"], ports: ["80/tcp"] }] },
  egress: { deny: [{ to: ["192.0.2.0/24"] }] },
};

/** What is done by running other programs, whose outcome may stay unknown, too. */
function byIptables(program: string): Scenario {
  const title = `${program}, by iptables, beside another`;
  const masquerading = { ipMasq: true, ipMasqBackend: "iptables" };
  const config =
    program === "bridge"
      ? bridgeWith(dualStack, masquerading)
      : workingConfig(program, { backend: "iptables" });
  return { title, program, config, firstUse: false };
}

/** Every executable that can be asked for an attachment, with what it has to do at most. */
export function scenarios(): readonly Scenario[] {
  const ofPrograms = plugins().flatMap(({ name: program }) => {
    const configs: readonly (readonly [string, Config])[] = [
      ["plain", workingConfig(program)],
      ...(most[program] ? [["everything", most[program]] as const] : []),
    ];
    return configs.flatMap(([what, config]) =>
      [false, true].map((firstUse): Scenario => {
        const title = `${program}, ${what}, ${firstUse ? "first use" : "beside another"}`;
        return { title, program, config, firstUse };
      }),
    );
  });
  const ofLinks = [
    connected("bandwidth", limits),
    connected("tuning", settings),
    connected("policy", lists),
    { ...connected("sbr", { table: undefined }), address: "10.1.2.251/24" },
  ];
  const others = ["bridge", "portmap", "firewall"].map(byIptables);
  return [...ofPrograms, ...ofLinks, ...others, delegating("plugin"), delegating("delegate")];
}

/** A bridge network whose address manager is another file, so that it is executed. */
function delegating(delegation: "plugin" | "delegate"): Scenario {
  const title = `bridge executing host-local, of the ${delegation}`;
  const config = bridge("10.1.2.0/24");
  return { title, program: "bridge", config, firstUse: false, delegation };
}
