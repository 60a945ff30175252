/** The store that the options name. */

import * as host from "host";
import { CniError, Code } from "../lib/cni/error.ts";
import type { EventLoop } from "../lib/host/epoll.ts";
import { readTextIfPresent } from "../lib/host/file.ts";
import { openStreams } from "../lib/host/open-stream.ts";
import { randomFraction } from "../lib/host/random.ts";
import type { TlsTarget } from "../lib/host/stream.ts";
import { parseEndpoint } from "../lib/http/endpoint.ts";
import { EtcdStore } from "../lib/store/etcd/etcd-store.ts";
import type { EtcdMeans, EtcdSettings } from "../lib/store/etcd/settings.ts";
import { kubernetesStore } from "../lib/store/kubernetes/kubernetes-store.ts";
import { PolicyObjects, type PolicyObjectsEvents } from "../lib/store/kubernetes/policy-objects.ts";
import type { Store } from "../lib/store/store.ts";
import type { AgentOptions, EtcdOptions, KubernetesOptions } from "./options.ts";

/** Opens nothing yet: that is for its `start`. Throws CniError if what it is told cannot be used. */
export function openStore(options: AgentOptions["store"], loop: EventLoop): Store {
  if (options.type === "etcd") return openEtcd(options, loop);
  const means = { open: openStreams(loop), clock: loop, environment: host.getenv };
  return kubernetesStore(options, means);
}

/** Follows what network policies are about. Throws Failure if the options cannot be used. */
export function openPolicyObjects(
  options: KubernetesOptions,
  loop: EventLoop,
  events: PolicyObjectsEvents,
): PolicyObjects {
  const means = { open: openStreams(loop), clock: loop, environment: host.getenv };
  return new PolicyObjects(options, means, events);
}

const MINUTE = 60_000;

function openEtcd(options: EtcdOptions, loop: EventLoop): Store {
  return new EtcdStore(etcdSettings(options), etcdMeans(loop));
}

/** What asking etcd takes. */
export function etcdMeans(loop: EventLoop): EtcdMeans {
  return { open: openStreams(loop), clock: loop, random: randomFraction };
}

/** How etcd is reached; throws CniError if something of it cannot be used. */
export function etcdSettings(options: EtcdOptions): EtcdSettings {
  const { prefix, username, renewMargin } = options;
  const endpoints = options.endpoints.map((text) => {
    const endpoint = parseEndpoint(text);
    if (endpoint) return endpoint;
    throw unusable(`etcd endpoint "${text}"`, "it is no address like https://192.0.2.1:2379");
  });
  const password = () => passwordOf(options);
  return {
    endpoints,
    prefix,
    renewMargin: renewMargin * MINUTE,
    tls: tlsOf(options),
    user: username === undefined ? undefined : { name: username, password },
  };
}

function passwordOf({ password, passwordFile }: EtcdOptions): string {
  return passwordFile === undefined ? (password ?? "") : requiredText(passwordFile).trimEnd();
}

/** They are read for each connection; while one cannot be read, what was read last counts. */
function tlsOf(options: EtcdOptions): (() => TlsTarget) | undefined {
  if (options.authorityFile === undefined && options.certificateFile === undefined)
    return undefined;
  let last = readTls(options);
  return () => {
    try {
      last = readTls(options);
    } catch (cause) {
      if (!(cause instanceof CniError)) throw cause;
    }
    return last;
  };
}

function readTls({ authorityFile, certificateFile, keyFile }: EtcdOptions): TlsTarget {
  return {
    authorities: authorityFile === undefined ? undefined : requiredText(authorityFile),
    certificate: certificateFile === undefined ? undefined : requiredText(certificateFile),
    key: keyFile === undefined ? undefined : requiredText(keyFile),
  };
}

function requiredText(path: string): string {
  const text = readTextIfPresent(path);
  if (text === undefined) throw unusable(`"${path}"`, "there is no such file");
  return text;
}

function unusable(what: string, state: string): CniError {
  return new CniError(Code.config, `Cannot use ${what}: ${state}`);
}
