/** Names as long as they may be: every network knows what is its own, and nothing else. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import type { Container } from "../bed/container.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { Node } from "../bed/nodes.ts";
import { reservations } from "../bed/store.ts";

const id = (digit: string) => digit.repeat(64);

/** A network of its own bridge and subnet, limited in both directions, with masquerade. */
function plugins(network: string, number: number): readonly [Config, Config] {
  const base = { cniVersion: "1.1.0", name: network };
  const ipam = { type: "host-local", subnet: `10.1.${number}.0/24` };
  const rate = { ingressRate: 8_000_000, ingressBurst: 800_000 };
  const limits = { ...rate, egressRate: 8_000_000, egressBurst: 800_000 };
  return [
    { ...base, type: "bridge", bridge: `br${number}`, isGateway: true, ipMasq: true, ipam },
    { ...base, type: "bandwidth", ...limits },
  ];
}

function attach(bed: Bed, list: readonly Config[], containerID: string): Container {
  const box = bed.container();
  new Chain(bed, list).add(box, { env: { CNI_CONTAINERID: containerID } });
  return box;
}

/** GC of every plugin of a list, with the attachments that are still valid. */
function collect(bed: Bed, list: readonly Config[], ...valid: readonly string[]): void {
  const attachments = valid.map((containerID) => ({ containerID, ifname: "eth0" }));
  for (const plugin of list) {
    const config = { ...plugin, "cni.dev/valid-attachments": attachments };
    expect(bed.gc(String(plugin.type), config)).toMatchObject({ exitCode: 0, stdout: "" });
  }
}

const linksOf = (bed: Bed, kind: string) =>
  JSON.parse(bed.host.sh(`ip -j link show type ${kind}`)).filter(
    (link: { ifname?: string }) => link.ifname !== undefined,
  ).length as number;

const ofAttachments = (bed: Bed) => ({
  veths: linksOf(bed, "veth"),
  shapers: linksOf(bed, "ifb"),
  masquerades: Object.keys(bed.snapshot()).filter((key) => / nft .* element /.test(key)).length,
});

describe("GC of a network with a name of", () => {
  it.for([149, 150, 151, 158, 165, 166, 181, 182, 255])(
    "%d characters removes what is stale, and leaves what is valid or of a longer or shorter name",
    (length, { bed }) => {
      const network = "n".repeat(length);
      const names = [network, `${"n".repeat(150)}x`, "n".repeat(150), "n".repeat(254)];
      const [own, ...others] = [...new Set(names)].map(plugins);
      if (own === undefined) throw new Error("no network");
      for (const list of others) attach(bed, list, id("f"));
      const kept = attach(bed, own, id("a"));
      const before = ofAttachments(bed);
      attach(bed, own, id("b"));

      collect(bed, own, id("a"));
      expect(ofAttachments(bed)).toEqual(before);
      expect(reservations(bed, network)).toEqual(["10.1.0.2"]);
      expect(kept.ping("10.1.0.1")).toBe(true);
      for (const plugin of own) {
        const env = { CNI_CONTAINERID: id("a") };
        const run = bed.del(String(plugin.type), kept, plugin, { env });
        expect(run).toMatchObject({ exitCode: 0, stdout: "" });
      }
      expect(ofAttachments(bed)).toEqual({
        veths: others.length,
        shapers: others.length,
        masquerades: (before.masquerades / (others.length + 1)) * others.length,
      });
    },
  );
});

describe("an overlay with a name of", () => {
  it.for([165, 225, 226, 255])(
    "%d characters is made, and knows its device again",
    (length, { bed }) => {
      const nodes = [new Node(bed, 1), new Node(bed, 2)];
      const [node] = nodes;
      if (!node) throw new Error("no node");
      const more = { name: "n".repeat(length), vni: 7 };
      const config = node.config(nodes, more);
      const pod = node.pod(config, "a");
      const { index } = node.view.link("weft.7");
      const other = node.config(nodes, { ...more, name: `${"n".repeat(150)}x` });
      const gone = { ...other, vni: 8, "cni.dev/valid-attachments": [] };
      node.run({ command: "GC", config: gone });
      expect(pod.box.ping("10.244.1.1")).toBe(true);

      node.run({ command: "GC", config: { ...config, "cni.dev/valid-attachments": [] } });
      expect(node.view.links().filter((name) => name.startsWith("veth"))).toEqual([]);
      node.pod(config, "b");
      expect(node.view.link("weft.7").index).toBe(index);
    },
  );
});

describe("rules of iptables of a network with a name of", () => {
  it.for([100, 178, 240, 255])(
    "%d characters pass CHECK, and are removed by GC",
    (length, { bed }) => {
      const network = "n".repeat(length);
      const [first] = plugins(network, 1);
      const bridge = { ...first, ipMasqBackend: "iptables" };
      const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }];
      const portmap = {
        ...bridge,
        type: "portmap",
        backend: "iptables",
        runtimeConfig: { portMappings },
      };
      const env = { CNI_CONTAINERID: id("a") };
      const box = bed.container();
      const list = [bridge, portmap];
      const prevResult = new Chain(bed, list).add(box, { env });
      for (const plugin of list) {
        expect(
          bed.check(String((plugin as Config).type), box, { ...plugin, prevResult }, { env }),
        ).toSucceed();
      }
      const rules = () =>
        bed.host.sh("iptables-save -t nat | grep -c -- '-A .*-m comment.*name:' || true");
      const all = rules();
      collect(
        bed,
        [bridge, portmap].map((plugin) => ({ ...plugin, name: `${"n".repeat(150)}x` })),
      );
      collect(bed, list, id("a"));
      expect(rules()).toBe(all);
      collect(bed, list);
      expect(rules().trim()).toBe("0");
    },
  );
});

describe("links that a version up to 0.1.0 has marked", () => {
  /** A network that such an alias tells whole, and one of which it tells the beginning. */
  const whole = {
    network: "n".repeat(149),
    containerID: "b".repeat(90),
    alias: `weft ${"n".repeat(149)} #440e78079b534f934f52f0b8`,
  };
  const cut = {
    network: "n".repeat(200),
    containerID: "0123456789abcdef".repeat(4),
    alias: `weft ${"n".repeat(150)} #749829b8a6abd04b4ed6ae39`,
  };

  /** An attachment as such a version has left it. */
  function attachedBefore(bed: Bed, { network, containerID, alias }: typeof whole) {
    const list = plugins(network, 1);
    const box = bed.container();
    const env = { CNI_CONTAINERID: containerID };
    const prevResult = new Chain(bed, list).add(box, { env });
    bed.host.sh(`
      for link in $(ls /sys/class/net); do
        case $link in veth*|bwp*) ip link set $link alias "${alias}"; esac
      done`);
    return { list, box, prevResult, env };
  }

  it("are kept by GC as long as they are valid, and removed afterwards", ({ bed }) => {
    const { list } = attachedBefore(bed, whole);
    const before = ofAttachments(bed);
    collect(bed, plugins(`${"n".repeat(150)}x`, 2));
    collect(bed, plugins("n".repeat(150), 3));
    collect(bed, list, whole.containerID);
    expect(ofAttachments(bed)).toEqual(before);
    collect(bed, list);
    expect(ofAttachments(bed)).toEqual({ veths: 0, shapers: 0, masquerades: 0 });
  });

  it("are left to DEL if they tell only the beginning of their network's name", ({ bed }) => {
    const { list } = attachedBefore(bed, cut);
    const { veths, shapers } = ofAttachments(bed);
    collect(bed, list);
    expect(ofAttachments(bed)).toEqual({ veths, shapers, masquerades: 0 });
  });

  it.for([whole, cut])(
    "pass CHECK, are refused a second ADD, and removed by DEL",
    (of, { bed }) => {
      const { list, box, prevResult, env } = attachedBefore(bed, of);
      for (const plugin of list) {
        const config = { ...plugin, prevResult };
        expect(bed.check(String(plugin.type), box, config, { env })).toSucceed();
      }
      expect(bed.add("bridge", box, list[0], { env }).error.msg).toContain("already exists");
      for (const plugin of list.toReversed()) {
        expect(bed.del(String(plugin.type), box, plugin, { env })).toSucceed();
      }
      expect(ofAttachments(bed)).toEqual({ veths: 0, shapers: 0, masquerades: 0 });
    },
  );
});

it("a network with a name of 255 characters has an index of its reservations", ({ bed }) => {
  const [network] = plugins("n".repeat(255), 1);
  const run = bed.add("bridge", bed.container(), network);
  expect(run).toMatchObject({ exitCode: 0, stderr: "" });
  expect(bed.list("/run/weft/host-local")).toHaveLength(1);
});
