/** The flags that the agent takes: flanneld's, and some of its own. */

import { family, parseAddress } from "../lib/ip/address.ts";

/** One flag: what its value must be, and what it is unless given. */
export interface Flag {
  /** What a value must be, in words that follow "must be". */
  readonly expects: string;
  readonly accepts: (text: string) => boolean;
  /** A switch is on by its name alone, and its value follows "=" only. */
  readonly isSwitch?: boolean;
  /** May be given several times, and all count; of others the last one does. */
  readonly isRepeatable?: boolean;
  /** What it has no meaning for here, in words: it is taken, and said to do nothing. */
  readonly isIdle?: string;
}

const text: Flag = { expects: "a text", accepts: () => true };
const path: Flag = { expects: "the path of a file", accepts: (value) => value !== "" };
const toggle: Flag = {
  expects: "true or false",
  accepts: (value) => toBoolean(value) !== undefined,
  isSwitch: true,
};

/** As Go's strconv.ParseBool reads it. */
export function toBoolean(value: string): boolean | undefined {
  if (/^(1|t|T|true|TRUE|True)$/.test(value)) return true;
  return /^(0|f|F|false|FALSE|False)$/.test(value) ? false : undefined;
}

function number(least: number, most: number): Flag {
  return {
    expects: `a number from ${least} to ${most}`,
    accepts: (value) => /^\d{1,9}$/.test(value) && Number(value) >= least && Number(value) <= most,
  };
}

function oneOf(...words: readonly string[]): Flag {
  return { expects: words.join(" or "), accepts: (value) => words.includes(value) };
}

function addressOf(version: 4 | 6): Flag {
  return {
    expects: `an IPv${version} address`,
    accepts: (value) => {
      const address = parseAddress(value);
      return address !== undefined && family(address) === version;
    },
  };
}

const anyAddress: Flag = {
  expects: "an IP address",
  accepts: (value) => parseAddress(value) !== undefined,
};

const expression: Flag = {
  expects: "a regular expression",
  accepts: (value) => value !== "" && toExpression(value) !== undefined,
  isRepeatable: true,
};

/** A regular expression; undefined if it is none. */
export function toExpression(value: string): RegExp | undefined {
  try {
    return new RegExp(value, "u");
  } catch {
    return undefined;
  }
}

/** A scheme, a host, a port: the last two parts of it may be missing. */
const ENDPOINT = /^(https?:\/\/)?(\[[\da-f:.]+\]|[^\s/:@[\]]+)(:\d{1,5})?\/?$/i;

const endpoints: Flag = {
  expects: "addresses such as https://192.0.2.1:2379, with commas between them",
  accepts: (value) => value.split(",").every((each) => ENDPOINT.test(each.trim())),
};

const url: Flag = {
  expects: "an address such as https://192.0.2.1:6443",
  accepts: (value) => /^https?:\/\/[^\s]+$/.test(value),
};

const logging = "the log is as --log says, and always whole";

/** All flags, by their names. */
export const flags: { readonly [name: string]: Flag } = {
  "etcd-endpoints": endpoints,
  "etcd-prefix": { expects: 'a path that begins with "/"', accepts: (value) => /^\/./.test(value) },
  "etcd-keyfile": path,
  "etcd-certfile": path,
  "etcd-cafile": path,
  "etcd-username": text,
  "etcd-password": text,
  "etcd-password-file": path,
  "kube-subnet-mgr": toggle,
  "kube-api-url": url,
  "kubeconfig-file": path,
  "kube-annotation-prefix": {
    expects: "a prefix of annotations, with one slash at most",
    accepts: (value) => /^[\w.-]+(\/[\w.-]*)?$/.test(value),
  },
  "net-config-path": path,
  "set-node-network-unavailable": toggle,
  iface: { ...text, expects: "a link or an address", isRepeatable: true },
  "iface-regex": expression,
  "iface-can-reach": anyAddress,
  "public-ip": addressOf(4),
  "public-ipv6": addressOf(6),
  "subnet-file": path,
  "subnet-lease-renew-margin": number(1, 1439),
  "ip-masq": toggle,
  "ip-masq-fully-random-disable": toggle,
  "iptables-resync": number(1, 86_400),
  "iptables-forward-rules": toggle,
  "ip-blackhole-route": toggle,
  "healthz-ip": anyAddress,
  "healthz-port": number(0, 65_535),
  "network-policy": oneOf("explain", "enforce"),
  "network-name": {
    expects: "a plain name",
    accepts: (value) => /^[A-Za-z0-9][\w.-]{0,62}$/.test(value),
  },
  log: oneOf("text", "json"),
  v: { ...number(0, 999), isIdle: logging },
  vmodule: { ...text, isIdle: logging },
  log_backtrace_at: { ...text, isIdle: logging },
};
