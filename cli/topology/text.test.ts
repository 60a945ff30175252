/** The picture for a terminal, line by line. */
import { describe, expect, it } from "vitest";
import { attachment, bridged, factsOf, link, within } from "./example.ts";
import type { Facts } from "./facts.ts";
import { topologyOf } from "./model.ts";
import { textOf } from "./text.ts";
import { forestOf } from "./tree.ts";

const brief = { width: 100, most: 10 };

function picture(facts: Facts, extent: Parameters<typeof textOf>[2] = brief) {
  const isWhole = extent.most === undefined;
  return textOf(`host ${facts.hostname}`, forestOf(topologyOf(facts), { isWhole }), extent);
}

describe("the picture in text", () => {
  it("aligns what is beside each other", () => {
    expect(picture(bridged(2)).join("\n")).toBe(
      `
host node1
├─ uplink eth0  192.0.2.1/24, default by 192.0.2.254
├─ bridge cni0  10.1.0.1/16
│  ├─ veth1  c001 eth0  10.1.0.2  in pods
│  └─ veth2  c002 eth0  10.1.0.3  in pods
├─ masqueraded
│  └─ 10.1.0.2 10.1.0.3  leaving 10.1.0.0/16  in pods  by masquerade4 of nf_tables
└─ led to containers
   ├─ tcp 8001  → 10.1.0.2:80  c001 eth0  by hostports4-any of nf_tables
   └─ tcp 8002  → 10.1.0.3:80  c002 eth0  by hostports4-any of nf_tables
`.trim(),
    );
  });

  it("counts what is many, in no more columns and lines than a terminal has", () => {
    const lines = picture(bridged(200));
    expect(lines).toContain("│  └─ … and 190 more containers (--all shows them)");
    expect(lines).toContain("   └─ … and 190 more ports (--all shows them)");
    expect(lines.join("\n")).toContain("10.1.0.2 and 199 more  leaving 10.1.0.0/16");
    expect(lines.length).toBeLessThan(30);
    expect(lines.filter((each) => [...each].length > 100)).toEqual([]);
  });

  it("leaves nobody out for a line that says so", () => {
    expect(picture(bridged(11)).filter((each) => each.includes("veth"))).toHaveLength(11);
    expect(picture(bridged(12)).filter((each) => each.includes("veth"))).toHaveLength(10);
  });

  it("shows all that is asked for, as it is", () => {
    const all = picture(bridged(200), { width: undefined, most: undefined });
    expect(all.filter((each) => each.includes("veth"))).toHaveLength(200);
    expect(all.join("\n")).toContain("10.1.0.200 10.1.0.201  leaving");
    expect(all.join("\n")).not.toContain("more");
  });

  it("cuts identifiers of 64 digits, and lists of addresses for which there is no room", () => {
    const id = "6f2c11".padEnd(64, "0");
    const addresses = ["2001:db8:1111:2222:3333:4444:5555:6666/64", "2001:db8:1111:2222::7777/64"];
    const facts = factsOf({
      attachments: [attachment(id, { addresses: [...addresses, "10.1.2.3"] })],
    });
    const lines = picture(facts);
    expect(lines[2]).toBe(
      "   └─ 6f2c11000000… eth0  2001:db8:1111:2222:3333:4444:5555:6666/64 …  in pods",
    );
    expect(picture(facts, { width: undefined, most: undefined }).join("\n")).toContain(
      `${id} eth0  ${addresses.join(" ")} 10.1.2.3  in pods`,
    );
  });
});

it("counts the addresses of who has many", () => {
  const addresses = ["10.1.2.3/24", "10.1.2.4/24", "10.1.2.5/24", "10.1.2.6/24"];
  const line = (more: readonly string[]) =>
    picture(
      factsOf({ attachments: [attachment("c1", { addresses: [...addresses, ...more] })] }),
    )[2];
  expect(line([])).toBe(`   └─ c1 eth0  ${addresses.join(" ")}  in pods`);
  expect(line(Array(5000).fill("10.1.2.7/24"))).toBe(
    "   └─ c1 eth0  10.1.2.3/24 and 5003 more  in pods",
  );
});

describe("a name that is long", () => {
  it("does not hide what is beside it, or below", () => {
    const attachments = [
      attachment("c1".padEnd(200, "x"), { network: "y".repeat(200), addresses: ["10.1.2.3"] }),
      attachment("c2", { addresses: ["10.1.2.4"] }),
    ];
    const lines = picture(factsOf({ hostname: "x".repeat(200), attachments }));
    expect([...(lines[0] ?? "")]).toHaveLength(100);
    expect(lines.slice(2).map((each) => /10\.1\.2\.\d/.exec(each)?.[0])).toEqual([
      "10.1.2.4",
      "10.1.2.3",
    ]);
    expect(lines[2]).toMatch(/ in pods$/);
  });
});

describe("groups of the picture", () => {
  it("are uplinks, bridges, overlays and VRFs, each with what hangs on it", () => {
    const overlays = [
      {
        ...{ device: "weft.1", vni: 1, port: 8472, local: "192.0.2.1", uplink: 2 },
        peers: [{ publicIP: "192.0.2.2", subnets: ["10.244.2.0/24"], isDirect: false }],
      },
    ];
    const links = [
      link(6, "dummy0", { kind: "dummy", addresses: ["10.9.9.9/32"] }),
      link(5, "blue", { kind: "vrf", vrfTable: 10, isUp: false }),
      link(4, "weft.1", { kind: "vxlan", alias: "weft-overlay pods 6f1d2c0000000000" }),
      link(3, "br0", { kind: "bridge", addresses: ["192.0.2.1/24"] }),
      link(2, "eth0", { master: 3 }),
      link(7, "eth0.5", { kind: "vlan", vlanId: 5, peer: 2, master: 5 }),
    ];
    expect(
      picture(factsOf({ links, overlays, defaults: [{ outputs: [3], gateways: [] }] })),
    ).toEqual([
      "host node1",
      "├─ uplink bridge br0  192.0.2.1/24, default route",
      "│  └─ device eth0",
      "├─ overlay weft.1     VNI 1 from 192.0.2.1 by eth0 port 8472, network pods",
      "│  └─ peer 192.0.2.2  10.244.2.0/24",
      "├─ VRF blue           table 10, down",
      "│  └─ vlan 5 eth0.5",
      "└─ dummy dummy0  10.9.9.9/32",
    ]);
  });

  it("are also those on no device, and what is gone", () => {
    const veth = { kind: "veth", isPeerHere: false, alias: "weft pods c1 eth0" };
    const attachments = [
      attachment("c3", { isThere: false }),
      attachment("c2", {
        isThere: true,
        inside: within(9, "eth0", { addresses: ["10.1.2.4/24"] }),
      }),
      attachment("c1", { addresses: ["10.1.2.3"] }),
    ];
    expect(picture(factsOf({ links: [link(7, "veth7", veth)], attachments }))).toEqual([
      "host node1",
      "├─ point to point",
      "│  └─ veth7  c1 eth0  10.1.2.3  in pods",
      "├─ devices in containers",
      "│  └─ c2 eth0  10.1.2.4/24  in pods",
      "└─ not seen from here",
      "   └─ c3 eth0  in pods  gone",
    ]);
  });

  it("tell of a container its VRF, and, where all is told, its namespace", () => {
    const inside = within(9, "eth0", { vrf: "blue" });
    const facts = factsOf({ attachments: [attachment("c1", { inside, netns: "/run/netns/c1" })] });
    expect(picture(facts).at(-1)).toBe("   └─ c1 eth0  in pods  VRF blue");
    expect(picture(facts, { width: undefined, most: undefined }).at(-1)).toBe(
      "   └─ c1 eth0  in pods  VRF blue  /run/netns/c1",
    );
  });

  it("are drawn once even if links seem to go round", () => {
    const links = [
      link(2, "a", { kind: "bridge", master: 3 }),
      link(3, "b", { kind: "bridge", master: 2 }),
      link(4, "c", { kind: "bridge" }),
    ];
    expect(picture(factsOf({ links }))).toEqual(["host node1", "└─ bridge c"]);
  });
});

describe("text from outside", () => {
  const hostile = "a\x1b[2J\x9b1m\r\nb\u202ec\u2028d\ud800e";

  it.each([brief, { width: undefined, most: undefined }])("obeys no terminal: %j", (extent) => {
    const facts = factsOf({
      links: [link(2, hostile, { addresses: [hostile] })],
      defaults: [{ outputs: [2], gateways: [hostile] }],
      attachments: [attachment(hostile, { network: hostile, addresses: [hostile] })],
      ports: [
        {
          protocol: hostile,
          address: hostile,
          port: 1,
          to: hostile,
          by: hostile,
          owner: undefined,
        },
      ],
      masquerades: [{ address: hostile, subnet: hostile, by: hostile, owner: undefined }],
    });
    const text = textOf(`host ${hostile}`, forestOf(topologyOf(facts), { isWhole: true }), extent);
    expect(text).toHaveLength(8);
    expect(text.join("")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    expect(text[0]).toBe("host a\\u001b[2J\\u009b1m\\u000d\\u000ab\\u202ec\\u2028d\\ud800e");
  });
});
