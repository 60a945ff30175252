import { describe, expect, it } from "vitest";
import { allRules, notesOf, removalOf, rulesFor, rulesOfOwner } from "./found-forwarding.ts";

const accept = (rest: string) => `-A CNI-FORWARD ${rest} -j ACCEPT`;
const mark = (text: string) => `-m comment --comment "${text}"`;
const user = (bridge: string, text: string) => `-A CNI-ISOLATION-USERS -i ${bridge} ${mark(text)}`;

const lines = [
  ":CNI-FORWARD - [0:0]",
  accept(`-s 10.1.2.3/32 ${mark("net one eth0")} ${mark("at veth1 /run/netns/one 4026")}`),
  accept(`-s 10.1.2.4/32 ${mark("net two eth0")}`),
  accept("-s 10.1.2.5/32"),
  `-A CNI-FORWARD ${mark("CNI firewall plugin admin overrides")} -j CNI-ADMIN`,
  accept("-i br9 -s 10.1.2.3/32"),
  "-A CNI-ISOLATION-STAGE-1 -i br0 ! -o br0 -j CNI-ISOLATION-STAGE-2",
  "-A CNI-ISOLATION-STAGE-1 -i br01 ! -o br01 -j CNI-ISOLATION-STAGE-2",
  "-A CNI-ISOLATION-STAGE-2 -o br0 -j DROP",
  user("br0", "net one eth0"),
  user("br0", "net two eth0"),
];
const found = allRules(lines);
const one = rulesOfOwner(lines, { network: "net", containerID: "one", ifName: "eth0" });
const linesOf = (rules: readonly { readonly line: string }[]) => rules.map(({ line }) => line);
const deletions = (rules: readonly (string | undefined)[]) =>
  rules.map((line) => line?.replace("-A", "-D"));

describe("forwarding in the filter table", () => {
  it("has rules that begin with an address, and tells bridges", () => {
    expect(found.map(({ address, bridge }) => address ?? bridge)).toEqual([
      "10.1.2.3/32",
      "10.1.2.4/32",
      "10.1.2.5/32",
      "br0",
      "br0",
    ]);
  });

  it("tells whose rules are, and where that is found", () => {
    expect(found.map(({ held }) => held?.comment)).toEqual([
      "net one eth0",
      "net two eth0",
      undefined,
      "net one eth0",
      "net two eth0",
    ]);
    expect(notesOf(found)).toEqual(["veth1 /run/netns/one 4026"]);
    expect(linesOf(one)).toEqual([lines[1], lines[9]]);
  });

  it("is for an address", () => {
    expect(linesOf(rulesFor(lines, [Uint8Array.of(10, 1, 2, 3)]))).toEqual([lines[1]]);
    expect(linesOf(rulesFor(lines, [Uint8Array.of(10, 1, 2, 5)]))).toEqual([lines[3]]);
    expect(rulesFor(lines, [])).toEqual([]);
  });

  it("isolates a bridge until its last user is gone", () => {
    expect(removalOf(lines, one)).toEqual(deletions([lines[1], lines[9]]));
    const marked = found.filter(({ held }) => held);
    const rest = [lines[1], lines[2], lines[9], lines[10], lines[6], lines[8]];
    expect(removalOf(lines, marked)).toEqual(deletions(rest));
  });
});
