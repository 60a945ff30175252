import { describe, expect, it } from "vitest";
import { heldByAnother, holderNote } from "./holder.ts";
import { Netns } from "./netns.ts";

const none = (path: string) => new Netns(-1, path);

describe("what is noted of an attachment", () => {
  it("has a place for each thing, also for what is not known", () => {
    expect(holderNote([], none(""))).toBe("- - -");
    expect(holderNote(["br0", "veth1"], none(""))).toBe("br0,veth1 - -");
  });

  it("leaves out names that would end it, or run into the next", () => {
    for (const name of ["a b", 'a"', "a\\b", "a,b", "é", ""]) {
      expect(holderNote([name, "veth1"], none(""))).toBe("veth1 - -");
    }
  });

  it("has few names, however many a result has", () => {
    const names = Array.from({ length: 9 }, (_, i) => `veth${i}`);
    expect(holderNote(names, none(""))).toBe("veth0,veth1,veth2,veth3 - -");
  });
});

describe("the refusal", () => {
  const owner = { network: "evil", containerID: "pod", ifName: "eth0" };

  it("is a conflict that names the holder and what to do", () => {
    const held = { comment: "net box eth1", holder: undefined };
    const error = heldByAnother(owner, "10.1.2.3", held);
    expect(error.kind).toBe("conflict");
    expect(error.message).toMatch(/10\.1\.2\.3.*"eth0".*"eth1".*"box".*"net".*DEL.*GC/);
  });

  it("shows a comment that is cut as it is", () => {
    const held = { comment: `#12 34 ${"n".repeat(9)}`, holder: undefined };
    expect(heldByAnother(owner, "x", held).message).toContain('"#12 34 nnnnnnnnn"');
  });
});
