/** After somebody flushed the rules of nf_tables, and not the elements, DEL and GC leave nothing. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { Chain } from "../bed/chain.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { attach, network } from "../bed/networks.ts";

/** What each makes of nf_tables: small chains that several attachments lead to. */
const lists: { readonly [what: string]: () => readonly Config[] } = {
  "masquerade of bridge": () => {
    const [bridge] = network(1);
    return [{ ...bridge, ipMasq: true, ipMasqBackend: "nftables" }];
  },
  "firewall, open": () => network(1, { backend: "nftables" }),
  "firewall, isolated": () => network(1, { backend: "nftables", ingressPolicy: "isolated" }),
  "MAC spoof check": () => {
    const [bridge] = network(1);
    return [{ ...bridge, macspoofchk: true, macspoofchkStrict: true }];
  },
};

/** Empties chains, and leaves maps and sets as they are. */
function flush(bed: Bed): void {
  bed.host.sh(`for family in inet bridge; do
    nft list table $family weft >/dev/null 2>&1 && nft flush table $family weft
    done; true`);
}

/** Small chains without rules; those of masquerade outlive their last element, until GC. */
function smallChains(bed: Bed): readonly string[] {
  const rules = bed.host.nft();
  return Array.from(rules.matchAll(/chain (\S+) \{\s*\}/g), ([, name]) => `${name}`).filter(
    (name) => !name.startsWith("masq-"),
  );
}

describe.each(Object.entries(lists))("%s", (_, pluginsOf) => {
  it.for([1, 2, 3])("DEL of each of %i attachments leaves nothing", (count, { bed }) => {
    const plugins = pluginsOf();
    const attached = Array.from({ length: count }, () => attach(bed, plugins));
    flush(bed);
    for (const { box, result } of attached) {
      for (const run of new Chain(bed, plugins).del(box, result)) {
        expect(run).toMatchObject({ exitCode: 0, stdout: "" });
      }
    }
    const left = bed.host.nft();
    for (const { box } of attached) expect(left).not.toContain(box.containerID);
    expect(smallChains(bed)).toEqual([]);
  });

  it("GC takes back what is of nobody, and leaves the other its own", ({ bed }) => {
    const plugins = pluginsOf();
    const [kept, lost] = [attach(bed, plugins), attach(bed, plugins)];
    flush(bed);
    const valid = [{ containerID: kept.box.containerID, ifname: kept.box.ifName }];
    for (const plugin of plugins) {
      const run = bed.gc(`${plugin.type}`, { ...plugin, "cni.dev/valid-attachments": valid });
      expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    }
    expect(bed.host.nft()).not.toContain(lost.box.containerID);
    expect(bed.host.nft()).toContain(kept.box.containerID);
  });
});
