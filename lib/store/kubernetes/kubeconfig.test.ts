import { describe, expect, it, vi } from "vitest";
import { readKubeconfig } from "./kubeconfig.lazy.ts";

vi.mock("host", () => ({ decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes) }));

interface Parts {
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: string;
}

const server = "https://192.0.2.1:6443";

function read({ cluster = {}, user = {}, context = "x" }: Parts) {
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "other" }, { name: "c", cluster: { server, ...cluster } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": context,
  };
  return readKubeconfig(JSON.stringify(config), "/root/.kube/config", (path) => `text of ${path}`);
}

describe("a kubeconfig file", () => {
  it("says server, authority and token", () => {
    const cluster = {
      "certificate-authority-data": btoa("CA"),
      "tls-server-name": "kubernetes",
      "insecure-skip-tls-verify": true,
    };
    expect(read({ cluster, user: { token: " t\n" } })).toEqual({
      server,
      tls: {
        authorities: "CA",
        certificate: undefined,
        key: undefined,
        serverName: "kubernetes",
        isUnverified: true,
      },
      token: "t",
    });
  });

  it("names files, from its own folder on", () => {
    const user = { "client-certificate": "/c.crt", "client-key": "c.key", tokenFile: "../token" };
    expect(read({ cluster: { "certificate-authority": "ca.crt" }, user })).toEqual({
      server,
      tls: {
        authorities: "text of /root/.kube/ca.crt",
        certificate: "text of /c.crt",
        key: "text of /root/.kube/c.key",
        serverName: undefined,
        isUnverified: false,
      },
      token: "text of /root/.kube/../token",
    });
  });

  it("is YAML", () => {
    const text = `
# by kubeadm
apiVersion: v1
clusters:
- cluster: {server: ${server}}
  name: c
users:
- name: u
  user:
    client-certificate-data: >-
      ${btoa("certi")}
      ${btoa("ficate")}
contexts:
- {name: "u@c", context: {cluster: c, user: u}}
current-context: u@c
`;
    expect(() => readKubeconfig(text, "/k", String)).toThrow(
      "client-certificate-data is no base64",
    );
    const one = text.replace(/\n {6}\S+=\n/, "\n");
    expect(readKubeconfig(one, "/k", String)).toMatchObject({
      server,
      tls: { certificate: "ficate" },
    });
  });

  it.each<readonly [Parts, string]>([
    [{ context: "y" }, 'it has no context "y"'],
    [{ context: "" }, "it has no current-context"],
    [{ cluster: { server: null } }, "it has no server"],
    [{ cluster: { server: 7 } }, "server is no text"],
    [{ cluster: { "certificate-authority-data": "?" } }, "certificate-authority-data is no base64"],
    [{ cluster: { "proxy-url": "x" } }, "proxy-url asks for a proxy, which there is not here"],
    [
      { user: { exec: { command: "aws" } } },
      "exec asks for credentials by a program, which there is not here: use a token",
    ],
    [
      { user: { username: "a", password: "b" } },
      "username asks for credentials by user name and password",
    ],
    [{ user: { "auth-provider": {} } }, "auth-provider asks for"],
    [{ user: { as: "root" } }, "as asks for impersonation"],
  ])("%j is refused", (parts, words) => {
    expect(() => read(parts)).toThrow(`Cannot use kubeconfig "/root/.kube/config": ${words}`);
  });

  it.each([
    ["a: [", "it is no YAML: "],
    ["7", "it is no kubeconfig"],
    ["", "it is no "],
  ])("%j is refused", (text, words) => {
    expect(() => readKubeconfig(text, "/k", String)).toThrow(
      `Cannot use kubeconfig "/k": ${words}`,
    );
  });
});
