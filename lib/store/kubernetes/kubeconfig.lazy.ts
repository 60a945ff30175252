/** kubeconfig files: the current context's server, authority, certificate and token. */

import { load } from "js-yaml";
import { fromBase64 } from "../../bytes/base64.ts";
import { Failure } from "../../host/failure.ts";
import type { TlsTarget } from "../../host/stream.ts";
import { decodeText } from "../../host/text.ts";
import { isObject, type JsonObject } from "../../overlay/contract/host.ts";

/** What a kubeconfig file says of the current context. */
export interface Kubeconfig {
  readonly server: string;
  readonly tls: TlsTarget;
  readonly token: string | undefined;
}

/** What asks for something that this program does not do, and what there is in its place. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  exec: "credentials by a program",
  "auth-provider": "credentials by an auth-provider",
  username: "credentials by user name and password",
  as: "impersonation",
  "proxy-url": "a proxy",
};

/** Reads a file's text; files it names are read by `read`. Throws Failure with the place of the fault. */
export function readKubeconfig(
  text: string,
  path: string,
  read: (path: string) => string,
): Kubeconfig {
  const file = new File(path, read);
  const config = file.parse(text);
  const context = file.named(config, "context", file.text(config, "current-context"));
  const cluster = file.named(config, "cluster", file.text(context, "cluster"));
  const user = file.named(config, "user", file.text(context, "user"));
  for (const each of [cluster, user]) file.refuseUnsupported(each);
  const tokenFile = file.optional(user, "tokenFile");
  const token = tokenFile === undefined ? file.optional(user, "token") : file.read(tokenFile);
  return {
    server: file.text(cluster, "server"),
    tls: {
      authorities: file.content(cluster, "certificate-authority"),
      certificate: file.content(user, "client-certificate"),
      key: file.content(user, "client-key"),
      serverName: file.optional(cluster, "tls-server-name"),
      isUnverified: cluster["insecure-skip-tls-verify"] === true,
    },
    token: token?.trim() || undefined,
  };
}

/** One file, which is named in all that is wrong with it. */
class File {
  readonly #path: string;
  readonly #read: (path: string) => string;

  constructor(path: string, read: (path: string) => string) {
    this.#path = path;
    this.#read = read;
  }

  parse(text: string): JsonObject {
    const config = this.#load(text);
    return isObject(config) ? config : this.#fail("it is no kubeconfig");
  }

  #load(text: string): unknown {
    try {
      return load(text);
    } catch (cause) {
      const [first = ""] = cause instanceof Error ? cause.message.split("\n") : [];
      return this.#fail(`it is no YAML: ${first}`);
    }
  }

  #fail(state: string): never {
    throw new Failure("unsupported", `Cannot use kubeconfig "${this.#path}": ${state}`);
  }

  optional(object: JsonObject, key: string): string | undefined {
    const value = object[key];
    if (value === undefined || value === null || value === "") return undefined;
    return typeof value === "string" ? value : this.#fail(`${key} is no text`);
  }

  text(object: JsonObject, key: string): string {
    return this.optional(object, key) ?? this.#fail(`it has no ${key}`);
  }

  /** What is under a name in a list such as `users`. */
  named(config: JsonObject, kind: string, name: string): JsonObject {
    const list: unknown = config[`${kind}s`];
    const entry = Array.isArray(list)
      ? list.find((each) => isObject(each) && each.name === name)
      : undefined;
    if (!isObject(entry)) return this.#fail(`it has no ${kind} "${name}"`);
    const value = entry[kind] ?? {};
    return isObject(value) ? value : this.#fail(`${kind} "${name}" is no object`);
  }

  refuseUnsupported(object: JsonObject): void {
    for (const [key, what] of Object.entries(UNSUPPORTED)) {
      if (object[key] === undefined || object[key] === null) continue;
      const advice = "use a token, a tokenFile or a client certificate";
      this.#fail(`${key} asks for ${what}, which there is not here: ${advice}`);
    }
  }

  /** Relative paths are from the file's own folder, as for kubectl. */
  read(path: string): string {
    const folder = this.#path.slice(0, this.#path.lastIndexOf("/") + 1);
    return this.#read(path.startsWith("/") ? path : `${folder}${path}`);
  }

  /** What is given as `key-data` in base64, or else in the file `key`. */
  content(object: JsonObject, key: string): string | undefined {
    const data = this.optional(object, `${key}-data`);
    if (data !== undefined) {
      const bytes = fromBase64(data.replace(/\s/g, ""));
      const text = bytes && decodeText(bytes);
      return text ?? this.#fail(`${key}-data is no base64 of a PEM file`);
    }
    const path = this.optional(object, key);
    return path === undefined ? undefined : this.read(path);
  }
}
