import { describe, expect, it } from "vitest";
import { portChainName } from "../reference/names.ts";
import {
  holderOf,
  nameHolder,
  portsOfNetwork,
  portsOfOwner,
  readPorts,
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
const found = readPorts(lines);
const linesOf = (rules: readonly { readonly line: string }[]) => rules.map(({ line }) => line);

describe("host ports in the nat table", () => {
  it("are rules of containers' chains, and the jumps to these", () => {
    expect(found.rules.map(({ ifName, port }) => [ifName, port])).toEqual([
      ["eth0", undefined],
      ["eth0", { protocol: "tcp", address: Uint8Array.of(192, 0, 2, 1), port: 80 }],
      ["eth1", { protocol: "tcp", address: undefined, port: 81 }],
      [undefined, { protocol: "tcp", address: undefined, port: 82 }],
    ]);
    expect(found.jumps.map(({ ifName, protocol, ports }) => [ifName, protocol, ports])).toEqual([
      ["eth0", "tcp", "80,443"],
      ["eth1", "tcp", "81"],
      [undefined, "tcp", "82"],
    ]);
  });

  it("are of an owner by their interface, or, as the reference's, for all of a container's", () => {
    expect(linesOf(portsOfOwner(found, own))).toEqual([lines[5], lines[6], ours]);
    const others = { ...own, network: "other", ifName: "eth7" };
    expect(linesOf(portsOfOwner(found, others))).toEqual([lines[8], reference]);
    expect(portsOfOwner(found, { ...own, containerID: "two" })).toEqual([]);
  });

  it("are of the network that the jump names", () => {
    const expected = [...lines.slice(5, 8), ours, second];
    expect(linesOf(portsOfNetwork(found, "net"))).toEqual(expected);
    expect(portsOfNetwork(found, "ne")).toEqual([]);
  });

  it("have a holder if all names are told", () => {
    const [, first, next, last] = found.rules.map((rule) => holderOf(found, rule));
    expect(first).toEqual({ owner: own, note: "veth1 /run/netns/one" });
    expect(next).toEqual({ owner: { ...own, ifName: "eth1" }, note: undefined });
    expect(last).toEqual({ owner: undefined, note: undefined });
    expect(found.rules.map((rule) => nameHolder(found, rule))[3]).toBe(
      'container "one" in network "other"',
    );
  });

  it("have no holder whose names are cut, or not there", () => {
    const [rule] = readPorts([dnat(chain, `-p tcp ${comment("interface eth0")}`)]).rules;
    const cut = readPorts([jump('name: "#0a" id: "#1b" interface eth0', chain)]);
    const nobody = { owner: undefined, note: undefined };
    expect(rule && holderOf(cut, rule)).toEqual(nobody);
    expect(rule && holderOf(readPorts([]), rule)).toEqual(nobody);
    expect(rule && nameHolder(readPorts([]), rule)).toBe(`chain "${chain}"`);
  });

  it("take their chain with them if they are the last", () => {
    const deletions = (rules: readonly string[]) => rules.map((line) => line.replace("-A", "-D"));
    const some = portsOfOwner(found, own);
    expect(removalOf(found, some)).toEqual(deletions(linesOf(some)));
    const all = portsOfNetwork(found, "net");
    expect(removalOf(found, all)).toEqual([...deletions(linesOf(all)), `-X ${chain}`]);
    expect(removalOf(found, [])).toEqual([]);
  });
});
