/** `weft doctor` of a node: each finding is made true, and is silent where it is not. */
import { describe, expect } from "vitest";
import { it } from "../bed/it.ts";
import { Node } from "../bed/node.ts";

const ipam = { type: "host-local", subnet: "10.251.40.0/24" };
const gateway = { type: "bridge", bridge: "cni9", isGateway: true, ipMasq: true, ipam };

describe("weft doctor", () => {
  it("finds nothing wrong where nothing is, and changes nothing", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    const before = bed.snapshot();
    expect(node.doctor()).toMatchObject({ status: 0, stderr: "" });
    expect(node.doctor().stdout).toMatch(/^nothing wrong: \d+ things looked at\n$/);
    expect(node.doctor("--json")).toMatchObject({ status: 0, stdout: "[]\n" });
    expect(bed.leftovers(before)).toEqual([]);
  });

  it("tells a finding a line, the worst first, and ends by the worst", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [{ ...gateway, isGatewy: true }] });
    const warned = node.doctor();
    expect(warned).toMatchObject({ status: 0, stderr: "" });
    expect(warned.stdout).toMatch(/^warning: list-invalid: .*isGatewy.* Correct the file.*\n$/);
    node.list({ plugins: [{ type: "nonesuch" }] }, "20-other.conflist");
    const { status, stdout } = node.doctor();
    expect(status).toBe(1);
    expect(stdout.split("\n").map((line) => line.split(":")[0])).toEqual([
      ...["error", "warning", "warning", "warning", ""],
    ]);
  });

  it("is called wrongly with other words", ({ bed }) => {
    expect(new Node(bed).doctor("net")).toMatchObject({ status: 2, stdout: "" });
  });

  it("says what it cannot look at, and looks at the rest", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    bed.host.sh("mkdir /etc/cni/net.d/20-loop; ln -s 30.conflist /etc/cni/net.d/30.conflist");
    const findings = node.findings();
    expect(findings.map(({ id }) => id)).toContain("not-checked");
  });

  it("shows without root what it can, and says for the rest that it needs root", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    const line = `setpriv --reuid 65534 --regid 65534 --clear-groups ${bed.bin}/weft doctor --json`;
    const { status, stdout } = node.lists.run(line, { NETCONFPATH: "/etc/cni/net.d" });
    expect(status).toBe(0);
    for (const finding of JSON.parse(stdout)) {
      expect(finding).toMatchObject({ level: "note", advice: "Ask again as root" });
    }
  });
});
