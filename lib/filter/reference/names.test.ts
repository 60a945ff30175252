import { describe, expect, it } from "vitest";
import { attachmentPrefix, chainName, isChainName, networkPrefix } from "./names.ts";

describe("the names of the reference plugins", () => {
  it.each([
    ["test", "CNI-2bbe0c48b91a7d1b8a6753a8"],
    ["testalongnamethatdoesnotmakesense", "CNI-374f33fe84ab0ed84dcdebe3"],
  ])("the chain of container 1234 in network %s is %s", (network, name) => {
    expect(chainName({ network, containerID: "1234", ifName: "eth0" })).toBe(name);
    expect(isChainName(name)).toBe(true);
  });

  it("a comment begins with the network and the attachment", () => {
    const owner = { network: "unit-test", containerID: "one", ifName: "eth0" };
    expect(networkPrefix("unit-test")).toBe("6fd94d501e58f0aa-");
    expect(attachmentPrefix(owner)).toBe("6fd94d501e58f0aa-287fc69eff0574a2");
  });

  it.each(["CNI-DN-5c1ec5b32c3c881064b59", "CNI-HOSTPORT-DNAT", "CNI-2bbe0c48b91a7d1b8a6753a"])(
    "%s is no chain of a masquerade",
    (name) => {
      expect(isChainName(name)).toBe(false);
    },
  );
});
