import { describe, expect, it } from "vitest";
import type { Result, ResultInterface } from "./result.ts";
import {
  cidrsOf,
  containerIps,
  type Holder,
  holderOfIp,
  hostLinks,
  ownIps,
  passedOn,
} from "./whose.ts";

const sandbox = "/run/netns/one";
const inside = (name: string): ResultInterface => ({ name, sandbox });
const bare = (name: string): ResultInterface => ({ name });

type Row = readonly [
  what: string,
  interfaces: readonly ResultInterface[] | undefined,
  index: number | undefined,
  holder: Holder,
];

/** CNI_IFNAME is eth0, the address 10.1.2.3. */
const rows: readonly Row[] = [
  ["of CNI_IFNAME with a sandbox", [bare("br0"), bare("veth1"), inside("eth0")], 2, "own"],
  ["of CNI_IFNAME with an empty sandbox", [{ name: "eth0", sandbox: "" }], 0, "own"],
  ["of CNI_IFNAME where nobody writes sandboxes", [bare("br0"), bare("eth0")], 1, "own"],
  ["of CNI_IFNAME where only lo has a sandbox", [inside("lo"), bare("eth0")], 1, "own"],
  ["of CNI_IFNAME with a sandbox of another spelling", [{ name: "eth0", sandbox: "x" }], 0, "own"],
  ["of the host's link of that name", [bare("eth0"), inside("eth0")], 0, "host"],
  [
    "of the container's link beside the host's of that name",
    [bare("eth0"), inside("eth0")],
    1,
    "own",
  ],
  ["of the bridge", [bare("br0"), bare("veth1"), inside("eth0")], 0, "host"],
  ["of the bridge where nobody writes sandboxes", [bare("br0"), bare("eth0")], 0, "host"],
  ["of the bridge where another link is inside", [bare("br0"), inside("net1")], 0, "host"],
  ["of the only link, the host's end by its name", [bare("cali1")], 0, "unsaid"],
  ["of a link without sandbox beside lo", [inside("lo"), bare("cali1")], 1, "unsaid"],
  ["of a link without a name", [bare(""), inside("eth0")], 0, "unsaid"],
  ["of another link inside, beside CNI_IFNAME", [inside("eth0"), inside("net1")], 1, "container"],
  ["of another link inside, before CNI_IFNAME", [inside("net1"), inside("eth0")], 0, "container"],
  ["of a link inside with another name", [bare("br0"), inside("net0")], 1, "unsaid"],
  ["of lo with a sandbox", [inside("lo"), inside("eth0")], 0, "loopback"],
  ["of lo without a sandbox", [bare("lo")], 0, "loopback"],
  ["without an index", [bare("br0"), inside("eth0")], undefined, "unsaid"],
  ["with a negative index", [bare("br0"), inside("eth0")], -1, "unsaid"],
  ["with an index beyond the list", [bare("br0"), inside("eth0")], 2, "unsaid"],
  ["without any list of links", undefined, 0, "unsaid"],
];

describe("an address", () => {
  it.each(rows)("%s", (_, interfaces, index, holder) => {
    const ip = { address: "10.1.2.3/24", ...(index === undefined ? {} : { interface: index }) };
    const result: Result = { ...(interfaces && { interfaces }), ips: [ip] };
    expect(holderOfIp(ip, result, "eth0")).toBe(holder);
  });

  it.each(["127.0.0.1/8", "127.255.0.9/32", "::1/128", "::ffff:127.0.0.1/104"])(
    "%s is the loopback's, whatever link it is said to be of",
    (address) => {
      for (const ip of [{ address }, { address, interface: 0 }, { address, interface: 1 }]) {
        const result = { interfaces: [inside("eth0"), bare("br0")], ips: [ip] };
        expect(holderOfIp(ip, result, "eth0")).toBe("loopback");
      }
    },
  );

  it("of lo is never CNI_IFNAME's, even if that is lo", () => {
    const ip = { address: "192.0.2.1/32", interface: 0 };
    expect(holderOfIp(ip, { interfaces: [inside("lo")], ips: [ip] }, "lo")).toBe("loopback");
  });
});

/** All there may be in the result of one list. */
const mixed: Result = {
  interfaces: [
    inside("lo"),
    bare("br1"),
    inside("net1"),
    bare("br0"),
    bare("veth1"),
    inside("eth0"),
  ],
  ips: [
    { address: "127.0.0.1/8", interface: 0 },
    { address: "10.9.0.2/24", interface: 2 },
    { address: "10.1.2.1/24", interface: 3 },
    { address: "192.0.2.7/24" },
    { address: "10.1.2.3/24", interface: 5 },
    { address: "fd00::3/64", interface: 5 },
  ],
  routes: [{ dst: "0.0.0.0/0" }],
};

const addresses = (ips: readonly { readonly address: string }[]) =>
  ips.map(({ address }) => address);

describe("of a result with all kinds", () => {
  it("CNI_IFNAME's addresses come first, then those nothing is said of", () => {
    const own = ["10.1.2.3/24", "fd00::3/64", "192.0.2.7/24"];
    expect(addresses(ownIps(mixed, "eth0"))).toEqual(own);
    expect(addresses(containerIps(mixed, "eth0"))).toEqual([...own, "10.9.0.2/24"]);
  });

  it("the other name's are its own if that is CNI_IFNAME", () => {
    expect(addresses(ownIps(mixed, "net1"))).toEqual(["10.9.0.2/24", "192.0.2.7/24"]);
  });

  it("the links of the host are those that nothing puts inside", () => {
    expect(hostLinks(mixed, "eth0")).toEqual(["br1", "br0", "veth1"]);
    expect(hostLinks({ interfaces: [bare("cali1")] }, "eth0")).toEqual(["cali1"]);
    expect(hostLinks({ interfaces: [bare("eth0")] }, "eth0")).toEqual([]);
    expect(hostLinks({}, "eth0")).toEqual([]);
  });

  it("the loopback is not passed on, and every other address keeps its link", () => {
    const { interfaces = [], ips = [], routes } = passedOn(mixed);
    expect(interfaces.map(({ name }) => name)).toEqual(["br1", "net1", "br0", "veth1", "eth0"]);
    expect(ips.map((ip) => [ip.address, interfaces[ip.interface ?? -1]?.name])).toEqual([
      ["10.9.0.2/24", "net1"],
      ["10.1.2.1/24", "br0"],
      ["192.0.2.7/24", undefined],
      ["10.1.2.3/24", "eth0"],
      ["fd00::3/64", "eth0"],
    ]);
    expect(routes).toEqual(mixed.routes);
  });

  it("what is passed on has no index that leads nowhere, and all that is not of the loopback", () => {
    const ips = [{ address: "10.1.2.3/24", interface: 0 }];
    const result: Result = { interfaces: [inside("eth0")], ips, dns: { domain: "example.org" } };
    expect(passedOn(result)).toEqual(result);
    expect(passedOn({})).toEqual({ interfaces: [], ips: [] });
    for (const index of [-1, 1]) {
      const lost = [{ address: "10.1.2.4/24", interface: index }];
      const { ips: kept } = passedOn({ interfaces: [inside("eth0")], ips: lost });
      expect(kept).toEqual([{ address: "10.1.2.4/24" }]);
    }
  });

  it("an address as a value has its prefix length", () => {
    expect(cidrsOf([{ address: "10.1.2.3/24" }, { address: "none" }])).toEqual([
      { address: Uint8Array.of(10, 1, 2, 3), prefixLength: 24 },
    ]);
  });
});
