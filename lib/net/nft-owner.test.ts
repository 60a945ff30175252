import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isOfNetwork, type Owner, ownerText } from "./nft-owner.ts";

const owner: Owner = { network: "net", containerID: "box", ifName: "eth0" };
const id = "0123456789abcdef".repeat(4);

describe("the comment of an owner", () => {
  it("is the three names", () => {
    expect(ownerText(owner)).toBe("net box eth0");
  });

  it("has room for a container ID of 64 characters whole", () => {
    expect(ownerText({ ...owner, containerID: id })).toBe(`net ${id} eth0`);
  });

  it("is cut at 128 characters, behind hashes that tell owners apart", () => {
    const network = "n".repeat(100);
    const [one, two] = ["a", "b"].map((ifName) => ownerText({ network, containerID: id, ifName }));
    expect(one).toMatch(/^#[\da-f]{16} [\da-f]{16} n{93}$/);
    expect(one).not.toBe(two);
    expect(one?.slice(0, 18)).toBe(two?.slice(0, 18));
  });

  it("spells what nft could not read back by its number", () => {
    const odd = ownerText({ ...owner, ifName: 'a"\\%é' });
    expect(odd).toBe("net box a%22;%5c;%25;%e9;");
  });

  it("is of its network and of no other", () => {
    for (const network of ["net", "n".repeat(150)]) {
      const text = ownerText({ ...owner, network, containerID: id });
      expect(isOfNetwork(text, network)).toBe(true);
      expect(isOfNetwork(text, network.slice(1))).toBe(false);
      expect(isOfNetwork(text, `${network}x`)).toBe(false);
    }
  });

  it("differs for different owners and fits, whatever their names", () => {
    const name = fc
      .string({ minLength: 1, maxLength: 90 })
      .map((text) => text.replaceAll(" ", "_"));
    const any = fc.record({ network: name, containerID: name, ifName: name });
    fc.assert(
      fc.property(any, any, (a, b) => {
        const isSame = JSON.stringify(a) === JSON.stringify(b);
        expect(ownerText(a) === ownerText(b)).toBe(isSame);
        expect(ownerText(a).length).toBeLessThanOrEqual(128);
        expect(isOfNetwork(ownerText(a), a.network)).toBe(true);
      }),
    );
  });
});
