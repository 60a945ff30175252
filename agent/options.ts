/**
 * The agent's command line, which is flanneld's: flags with one dash or two, and for each flag that is
 * not given the variable FLANNELD_<NAME>, so that a unit file or a DaemonSet changes one word.
 */

import { brief } from "../lib/cni/error.ts";
import { nearest } from "../lib/cni/nearest.ts";
import { type IpAddress, parseAddress } from "../lib/ip/address.ts";
import { type Flag, flags, toBoolean, toExpression } from "./flags.ts";

/** What the agent was told. */
export interface AgentOptions {
  /** The name of the network on this host: /run/weft/<name>/ has its files. */
  readonly network: string;
  /** Where hosts find each other. */
  readonly store: EtcdOptions | KubernetesOptions;
  readonly uplink: UplinkOptions;
  /** The address under which others reach this host; undefined: that of the uplink. */
  readonly publicIP: IpAddress | undefined;
  readonly publicIPv6: IpAddress | undefined;
  readonly subnetFile: string;
  readonly filter: FilterOptions;
  readonly hasBlackholeRoute: boolean;
  /** What network policies are followed for: to be explained only, or enforced too; undefined: nothing. */
  readonly networkPolicy: "explain" | "enforce" | undefined;
  /** Where /healthz, /readyz and /metrics are asked for; undefined: nowhere. */
  readonly healthz: { readonly address: IpAddress; readonly port: number } | undefined;
  readonly log: "text" | "json";
  /** What was given and does nothing, or cannot be used though it ends nothing: sentences. */
  readonly notes: readonly string[];
}

export interface EtcdOptions {
  readonly type: "etcd";
  /** As `https://192.0.2.1:2379`, always with scheme and port. */
  readonly endpoints: readonly string[];
  /** Without "/" at its end. */
  readonly prefix: string;
  /** Paths of PEM files. */
  readonly authorityFile: string | undefined;
  readonly certificateFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** A file that has the password, in place of `password`. */
  readonly passwordFile: string | undefined;
  /** How long before a lease ends it is renewed, in minutes. */
  readonly renewMargin: number;
}

export interface KubernetesOptions {
  readonly type: "kubernetes";
  /** Without these two it is the cluster that this process is a pod of. */
  readonly apiUrl: string | undefined;
  readonly kubeconfigFile: string | undefined;
  readonly annotationPrefix: string;
  readonly netConfigPath: string;
  /** Whether the node's condition NetworkUnavailable is set. */
  readonly setsNetworkUnavailable: boolean;
  /** NODE_NAME, or else the pod whose node it is. */
  readonly nodeName: string | undefined;
  readonly pod: { readonly name: string; readonly namespace: string } | undefined;
}

/** By which link other hosts are reached: the first that one of these finds; else the default route's. */
export interface UplinkOptions {
  /** Names of links, or addresses of theirs. */
  readonly links: readonly string[];
  /** Matched with addresses first, then with names. */
  readonly expressions: readonly RegExp[];
  readonly canReach: IpAddress | undefined;
}

export interface FilterOptions {
  readonly isMasquerading: boolean;
  readonly isFullyRandom: boolean;
  readonly isForwarding: boolean;
  /** How often rules are looked at, in seconds. */
  readonly resync: number;
}

/** A command line that cannot be used, in words. */
export class OptionError extends Error {}

/** The value of an environment variable; undefined or "" if it is not set. */
export type Environment = (name: string) => string | undefined;

/** Reads a command line; "help" or "version" if one of these is asked for. Throws OptionError. */
export function parseAgentOptions(
  args: readonly string[],
  environment: Environment,
): AgentOptions | "help" | "version" {
  const given = new Given();
  for (let i = 0; i < args.length; i++) {
    const [, name, value] = /^--?([^-=][^=]*)(?:=([\s\S]*))?$/.exec(args[i] ?? "") ?? [];
    if (name === undefined) throw new OptionError(`Cannot use ${brief(args[i])}: it is no flag`);
    if (name === "h" || name === "help") return "help";
    if (name === "version") return "version";
    const flag = flagNamed(name);
    const text = value ?? (flag.isSwitch ? "true" : args[++i]);
    if (text === undefined) throw new OptionError(`Cannot use --${name}: it needs a value`);
    if (!flag.accepts(text)) throw new OptionError(refusal(`--${name}`, flag, text));
    given.add(name, text);
  }
  given.addVariables(environment);
  return optionsOf(given, environment);
}

function flagNamed(name: string): Flag {
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
  if (flag) return flag;
  const meant = nearest(name, Object.keys(flags));
  const advice = meant === undefined ? '"weft help agent" lists flags' : `did you mean --${meant}?`;
  throw new OptionError(
    `Cannot use --${brief(name).slice(1, -1)}: there is no such flag, ${advice}`,
  );
}

/** No value of a secret gets into a message. */
function refusal(name: string, { expects }: Flag, text: string): string {
  const shown = /password/i.test(name) ? "something else" : brief(text);
  return `Cannot use ${name}: it must be ${expects}, got ${shown}`;
}

/** The values of flags, checked, and what has to be said of them. */
class Given {
  readonly notes: string[] = [];
  readonly #values = new Map<string, string[]>();

  add(name: string, text: string): void {
    const idle = flags[name]?.isIdle;
    if (idle !== undefined) this.notes.push(`--${name} does nothing here: ${idle}`);
    this.#values.set(name, [...this.all(name), text]);
  }

  /** Those of flags that are not given; one that cannot be used is none. */
  addVariables(environment: Environment): void {
    for (const [name, flag] of Object.entries(flags)) {
      const variable = `FLANNELD_${name.toUpperCase().replaceAll("-", "_")}`;
      const text = environment(variable) ?? "";
      if (text === "" || this.#values.has(name)) continue;
      if (flag.accepts(text)) this.add(name, text);
      else this.notes.push(refusal(variable, flag, text));
    }
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  text(name: string): string | undefined {
    return this.all(name).at(-1);
  }

  isOn(name: string, otherwise: boolean): boolean {
    return toBoolean(this.text(name) ?? "") ?? otherwise;
  }

  number(name: string, otherwise: number): number {
    return Number(this.text(name) ?? otherwise);
  }

  address(name: string): IpAddress | undefined {
    return parseAddress(this.text(name) ?? "");
  }
}

function optionsOf(given: Given, environment: Environment): AgentOptions {
  const isKubernetes = given.isOn("kube-subnet-mgr", false);
  const port = given.number("healthz-port", 0);
  const address = given.address("healthz-ip") ?? new Uint8Array(4);
  return {
    network: given.text("network-name") ?? "flannel",
    store: isKubernetes ? kubernetesOptions(given, environment) : etcdOptions(given),
    uplink: {
      links: given.all("iface").filter((each) => each !== ""),
      expressions: given.all("iface-regex").flatMap((each) => toExpression(each) ?? []),
      canReach: given.address("iface-can-reach"),
    },
    publicIP: given.address("public-ip"),
    publicIPv6: given.address("public-ipv6"),
    subnetFile: given.text("subnet-file") ?? "/run/flannel/subnet.env",
    filter: {
      isMasquerading: given.isOn("ip-masq", false),
      isFullyRandom: !given.isOn("ip-masq-fully-random-disable", false),
      isForwarding: given.isOn("iptables-forward-rules", true),
      resync: given.number("iptables-resync", 5),
    },
    hasBlackholeRoute: given.isOn("ip-blackhole-route", false),
    networkPolicy: networkPolicyOf(given, isKubernetes, environment),
    healthz: port === 0 ? undefined : { address, port },
    log: given.text("log") === "json" ? "json" : "text",
    notes: given.notes,
  };
}

function networkPolicyOf(
  given: Given,
  isKubernetes: boolean,
  environment: Environment,
): AgentOptions["networkPolicy"] {
  const wanted = given.text("network-policy");
  if (wanted === undefined) return undefined;
  if (!isKubernetes)
    throw new OptionError("Cannot use --network-policy: it needs --kube-subnet-mgr");
  if (wanted !== "enforce") return "explain";
  if (environment("NODE_NAME")) return wanted;
  const state = "it needs the variable NODE_NAME, by which it knows the pods of this host";
  throw new OptionError(`Cannot use --network-policy=enforce: ${state}`);
}

const DEFAULT_ENDPOINTS = "http://127.0.0.1:4001,http://127.0.0.1:2379";
const DEFAULT_TLS_ENDPOINTS = "https://127.0.0.1:2379";

/** Those flags of a command line that tell of etcd. Throws OptionError. */
export function parseEtcdOptions(args: readonly string[], environment: Environment): EtcdOptions {
  const options = parseAgentOptions(args, environment);
  if (typeof options === "string" || options.store.type !== "etcd") {
    throw new OptionError("Cannot write to another store than etcd: its network is a ConfigMap");
  }
  return options.store;
}

function etcdOptions(given: Given): EtcdOptions {
  const [authorityFile, certificateFile, keyFile] = ["cafile", "certfile", "keyfile"].map((name) =>
    given.text(`etcd-${name}`),
  );
  if ((certificateFile === undefined) !== (keyFile === undefined)) {
    const [one, other] = keyFile === undefined ? ["cert", "key"] : ["key", "cert"];
    throw new OptionError(`Cannot use --etcd-${one}file: it needs --etcd-${other}file`);
  }
  const isTls = (authorityFile ?? certificateFile) !== undefined;
  const endpoints =
    given.text("etcd-endpoints") ?? (isTls ? DEFAULT_TLS_ENDPOINTS : DEFAULT_ENDPOINTS);
  return {
    type: "etcd",
    endpoints: endpoints.split(",").map((each) => wholeEndpoint(each.trim(), isTls)),
    prefix: (given.text("etcd-prefix") ?? "/coreos.com/network").replace(/\/+$/, ""),
    authorityFile,
    certificateFile,
    keyFile,
    username: given.text("etcd-username") || undefined,
    password: given.text("etcd-password") || undefined,
    passwordFile: given.text("etcd-password-file"),
    renewMargin: given.number("subnet-lease-renew-margin", 60),
  };
}

/** Who names certificates wants TLS, and is told where the endpoint says otherwise. */
function wholeEndpoint(text: string, isTls: boolean): string {
  const [, scheme = isTls ? "https" : "http", host = "", port = "2379"] =
    /^(?:(https?):\/\/)?(\[[^\]]*\]|[^/:]*)(?::(\d+))?\/?$/i.exec(text) ?? [];
  if (isTls && scheme.toLowerCase() === "http") {
    const state = "with --etcd-cafile or --etcd-certfile it must begin with https://";
    throw new OptionError(`Cannot use the etcd endpoint ${brief(text)}: ${state}`);
  }
  return `${scheme.toLowerCase()}://${host}:${port}`;
}

function kubernetesOptions(given: Given, environment: Environment): KubernetesOptions {
  const [name, namespace] = [environment("POD_NAME"), environment("POD_NAMESPACE")];
  return {
    type: "kubernetes",
    apiUrl: given.text("kube-api-url"),
    kubeconfigFile: given.text("kubeconfig-file"),
    annotationPrefix: given.text("kube-annotation-prefix") ?? "flannel.alpha.coreos.com",
    netConfigPath: given.text("net-config-path") ?? "/etc/kube-flannel/net-conf.json",
    setsNetworkUnavailable: given.isOn("set-node-network-unavailable", true),
    nodeName: environment("NODE_NAME") || undefined,
    pod: name && namespace ? { name, namespace } : undefined,
  };
}
