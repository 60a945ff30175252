/** Under running containers the executables are exchanged: the links that one side made, the other ends. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { type Feature, kernelHas, needs } from "../bed/kernel.ts";
import type { Result } from "../bed/outcome.ts";
import { waitUntil } from "../bed/patience.ts";
import { by, type Reference, versionsWith } from "../bed/sides.ts";
import type { Snapshot } from "../bed/snapshot.ts";
import { reservations } from "../bed/store.ts";

/** What a plugin is asked to attach, and what has to be there before. */
interface Attachment {
  /** The executable, if the title is not its name. */
  readonly program?: string;
  readonly config: Config;
  readonly before?: string;
  readonly needs?: Feature;
  /** Whether the kernel takes the link to the host when its namespace vanishes. */
  readonly comesHome?: boolean;
}

const onMaster = {
  config: { master: "dev0" },
  before: `
    ip link add dev0 up type veth peer name dev1
    ip link set dev1 up`,
};

const attachments: Readonly<Record<string, Attachment>> = {
  ptp: { config: { ipMasq: true } },
  macvlan: onMaster,
  ipvlan: { ...onMaster, needs: "ipvlan" },
  vlan: { ...onMaster, needs: "802.1Q" },
  "host-device": {
    config: {},
    before: `
      ip link add dev-box1 mtu 1450 type veth peer name other1
      ip link add dev-box2 mtu 1450 type veth peer name other2`,
    comesHome: true,
  },
};

/** Those that came with later releases. */
const laterAttachments: Readonly<Record<string, Attachment>> = {
  ...attachments,
  "ptp with nftables": { program: "ptp", config: { ipMasq: true, ipMasqBackend: "nftables" } },
  tap: { config: {} },
  dummy: { config: {}, needs: "dummy" },
};

const references = [
  ["theirs", "reference plugins", attachments],
  ["theirs 1.9.1", "reference plugins 1.9.1", laterAttachments],
] as const;

describe.each(references)("links of %s", (reference, installed, all) => {
  describe.each(Object.entries(all))("%s", (title, attachment: Attachment) => {
    const { program = title, needs: kind, comesHome = false } = attachment;
    const it = needs(kind === undefined || kernelHas(kind) ? installed : kind);
    const [oldest = "", newest = ""] = [versionsWith[reference][0], versionsWith[reference].at(-1)];
    const place: Place = { ...attachment, program };

    it("CHECK by ours finds what ADD by theirs made", ({ bed }) => {
      const [box] = prepare(bed, place);
      const made = addBy(bed, reference, box, networkOf(place, box, newest));
      expect(bed.check(program, box, made)).toMatchObject({ exitCode: 0, stdout: "" });
    });

    it.for([
      ["with the namespace and the result", true, true, newest],
      ["with the namespace and a result of the oldest version", true, true, oldest],
      ["with the namespace only", true, false, newest],
      ["with the result only", false, true, newest],
      ["with nothing but the names", false, false, newest],
    ] as const)("DEL by ours leaves nothing, %s", ([, hasNetns, hasResult, version], { bed }) => {
      const [box] = prepare(bed, place);
      const network = networkOf(place, box, version);
      const snapshot = bed.snapshot();
      const made = addBy(bed, reference, box, network);
      if (!hasNetns) removeNetns(bed, box, comesHome);
      const options = hasNetns ? {} : { env: { CNI_NETNS: undefined } };
      for (const _ of ["once", "twice"]) {
        const run = bed.del(program, box, hasResult ? made : network, options);
        expect(run).toMatchObject({ exitCode: 0, stdout: "" });
      }
      if (!hasNetns) bed.host.sh(`ip netns add ${box.name}`);
      expect(leftovers(bed, snapshot, network)).toEqual([]);
      expect(theirNat(bed)).toEqual([]);
    });

    it("GC by ours takes away what is not valid, and leaves the rest", ({ bed }) => {
      const [kept, gone] = prepare(bed, place);
      const network = networkOf(place, kept, newest);
      const made = addBy(bed, reference, kept, network);
      const snapshot = bed.snapshot();
      addBy(bed, reference, gone, networkOf(place, gone, newest));
      removeNetns(bed, gone, comesHome);
      bed.host.sh(`ip netns add ${gone.name}`);
      expect(bed.gc(program, forGc(network, [kept]))).toMatchObject({ exitCode: 0, stdout: "" });
      // What theirs moved does not say whose it is: that only its DEL knows.
      if (comesHome) bed.del(program, gone, networkOf(place, gone, newest));
      expect(leftovers(bed, snapshot, network)).toEqual([]);
      expect(reservations(bed)).toEqual(["10.1.2.2"]);
      expect(bed.check(program, kept, made)).toMatchObject({ exitCode: 0, stdout: "" });
    });

    it("DEL by theirs ends what ADD by ours made, and DEL by ours takes away the rest", ({
      bed,
    }) => {
      const [box] = prepare(bed, place);
      const network = networkOf(place, box, newest);
      const snapshot = bed.snapshot();
      const made = addBy(bed, "ours", box, network);
      bed.del(program, box, made, by(bed, reference));
      const left = leftovers(bed, snapshot, network).filter(isLinkOrRule);
      expect(left.map(nameOf)).toEqual(leftByTheirs[program] ?? []);
      expect(reservations(bed)).toEqual([]);
      expect(bed.del(program, box, network)).toMatchObject({ exitCode: 0, stdout: "" });
      expect(leftovers(bed, snapshot, network)).toEqual([]);
    });
  });
});

/**
 * What the reference's DEL does not know of: our masquerade; and the old name of a device in our
 * alias, which says more.
 */
const leftByTheirs: Readonly<Record<string, readonly string[]>> = {
  ptp: ["+ host nft inet weft map masquerade4"],
  "host-device": ["+ box1 link eth0", "- host link dev-box1"],
};

/** But for what attachments share, to which the frame of their rules of nf_tables belongs. */
function leftovers(bed: Bed, before: Snapshot, network: Config): readonly string[] {
  const frame = /^\+ host nft inet cni_plugins_masquerade( chain \S+| rule postrouting .*)?: /;
  return bed.leftovers(before, sharedBy(network)).filter((line) => !frame.test(line));
}

function isLinkOrRule(line: string): boolean {
  return /^[+-] \S+ (link|nft) /.test(line);
}

function nameOf(line: string): string {
  return line.replace(/:.*| element .*/, "");
}

/** One plugin on a machine. */
interface Place extends Attachment {
  readonly program: string;
}

function prepare(bed: Bed, { before = ":" }: Place): readonly [Container, Container] {
  bed.host.sh(before);
  return [bed.container(), bed.container()];
}

/** A network of this plugin; each container has a device of its own. */
function networkOf({ program, config }: Place, { name }: Container, cniVersion: string): Config {
  const ipam = { type: "host-local", subnet: "10.1.2.0/24", routes: [{ dst: "0.0.0.0/0" }] };
  const own = { device: `dev-${name}`, vlanId: Number(name.replace(/\D/g, "")) };
  return { cniVersion, name: "net", type: program, ...own, ...config, ipam };
}

/** ADD; the configuration with its result, which the commands that follow get. */
function addBy(bed: Bed, side: Reference | "ours", box: Container, network: Config): Config {
  const prevResult: Result = bed.add(String(network.type), box, network, by(bed, side)).result;
  return { ...network, prevResult };
}

/** The same network for GC, which only the newest version has. */
function forGc(network: Config, valid: readonly Container[]): Config {
  const attached = valid.map(({ containerID, ifName }) => ({ containerID, ifname: ifName }));
  return { ...network, cniVersion: "1.1.0", "cni.dev/valid-attachments": attached };
}

/**
 * Removes the namespace, as runtimes may before DEL, and waits until all its links are gone too. A
 * device that is no virtual one comes home under the name it has there; veth stands in for it.
 */
function removeNetns(bed: Bed, { name }: Container, comesHome: boolean): void {
  if (comesHome) bed.host.sh(`ip -netns ${name} link set eth0 down netns $$`);
  bed.host.sh(`
    ip link add mark type veth peer name mark netns ${name}
    ip netns delete ${name}`);
  waitUntil("the end of its links", () => !bed.host.links().includes("mark"));
}

/** The lines of the host's NAT table that bear the names of reference plugins. */
function theirNat(bed: Bed): readonly string[] {
  const save = bed.host.sh("iptables-save -t nat; ip6tables-save -t nat");
  return save.split("\n").filter((line) => line.includes("CNI-"));
}
