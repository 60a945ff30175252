/** cnitool, which runs libcni: what every runtime in Go does, without the runtime. */
import { describe, expect } from "vitest";
import { needs } from "../bed/kernel.ts";
import { cnitoolFile } from "../bed/paths.ts";
import { podNetwork } from "./containerd.ts";
import { RuntimeNode } from "./node.ts";

const it = needs("cnitool 1.3.0");

describe("cnitool", () => {
  it("adds, checks and deletes by the list of a node, twice, and asks for its status", ({
    bed,
  }) => {
    const node = new RuntimeNode(bed, bed.bin);
    node.configure(
      "cni/net.d/10-net.conflist",
      JSON.stringify(podNetwork("10.244.0.0/24", "1.1.0")),
    );
    const box = bed.container();
    const cnitool = (words: string, variables = "") =>
      node.sh(`CNI_PATH=/opt/cni/bin ${variables} ${cnitoolFile} ${words} net ${box.netns}`);
    const ports = [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }];
    const asked = `CAP_ARGS='${JSON.stringify({ portMappings: ports })}'`;
    cnitool("add", asked);
    cnitool("del", asked);
    const before = bed.snapshot();

    const result = JSON.parse(cnitool("add", asked)) as { readonly ips: readonly object[] };

    expect(result.ips).toMatchObject([{ address: expect.stringMatching(/^10\.244\.0\./) }]);
    expect(bed.host.nft()).toContain("tcp . 8080");
    cnitool("check", asked);
    cnitool("status");
    for (let i = 0; i < 2; i++) cnitool("del", asked);
    cnitool("gc");
    expect(node.leftovers(before)).toEqual([]);
  });
});
