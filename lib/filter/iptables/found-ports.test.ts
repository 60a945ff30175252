import { describe, expect, it } from "vitest";
import { portChainName } from "../reference/names.ts";
import {
  holderOf,
  jumpsInto,
  nameHolder,
  portsNumbered,
  portsOfNetwork,
  portsOfOwner,
  removalOf,
} from "./found-ports.ts";
import { comment } from "./rule.ts";

const own = { network: "net", containerID: "one", ifName: "eth0" };
const chain = portChainName(own);
const other = portChainName({ ...own, network: "other" });

const jump = (names: string, to: string, ports = "80,443") =>
  `-A CNI-HOSTPORT-DNAT -p tcp ${comment(`dnat ${names}`)} -m multiport --dports ${ports} -j ${to}`;
const dnat = (of: string, what: string, port = 80) =>
  `-A ${of} ${what} -m tcp --dport ${port} -j DNAT --to-destination 10.1.2.3:8080`;

const ours = jump('name: "net" id: "one" at veth1 /run/netns/one interface eth0', chain);
const second = jump('name: "net" id: "one" interface eth1', chain, "81");
const reference = jump('name: "other" id: "one"', other, "82");
const lines = [
  "*nat",
  ":CNI-HOSTPORT-DNAT - [0:0]",
  `:${chain} - [0:0]`,
  `:${other} - [0:0]`,
  "-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
  `-A ${chain} -s 10.1.2.0/24 -p tcp ${comment("interface eth0")} -m tcp --dport 80 -j CNI-HOSTPORT-SETMARK`,
  dnat(chain, `-d 192.0.2.1/32 -p tcp ${comment("interface eth0")}`),
  dnat(chain, `-p tcp ${comment("interface eth1")}`, 81),
  dnat(other, "-p tcp", 82),
  ours,
  second,
  reference,
  "-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment mine -j ACCEPT",
  "COMMIT",
];
const linesOf = (rules: readonly { readonly line: string }[]) => rules.map(({ line }) => line);

describe("host ports in the nat table", () => {
  it("are rules of containers' chains", () => {
    expect(portsNumbered(lines, [80, 81, 82]).map(({ ifName, port }) => [ifName, port])).toEqual([
      ["eth0", undefined],
      ["eth0", { protocol: "tcp", address: Uint8Array.of(192, 0, 2, 1), port: 80 }],
      ["eth1", { protocol: "tcp", address: undefined, port: 81 }],
      [undefined, { protocol: "tcp", address: undefined, port: 82 }],
    ]);
    expect(portsNumbered(lines, [8, 443])).toEqual([]);
  });

  it("are jumps to these chains", () => {
    const names = { network: "net", containerID: "one", note: undefined };
    expect(jumpsInto(lines, chain).map(({ ifName, jump }) => ({ ifName, ...jump }))).toEqual([
      {
        ifName: "eth0",
        names: { ...names, note: "veth1 /run/netns/one" },
        protocol: "tcp",
        ports: "80,443",
      },
      { ifName: "eth1", names, protocol: "tcp", ports: "81" },
    ]);
  });

  it("are of an owner by their interface, or, as the reference's, for all of a container's", () => {
    expect(linesOf(portsOfOwner(lines, own))).toEqual([lines[5], lines[6], ours]);
    const others = { ...own, network: "other", ifName: "eth7" };
    expect(linesOf(portsOfOwner(lines, others))).toEqual([lines[8], reference]);
    expect(portsOfOwner(lines, { ...own, containerID: "two" })).toEqual([]);
  });

  it("are of the network that the jump names", () => {
    const expected = [...lines.slice(5, 8), ours, second];
    expect(linesOf(portsOfNetwork(lines, "net"))).toEqual(expected);
    expect(portsOfNetwork(lines, "ne")).toEqual([]);
  });

  it("have a holder if all names are told", () => {
    const [, first, next, last] = portsNumbered(lines, [80, 81, 82]);
    expect(first && holderOf(lines, first)).toEqual({ owner: own, note: "veth1 /run/netns/one" });
    const eth1 = { ...own, ifName: "eth1" };
    expect(next && holderOf(lines, next)).toEqual({ owner: eth1, note: undefined });
    expect(last && holderOf(lines, last)).toEqual({ owner: undefined, note: undefined });
    expect(last && nameHolder(lines, last)).toBe('container "one" in network "other"');
  });

  it("have no holder whose names are cut, or not there", () => {
    const [rule] = portsNumbered([dnat(chain, `-p tcp ${comment("interface eth0")}`)], [80]);
    const cut = [jump('name: "#0a" id: "#1b" interface eth0', chain)];
    const nobody = { owner: undefined, note: undefined };
    expect(rule && holderOf(cut, rule)).toEqual(nobody);
    expect(rule && holderOf([], rule)).toEqual(nobody);
    expect(rule && nameHolder([], rule)).toBe(`chain "${chain}"`);
  });

  it("take their chain with them if they are the last", () => {
    const deletions = (rules: readonly string[]) => rules.map((line) => line.replace("-A", "-D"));
    const some = portsOfOwner(lines, own);
    expect(removalOf(lines, some)).toEqual(deletions(linesOf(some)));
    const all = portsOfNetwork(lines, "net");
    expect(removalOf(lines, all)).toEqual([...deletions(linesOf(all)), `-X ${chain}`]);
    expect(removalOf(lines, [])).toEqual([]);
  });
});
