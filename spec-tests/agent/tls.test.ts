/** TLS of the agent: whom it believes, by which keys, and what it says of whom it does not believe. */
import { join } from "node:path";
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { UNTIL_NEXT_SECOND } from "../bed/certificates.ts";
import { Daemon } from "../bed/daemon.ts";
import { it } from "../bed/it.ts";
import { Lists } from "../bed/lists.ts";

const PORT = 2379;
const SERVER = `https://127.0.0.1:${PORT}`;
const INIT = `agent init --network=10.219.0.0/16 --etcd-endpoints=${SERVER}`;

const keys = {
  rsa: (file: string) => `openssl genrsa -out ${file} 2048`,
  rsa4096: (file: string) => `openssl genrsa -out ${file} 4096`,
  p256: (file: string) => `openssl ecparam -name prime256v1 -genkey -noout -out ${file}`,
  p384: (file: string) => `openssl ecparam -name secp384r1 -genkey -noout -out ${file}`,
};

/** Files in a folder of a bed: authorities, and certificates by them. */
class Authority {
  readonly #bed: Bed;
  readonly folder: string;

  constructor(bed: Bed) {
    this.#bed = bed;
    this.folder = bed.folder("pki");
    for (const name of ["ca", "other"]) this.self(name);
  }

  sh(script: string): string {
    return this.#bed.host.sh(`cd ${this.folder}; exec 2>/dev/null\n${script}`);
  }

  /** A certificate that signs itself. */
  self(name: string): void {
    this.sh(`${keys.rsa(`${name}.key`)}
      openssl req -x509 -new -key ${name}.key -subj /CN=${name} -days 9 -out ${name}.pem`);
  }

  /** One that an authority signs, with extensions, a line each. */
  sign(name: string, extensions: string, { by = "ca", key = keys.p256, days = "9" } = {}): void {
    this.sh(`${key(`${name}.key`)}
      openssl req -new -key ${name}.key -subj /CN=${name} -out ${name}.csr
      printf '${extensions}\\n' > ${name}.ext
      openssl x509 -req -in ${name}.csr -CA ${by}.pem -CAkey ${by}.key -CAcreateserial -days ${days} -extfile ${name}.ext -out ${name}.pem
      ${days === "0" ? UNTIL_NEXT_SECOND : ""}`);
  }
}

/** A server that runs while a body does. */
async function serving<T>(bed: Bed, command: string, body: () => T): Promise<T> {
  const server = new Daemon(bed, command);
  await server.until("a server", () => bed.host.sh(`ss -Hltn sport = :${PORT}`) !== "");
  try {
    return body();
  } finally {
    await server.kill();
    await server.until("its port", () => bed.host.sh(`ss -Hltn sport = :${PORT}`) === "");
  }
}

/** What `weft agent init` says where openssl serves with a certificate of the folder and these words. */
async function saidAt(bed: Bed, pki: Authority, words: string, flags = "--etcd-cafile=ca.pem") {
  const command = `openssl s_server -accept 127.0.0.1:${PORT} -www -quiet ${inside(pki, words)}`;
  const { stderr } = await serving(bed, command, () =>
    new Lists(bed).weft(`${INIT} ${inside(pki, flags)}`),
  );
  return stderr;
}

/** Names of files, as paths. */
function inside({ folder }: Authority, words: string): string {
  return words.replace(/[\w-]+\.(?:pem|key|p1|p8|enc)\b/g, (file) => `${folder}/${file}`);
}

const LOCAL = "subjectAltName=IP:127.0.0.1";

describe("the agent does not believe", () => {
  it("another name, authority, purpose or time", async ({ bed }) => {
    const pki = new Authority(bed);
    pki.sign("elsewhere", "subjectAltName=DNS:a.example,IP:192.0.2.9");
    pki.sign("user", `${LOCAL}\\nextendedKeyUsage=clientAuth`);
    pki.sign("past", LOCAL, { days: "0" });
    pki.sign("stranger", LOCAL, { by: "other" });
    pki.sign("child", LOCAL, { by: "stranger" });
    const said = (name: string, more = "") =>
      saidAt(bed, pki, `-cert ${name}.pem -key ${name}.key ${more}`);
    expect(await said("elsewhere")).toContain(
      "its certificate is not for 127.0.0.1, but for a.example, 192.0.2.9",
    );
    expect(await said("user")).toContain("is not one of a server (extendedKeyUsage)");
    expect(await said("past")).toMatch(/its certificate has expired on 2\d{3}-\d\d-\d\dT/);
    expect(await said("stranger")).toContain('has signed its certificate, but "other"');
    expect(await said("other")).toContain('has signed its certificate, but "other"');
    expect(await said("child", "-cert_chain stranger.pem")).toMatch(/but "other"|basicConstraints/);
  });

  it("what has no TLS 1.2, or is none", async ({ bed }) => {
    const pki = new Authority(bed);
    pki.sign("server", LOCAL);
    const certificate = "-cert server.pem -key server.key";
    expect(await saidAt(bed, pki, `${certificate} -tls1_3`)).toContain("it wants TLS 1.3 or newer");
    const plain = `busybox httpd -f -p 127.0.0.1:${PORT} -h ${pki.folder}`;
    const { stderr } = await serving(bed, plain, () =>
      new Lists(bed).weft(`${INIT} ${inside(pki, "--etcd-cafile=ca.pem")}`),
    );
    expect(stderr).toContain("it does not speak TLS");
  });
});

it("files that do not belong together, or are none, are named", async ({ bed }) => {
  const pki = new Authority(bed);
  pki.sign("server", LOCAL);
  pki.sign("user", "extendedKeyUsage=clientAuth");
  pki.sh("openssl pkcs8 -topk8 -in user.key -passout pass:x -out user.enc");
  const said = (flags: string) =>
    saidAt(bed, pki, "-cert server.pem -key server.key -Verify 1 -CAfile ca.pem", flags);
  const own = "--etcd-cafile=ca.pem --etcd-certfile=user.pem --etcd-keyfile";
  expect(await said("--etcd-cafile=ca.pem")).toContain("it wants a client certificate");
  expect(await said("--etcd-cafile=user.key")).toContain('no "-----BEGIN CERTIFICATE-----" in it');
  expect(await said(`${own}=server.key`)).toContain("it is the key of another certificate");
  expect(await said(`${own}=user.enc`)).toContain("its key is encrypted");
});

it("an answer is whole that comes in one segment with the end of TLS", async ({ bed }) => {
  const pki = new Authority(bed);
  pki.sign("server", LOCAL);
  const server = `node ${join(import.meta.dirname, "last-word-server.mjs")} 127.0.0.1 ${PORT}`;
  const init = () => new Lists(bed).weft(`${INIT} ${inside(pki, "--etcd-cafile=ca.pem")}`);
  const { stdout, stderr } = await serving(
    bed,
    inside(pki, `${server} server.pem server.key`),
    init,
  );
  expect([stdout, stderr]).toEqual(["/coreos.com/network/config: written\n", ""]);
});

describe("without an authority of one's own", () => {
  /** What `weft agent init` says, where this script has changed the host's files for it only. */
  async function saidWith(bed: Bed, pki: Authority, script: string): Promise<string> {
    const serve = `openssl s_server -accept 127.0.0.1:${PORT} -rev -quiet -cert server.pem -key server.key`;
    return await serving(bed, inside(pki, serve), () => {
      const others =
        "for each in /etc/ssl /etc/pki; do ! test -d $each || mount -t tmpfs none $each; done";
      const body = `unset SSL_CERT_FILE; ${others}; cd ${pki.folder}; ${script}; ${bed.bin}/weft ${INIT} 2>&1 || true`;
      return bed.host.sh(`unshare -m sh -c '${body}'`);
    });
  }

  it("it believes those whom the host believes", async ({ bed }) => {
    const pki = new Authority(bed);
    pki.sign("server", LOCAL);
    const believed = /Cannot POST \S+: .*HTTP/;
    const debian = "/etc/ssl/certs/ca-certificates.crt";
    expect(await saidWith(bed, pki, `mkdir -p /etc/ssl/certs; cp ca.pem ${debian}`)).toMatch(
      believed,
    );
    expect(await saidWith(bed, pki, `mkdir -p /etc/ssl/certs; cp other.pem ${debian}`)).toContain(
      "none of the trusted authorities has signed its certificate",
    );
    expect(await saidWith(bed, pki, "cp ca.pem /etc/ssl/cert.pem")).toMatch(believed);
    expect(await saidWith(bed, pki, `export SSL_CERT_FILE=${pki.folder}/ca.pem`)).toMatch(believed);
    expect(await saidWith(bed, pki, "true")).toMatch(
      /no authorities are given, and this host has none in .*ca-certificates/,
    );
  });
});

describe("etcd", () => {
  it.for([
    ["rsa4096", "rsa", "openssl rsa -in user.key -traditional -out user.p1", "user.p1"],
    ["p384", "p384", "openssl pkcs8 -topk8 -nocrypt -in user.key -out user.p8", "user.p8"],
    ["p256", "p256", "true", "user.key"],
    ["rsa", "rsa", "openssl pkcs8 -topk8 -nocrypt -in user.key -out user.p8", "user.p8"],
  ] as const)("with a key of %s believes one of %s, after %s", async (row, { bed }) => {
    const [theirs, ours, convert, file] = row;
    const pki = new Authority(bed);
    pki.sign("between", "basicConstraints=critical,CA:TRUE");
    pki.sign("server", LOCAL, { by: "between", key: keys[theirs] });
    pki.sign("user", "extendedKeyUsage=clientAuth", { key: keys[ours] });
    pki.sh(`${convert}\ncat between.pem >> server.pem`);
    const peers = "http://127.0.0.1:2380";
    const etcd = new Daemon(
      bed,
      `etcd --name one --data-dir ${bed.folder("etcd")} --log-level warn --unsafe-no-fsync
        --listen-client-urls ${SERVER} --advertise-client-urls ${SERVER} --listen-peer-urls ${peers}
        --initial-advertise-peer-urls ${peers} --initial-cluster one=${peers}
        --client-cert-auth --trusted-ca-file ca.pem --cert-file server.pem --key-file server.key`
        .replace(/\s+/g, " ")
        .replace(/(\w+)\.(pem|key)/g, (name) => `${pki.folder}/${name}`),
    );
    const flags = `--etcd-cafile=ca.pem --etcd-certfile=user.pem --etcd-keyfile=${file}`;
    const ask = () => new Lists(bed).weft(`${INIT} ${inside(pki, flags)}`);
    await etcd.until("an answer", () => ask().status === 0);
    expect(ask().stdout).toContain("is so already");
    expect(ask().stderr).toBe("");
  });
});
