import { describe, expect, it } from "vitest";
import { chainsIn } from "./found-chains.ts";

const masquerade = `CNI-${"0a".repeat(12)}`;
const ports = `CNI-DN-${"0a".repeat(10)}b`;

describe("the chains of containers", () => {
  it("are told with what the jumps to them say", () => {
    const lines = [
      "*nat",
      ":POSTROUTING ACCEPT [0:0]",
      ":CNI-HOSTPORT-DNAT - [0:0]",
      `:${masquerade} - [0:0]`,
      `:${ports} - [0:0]`,
      `-A POSTROUTING -s 10.1.2.3/32 -m comment --comment "name: \\"net\\" id: \\"6f2c\\"" -j ${masquerade}`,
      `-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"net\\" id: \\"6f2d\\"" -m multiport --dports 80 -j ${ports}`,
    ];
    const told = { table: "nat table of IPv4", isReached: true, network: "net" };
    expect(chainsIn(lines, "nat table of IPv4")).toEqual([
      { ...told, name: masquerade, containerID: "6f2c" },
      { ...told, name: ports, containerID: "6f2d" },
    ]);
  });

  it("may be reached by nothing, or by what names nobody", () => {
    const lines = [`:${ports} - [0:0]`, `:${masquerade} - [0:0]`, `-A X -j ${masquerade}`];
    const nobody = { table: "t", network: undefined, containerID: undefined };
    expect(chainsIn(lines, "t")).toEqual([
      { ...nobody, name: ports, isReached: false },
      { ...nobody, name: masquerade, isReached: true },
    ]);
  });

  it.each([
    ":CNI-FORWARD - [0:0]",
    ":CNI-HOSTPORT-MASQ - [0:0]",
    `:${masquerade}0 - [0:0]`,
    `-A ${ports} -j DNAT`,
    "",
  ])("are no others: %j", (line) => {
    expect(chainsIn([line], "t")).toEqual([]);
  });
});
