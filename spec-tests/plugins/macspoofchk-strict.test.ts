/** `macspoofchk: "strict"` beside everything that pods do, and from ADD to GC. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridgeWith } from "../bed/configs.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";

const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:2::/64" }]];
const network = (macspoofchk: unknown, more: Config = {}) =>
  bridgeWith({ type: "host-local", ranges }, { isDefaultGateway: true, macspoofchk, ...more });
const strict = network("strict");

/** The chains that ports are sent to, with the number of their rules. */
function chains(bed: Bed): readonly string[] {
  const found = bed.host.nft().matchAll(/chain ((?:mac|strict)-[\da-f-]+) \{([^}]*)\}/g);
  return [...found].map(([, name, rules = ""]) => `${name} ${rules.trim().split("\n").length}`);
}

const chainOf = (kind: string, mac: string) =>
  expect.stringMatching(`^${kind}-${mac.replaceAll(":", "-")} `);

describe("pods under macspoofchk strict", () => {
  it.for([false, true])(
    "reach each other and the gateway by both families, with enabledad %s",
    (enabledad, { bed }) => {
      const [one, two] = [bed.container(), bed.container()];
      for (const box of [one, two]) bed.add("bridge", box, network("strict", { enabledad })).result;
      bed.host.until("! ip -6 address show dev br0 tentative | grep -q inet6");
      for (const address of ["10.1.2.1", "10.1.2.3", "fd00:2::1", "fd00:2::3"]) {
        expect(one.ping(address), address).toBe(true);
        expect(one.ping(address, "-s 4000"), `${address} in fragments`).toBe(true);
      }
      expect(two.ping("fd00:2::2")).toBe(true);
    },
  );

  it("find each other by link-local addresses, which they make themselves", ({ bed }) => {
    const [one, two] = [bed.container(), bed.container()];
    for (const box of [one, two]) bed.add("bridge", box, strict).result;
    two.until("ip -6 address show dev eth0 scope link | grep -v tentative | grep -q fe80");
    const shown = two.sh("ip -o -6 address show dev eth0 scope link");
    const address = /fe80::[\da-f:]+/.exec(shown)?.[0] ?? "";
    one.until(`ping -n -q -c 1 -W 1 ${address}%eth0`);
    expect(one.ping(`${address}%eth0`)).toBe(true);
  });

  it("tell whoever knew the address before where it is now", ({ bed }) => {
    const [first, second, witness] = [bed.container(), bed.container(), bed.container()];
    bed.add("bridge", witness, strict).result;
    bed.add("bridge", first, strict).result;
    expect(witness.ping("10.1.2.3")).toBe(true);
    bed.del("bridge", first, strict);
    const fixed = { ...strict, args: { cni: { ips: ["10.1.2.3/24", "fd00:2::3/64"] } } };
    bed.add("bridge", second, fixed).result;
    const mac = String(second.link("eth0").address);
    witness.until(`ip neigh show 10.1.2.3 | grep -q ${mac}`);
    expect(witness.ping("10.1.2.3")).toBe(true);
  });
});

describe("macspoofchk strict", () => {
  it("leaves nothing after DEL", ({ bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    bed.add("bridge", box, strict).result;
    expect(chains(bed)).toHaveLength(1);
    expect(bed.del("bridge", box, strict)).toSucceed();
    expect(bed.leftovers(before, sharedBy(strict))).toEqual([]);
    expect(chains(bed)).toEqual([]);
  });

  it("goes with DEL and GC whatever the configuration says by then", ({ bed }) => {
    const [one, two] = [bed.container(), bed.container()];
    for (const box of [one, two]) bed.add("bridge", box, strict).result;
    expect(bed.del("bridge", one, network(true))).toSucceed();
    expect(chains(bed)).toHaveLength(1);
    const gone = { ...network(false), "cni.dev/valid-attachments": [] };
    expect(bed.gc("bridge", gone)).toSucceed();
    expect(chains(bed)).toEqual([]);
  });

  it("takes the place of what a port had before, and the other way round", ({ bed }) => {
    const box = bed.container();
    const mac = "02:00:00:00:00:07";
    for (const [value, kind] of [
      [true, "mac"],
      ["strict", "strict"],
      [true, "mac"],
    ] as const) {
      const layer2 = { cniVersion: "1.1.0", name: "net", type: "bridge", macspoofchk: value };
      bed.add("bridge", box, layer2, { args: `MAC=${mac}` }).result;
      expect(chains(bed)).toEqual([chainOf(kind, mac)]);
      box.sh("ip link delete eth0"); // as after a restart: no DEL
    }
  });

  it("shares no chain with an ordinary check of the same MAC", ({ bed }) => {
    const [one, two] = [bed.container(), bed.container()];
    const mac = { args: "MAC=02:00:00:00:00:07" };
    const lax = network(true, { name: "lax", bridge: "br1" });
    bed.add("bridge", one, strict, mac).result;
    bed.add("bridge", two, lax, mac).result;
    expect(chains(bed)).toHaveLength(2);
    bed.del("bridge", one, strict);
    expect(chains(bed)).toEqual([chainOf("mac", "02:00:00:00:00:07")]);
  });

  it.for([
    ["a rule that is gone", (chain: string) => `nft flush chain bridge weft ${chain}`],
    ["a rule too many", (chain: string) => `nft add rule bridge weft ${chain} accept`],
  ] as const)("CHECK misses nothing, and names %s", ([, harm], { bed }) => {
    const box = bed.container();
    const { result: prevResult } = bed.add("bridge", box, strict);
    expect(bed.check("bridge", box, { ...strict, prevResult })).toSucceed();
    const lax = bed.check("bridge", box, { ...network(true), prevResult });
    expect(lax.error).toMatchObject({ code: 104 });
    const [chain = ""] = chains(bed).map((each) => each.split(" ")[0]);
    bed.host.sh(harm(chain));
    const { error } = bed.check("bridge", box, { ...strict, prevResult });
    expect(error).toMatchObject({ code: 104, msg: expect.stringContaining(chain) });
  });

  it("refuses any other word", ({ bed }) => {
    const { error } = bed.add("bridge", bed.container(), network("paranoid"));
    expect(error).toMatchObject({ code: 7, msg: expect.stringMatching(/macspoofchk.*paranoid/) });
    expect(bed.host.links()).not.toContain("br0");
  });
});
