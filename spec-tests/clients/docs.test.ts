/** What the documents show works: every JSON block and example is validated, and really ADDed. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { binDirectory } from "../bed/paths.ts";
import { itWorks } from "../bed/subjects.ts";

const root = resolve(import.meta.dirname, "../..");

interface Block {
  readonly title: string;
  readonly text: string;
}

/** The files of a folder, and of those below, with one of these endings. */
function filesOf(folder: string, endings: readonly string[]): readonly string[] {
  return readdirSync(`${root}/${folder}`, { recursive: true, encoding: "utf8" })
    .filter((name) => endings.some((ending) => name.endsWith(ending)))
    .map((name) => `${folder}/${name}`)
    .sort();
}

/** The JSON blocks of a document, named by the line they begin at. */
function blocksOf(file: string): readonly Block[] {
  const document = readFileSync(`${root}/${file}`, "utf8");
  return Array.from(document.matchAll(/^```json\n([\s\S]*?)^```$/gm), (found) => ({
    title: `${file}:${document.slice(0, found.index).split("\n").length}`,
    text: found[1] ?? "",
  }));
}

const documents = ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...filesOf("docs", [".md"])];
const examples = filesOf("examples", [".conf", ".conflist"]);
/** Its blocks are the files of a plugin, which add-a-plugin.test.ts builds and runs. */
const ofPlugin = "docs/add-a-plugin.md";
const blocks = [
  ...documents.filter((file) => file !== ofPlugin).flatMap(blocksOf),
  ...examples.map((file) => ({ title: file, text: readFileSync(`${root}/${file}`, "utf8") })),
];

/** The plugins of a network, each with the keys that a runtime gives it. */
function pluginsOf(network: Config): readonly Config[] {
  const { plugins = [network], name, cniVersion } = network;
  return (plugins as readonly Config[]).map((plugin) => ({ ...plugin, name, cniVersion }));
}

function attach(bed: Bed, box: Container, plugins: readonly Config[]): Config {
  let prevResult: Config | undefined;
  for (const plugin of plugins) {
    const config = prevResult === undefined ? plugin : { ...plugin, prevResult };
    prevResult = bed.add(String(plugin.type), box, config).result as unknown as Config;
  }
  return prevResult ?? {};
}

/** Makes the host's links that a network is above, or has, where the bed has none of these names. */
function makeLinks(bed: Bed, plugins: readonly Config[]): void {
  for (const name of plugins.flatMap(({ master, device }) => [master, device])) {
    if (typeof name !== "string" || bed.host.links().includes(name)) continue;
    bed.host.sh(`ip link add ${name} up type veth peer name ${name}-peer`);
    bed.host.sh(`ip link set ${name}-peer up`);
  }
}

/** Leads a link of the host to the server whose addresses a network has (bed/dhcp.ts). */
function leadToServer(bed: Bed, plugins: readonly Config[]): void {
  for (const { type, ipam, master } of plugins) {
    if (type === "dhcp" || (ipam as Config | undefined)?.type !== "dhcp") continue;
    bed.host.sh(`
      ip link add p-${master} type veth peer name ${master}
      ip link set ${master} addrgenmode none up
      ip link set p-${master} netns server
      ip -netns server link set p-${master} master lan addrgenmode none up`);
  }
}

/** Makes the container's bridges that a network has ports of, each with another port. */
function makeBridges(box: Container, plugins: readonly Config[]): void {
  for (const bridge of plugins.flatMap(({ type, bridge }) => (type === "tap" ? [bridge] : []))) {
    if (typeof bridge !== "string") continue;
    box.sh(`
      ip link add ${bridge} address 02:00:00:00:00:b0 type bridge
      ip link add port0 type veth peer name port1
      for link in ${bridge} port0 port1; do ip link set $link addrgenmode none up; done
      ip link set port0 master ${bridge}`);
  }
}

describe.each(blocks)("the configuration in $title", ({ text }) => {
  it("has nothing that weft validate would mention", () => {
    const ended = spawnSync(`${binDirectory}/weft`, ["validate"], { input: text });
    expect(`${ended.stdout}${ended.stderr}`).toBe("-: valid\n");
    expect(ended.status).toBe(0);
  });

  const types = pluginsOf(JSON.parse(text) as Config).map(({ type }) => String(type));
  const run = /"vlan(Trunk)?":/.test(text) ? needs("bridge VLAN filtering") : itWorks(...types);
  run("connects a container, and leaves nothing after DEL", ({ bed }) => {
    const plugins = pluginsOf(JSON.parse(text) as Config);
    const box = bed.container();
    box.sh("ip link set lo up");
    box.sh(`ip link delete ${box.ifName} 2>/dev/null || true`);
    leadToServer(bed, plugins);
    makeLinks(bed, plugins);
    makeBridges(box, plugins);
    const before = bed.snapshot();
    const prevResult = attach(bed, box, plugins);
    expect(prevResult.cniVersion).toBe(plugins[0]?.cniVersion);

    for (const plugin of plugins.toReversed()) {
      expect(bed.del(String(plugin.type), box, { ...plugin, prevResult })).toMatchObject({
        exitCode: 0,
        stdout: "",
      });
    }
    box.sh("ip link set lo up");
    expect(bed.leftovers(before, sharedBy(plugins[0] ?? {}))).toEqual([]);
  });
});

/** Shell commands of a page that a person types. */
function commandsOf(file: string): readonly string[] {
  const document = readFileSync(`${root}/${file}`, "utf8");
  return Array.from(document.matchAll(/^```sh\n([\s\S]*?)^```$/gm), ([, text = ""]) => text);
}

const masqueraded = {
  isDefaultGateway: true,
  ipMasq: true,
  ipam: { type: "host-local", ranges: [[{ subnet: "10.4.0.0/24" }], [{ subnet: "fd04::/64" }]] },
};
const web = { hostPort: 8080, containerPort: 80, protocol: "tcp" };

/** Lists that make, between them, everything that is shared. */
const everything: readonly (readonly [string, readonly Config[]])[] = (
  ["nftables", "iptables"] as const
).map((backend) => [
  `bridge, firewall, portmap and tuning by ${backend}`,
  [
    { type: "bridge", ...masqueraded, ipMasqBackend: backend, macspoofchk: true },
    { type: "firewall", backend, ingressPolicy: "same-bridge" },
    { type: "portmap", backend, runtimeConfig: { portMappings: [web] } },
    { type: "tuning", sysctl: { "net.ipv4.conf.eth0.arp_ignore": "1" } },
  ],
]);
const overlay: readonly Config[] = [
  {
    type: "vxlan-overlay",
    network: "10.244.0.0/16",
    subnet: "10.244.1.0/24",
    uplink: "uplink0",
    ipMasq: true,
    directRouting: true,
    peers: [{ subnet: "10.244.2.0/24", publicIP: "198.51.100.2" }],
  },
];

describe("README", () => {
  const readme = readFileSync(`${root}/README.md`, "utf8");
  const list = JSON.parse(blocksOf("README.md")[0]?.text ?? "{}") as Config;

  it("shows a list that containerd 1.x takes, with the ports of containers", () => {
    expect(list.cniVersion).toBe("1.0.0");
    expect(list.plugins).toContainEqual({
      type: "portmap",
      capabilities: { portMappings: true },
    });
  });

  it("tells by a command who made a container's link", ({ bed }) => {
    const [, command = ""] = /^ {4}(ip link .*alias weft.*)$/m.exec(readme) ?? [];
    bed.host.sh("ip link add other0 type veth peer name other1");
    expect(bed.host.sh(`${command} || true`)).toBe("0\n");
    attach(bed, bed.container(), pluginsOf(list));
    expect(bed.host.sh(command)).toBe("1\n");
    const said = bed.host.sh(`${binDirectory}/bridge </dev/null 2>&1 | head -n 1`);
    expect(said).toMatch(/\bweft\b/);
  });
});

describe("what docs/install.md says of uninstalling", () => {
  it.for([...everything, ["vxlan-overlay", overlay] as const])(
    "leaves nothing of %s, and changes nothing when it is said twice",
    ([, list], { bed }) => {
      const ours = { cniVersion: "1.0.0", name: "pods" };
      const plugins = list.map((plugin): Config => ({ ...plugin, ...ours }));
      const box = bed.container();
      bed.host.sh("mkdir -p /run/cni /var/lib/cni; touch /run/xtables.lock");
      bed.host.sh("for i in iptables ip6tables; do $i -S; $i -t nat -S; done");
      bed.host.sh("iptables -A INPUT -s 192.0.2.7 -j DROP");
      const before = bed.snapshot();

      const prevResult = attach(bed, box, plugins);
      for (const plugin of plugins.toReversed())
        bed.del(String(plugin.type), box, { ...plugin, prevResult });
      expect(bed.leftovers(before).length).toBeGreaterThan(5);

      for (const _ of ["once", "twice"]) {
        for (const commands of commandsOf("docs/install.md")) bed.host.sh(`${commands}true`);
        expect(bed.leftovers(before)).toEqual([]);
        expect(bed.host.nft()).not.toMatch(/ weft /);
      }
    },
  );
});

describe("the documents", () => {
  it("have JSON blocks to run", () => {
    expect(blocks.length).toBeGreaterThan(4);
  });

  it("name only files that exist", () => {
    const links = documents.flatMap((file) => {
      const text = readFileSync(`${root}/${file}`, "utf8");
      const targets = Array.from(text.matchAll(/\]\(([^)#:\s]+)\)/g), ([, target = ""]) => target);
      return targets.map((target) => ({ file, path: resolve(root, file, "..", target) }));
    });
    const missing = links.filter(({ path }) => spawnSync("test", ["-e", path]).status !== 0);
    expect(links.length).toBeGreaterThan(5);
    expect(missing).toEqual([]);
  });

  it("name every file of attacks in SECURITY.md, and no test that is not there", () => {
    const security = readFileSync(`${root}/SECURITY.md`, "utf8");
    const named = Array.from(security.matchAll(/`([\w-]+\.test\.ts)`/g), ([, name = ""]) => name);
    const attacks = filesOf("spec-tests/attacks", [".test.ts"]).map((path) => basename(path));
    const others = filesOf("spec-tests", [".test.ts"]).map((path) => basename(path));
    expect(attacks.filter((name) => !named.includes(name))).toEqual([]);
    expect(named.filter((name) => !attacks.includes(name) && !others.includes(name))).toEqual([]);
  });

  it("speak of files and functions by the names they have", () => {
    const folders = ["lib", "plugins", "ipam", "cli", "native"];
    const files = folders.flatMap((folder) => filesOf(folder, [".ts", ".c", ".h", ".json"]));
    const code = files.map((file) => readFileSync(`${root}/${file}`, "utf8")).join("\n");
    const story = readFileSync(`${root}/docs/story.md`, "utf8");
    const paths = Array.from(story.matchAll(/\b[\w/-]+\.(?:ts|c|json)\b/g), ([path]) => path);
    const words = Array.from(story.matchAll(/`([a-zA-Z]+)`/g), ([, word = ""]) => word);
    expect(paths.length + words.length).toBeGreaterThan(20);
    expect(paths.filter((path) => !files.some((file) => file.endsWith(path)))).toEqual([]);
    expect(words.filter((word) => !new RegExp(`\\b${word}\\b`).test(code))).toEqual([]);
  });

  it("name files and folders that are there", () => {
    const named = /`((?:lib|plugins|ipam|cli|native|spec-tests|tools|bench|examples)\/[\w./-]*)`/g;
    const paths = documents.flatMap((file) =>
      Array.from(readFileSync(`${root}/${file}`, "utf8").matchAll(named), ([, path = ""]) => path),
    );
    expect(paths.length).toBeGreaterThan(50);
    // Plugins that are examples, and layers that have no file yet.
    const examples = /^(plugins\/foo$|plugins\/inner-bridge\/|spec-tests\/plugins\/inner-bridge\.)/;
    const { folders } = JSON.parse(readFileSync(`${root}/tools/layers.json`, "utf8"));
    const real = paths.filter((path) => !examples.test(path) && folders[path] === undefined);
    expect(real.filter((path) => !existsSync(`${root}/${path}`))).toEqual([]);
  });

  it("explain words in the order of the alphabet", () => {
    const glossary = readFileSync(`${root}/docs/glossary.md`, "utf8");
    const words = Array.from(glossary.matchAll(/^\| (?!word|-)([^|]+) \|/gm), ([, word = ""]) =>
      word.toLowerCase(),
    );
    expect(words.length).toBeGreaterThan(30);
    expect(words).toEqual(words.toSorted());
  });

  it("name every make target they speak of as make help does", () => {
    const env = { ...process.env, MAKEFLAGS: "" };
    const help = `${spawnSync("make", ["help"], { cwd: root, env }).stdout}`;
    const targets = Array.from(help.matchAll(/^ {2}make (\S+)/gm), ([, name]) => name);
    const said = documents.flatMap((file) =>
      Array.from(
        readFileSync(`${root}/${file}`, "utf8").matchAll(/(?:`|sudo |^ {4})make ([a-z0-9-]+)/gm),
        ([, name]) => name,
      ),
    );
    expect(targets).toContain("demo");
    expect(said.filter((name) => !targets.includes(name))).toEqual([]);
  });

  it("have a page for every command", () => {
    const names = readdirSync(binDirectory).sort();
    const pages = filesOf("docs/plugins", [".md"]).map((file) => basename(file, ".md"));
    expect(pages).toEqual(names);
  });
});
