/** Where the API server is, whom to trust, and who this host is there. */

import { Failure } from "../../host/failure.ts";
import { readTextIfPresent } from "../../host/file.ts";
import { lazily } from "../../host/lazy.ts";
import type { TlsTarget } from "../../host/stream.ts";
import { type Endpoint, parseEndpoint } from "../../http/endpoint.ts";

/** An API server and how to speak to it, as the files say it now. */
export interface Credentials {
  readonly endpoint: Endpoint;
  readonly tls: TlsTarget | undefined;
  readonly token: string | undefined;
  /** Where the token or the certificate is from, for people. */
  readonly source: string;
}

/** Reads them; throws Failure with what is missing and what to do. */
export type Access = () => Credentials;

/** Which API server is meant: without both it is the cluster that this process is a pod of. */
export interface Whereabouts {
  readonly apiUrl: string | undefined;
  readonly kubeconfigFile: string | undefined;
}

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** A variable of the environment. */
export type Environment = (name: string) => string | undefined;

/** The access for these whereabouts. */
export function accessTo(where: Whereabouts, environment: Environment): Access {
  const { apiUrl, kubeconfigFile } = where;
  if (kubeconfigFile) return () => byKubeconfig(kubeconfigFile, apiUrl);
  return apiUrl ? () => byUrl(apiUrl) : () => inCluster(environment);
}

function byUrl(apiUrl: string): Credentials {
  const endpoint = endpointOf(apiUrl, "--kube-api-url");
  const tls = endpoint.isSecure ? {} : undefined;
  return { endpoint, tls, token: undefined, source: "--kube-api-url" };
}

/** A server's URL, or a Failure that says where it is written. */
export function endpointOf(url: string, where: string): Endpoint {
  const endpoint = parseEndpoint(url);
  if (endpoint) return endpoint;
  const state = "it is no URL of a server such as https://192.0.2.1:6443";
  throw new Failure("unsupported", `Cannot use "${url}" of ${where}: ${state}`);
}

function inCluster(environment: Environment): Credentials {
  const [host, port] = ["HOST", "PORT"].map((name) => environment(`KUBERNETES_SERVICE_${name}`));
  if (!host || !port) {
    const state = "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod";
    const advice = "give --kubeconfig-file or --kube-api-url";
    throw new Failure("unsupported", `Cannot find the API server: ${state}; ${advice}`);
  }
  const written = host.includes(":") ? `[${host}]` : host;
  return {
    endpoint: endpointOf(`https://${written}:${port}`, "KUBERNETES_SERVICE_HOST"),
    tls: { authorities: requiredText(`${ACCOUNT}/ca.crt`) },
    token: requiredText(`${ACCOUNT}/token`).trim(),
    source: `${ACCOUNT}/token`,
  };
}

/** The text of a file that has to be there; throws Failure. */
export function requiredText(path: string): string {
  const text = readTextIfPresent(path);
  if (text !== undefined && text !== "") return text;
  const state = text === undefined ? "there is no such file" : "it is empty, or no text";
  throw new Failure("unsupported", `Cannot read "${path}": ${state}`);
}

function byKubeconfig(path: string, apiUrl: string | undefined): Credentials {
  const { readKubeconfig } = lazily<typeof import("./kubeconfig.lazy.ts")>("kubeconfig");
  const { server, tls, token } = readKubeconfig(requiredText(path), path, requiredText);
  const endpoint = endpointOf(apiUrl ?? server, apiUrl ? "--kube-api-url" : path);
  return { endpoint, tls: endpoint.isSecure ? tls : undefined, token, source: path };
}
