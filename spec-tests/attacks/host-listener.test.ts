/** A pod asks for a port on which the host itself listens: who is cut off, who is told, who refuses. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { backgroundInBed } from "../bed/paths.ts";
import { attach, backends, bridge, portmap } from "../bed/portmaps.ts";
import { ask, serve, world } from "../bed/ports.ts";

const ssh = { hostPort: 22, containerPort: 2222, protocol: "tcp" };

interface Socket {
  readonly address: string;
  readonly port: number;
  readonly protocol?: "tcp" | "udp";
  /** Of a socket for IPv6: whether it is for nothing else. */
  readonly only6?: boolean;
}

/** A program of the host that listens, or, for UDP, is bound; it answers nobody. */
function hold(bed: Bed, { address, port, protocol = "tcp", only6 = false }: Socket): void {
  const family = address.includes(":") ? "AF_INET6" : "AF_INET";
  const program = `
import signal, socket
signal.alarm(3600)
s = socket.socket(socket.${family}, socket.${protocol === "tcp" ? "SOCK_STREAM" : "SOCK_DGRAM"})
if s.family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, ${only6 ? 1 : 0})
s.bind(("${address}", ${port}))
${protocol === "tcp" ? "s.listen(9)" : ""}
open("/tmp/held", "w").close()
signal.pause()
`;
  bed.host.sh(`
    python3 -c '${program}' </dev/null >/dev/null 2>&1 &
    echo $! >>${backgroundInBed}`);
  bed.host.until("rm /tmp/held");
}

/** ADD of a pod with these ports; what was said on standard error. */
function said(bed: Bed, config: Config): string {
  const box = bed.container();
  const result = bed.add("bridge", box, bridge).result as unknown as Config;
  const outcome = bed.add("portmap", box, { ...config, prevResult: result });
  expect(outcome).toSucceed();
  return outcome.stderr;
}

describe("a port on which the host listens", () => {
  it("is cut off by a pod that asks for it, which ADD says with the listener's name", ({ bed }) => {
    const outside = world(bed);
    bed.host.sh("ip link set lo up");
    serve(bed.host, "tcp", 22);
    expect(ask(outside, "192.0.2.1", 22)).toBe("192.0.2.9");
    expect(said(bed, portmap([ssh]))).toMatch(
      /^portmap: tcp port 22 .*"python3[^"]*" \(pid \d+\).* \[::\]:22.*reservedHostPorts/m,
    );
    expect(ask(outside, "192.0.2.1", 22)).toBe("");
  });

  it("is refused to the pod by reservedHostPorts, and the host is reached", ({ bed }) => {
    const outside = world(bed);
    bed.host.sh("ip link set lo up");
    serve(bed.host, "tcp", 22);
    const box = bed.container();
    const result = bed.add("bridge", box, bridge).result as unknown as Config;
    const config = portmap([ssh], { reservedHostPorts: [22], prevResult: result });
    const before = bed.snapshot();
    const { error } = bed.add("portmap", box, config);
    expect(error.code).toBe(103);
    expect(error.msg).toMatch(/tcp port 22 to "eth0".*reservedHostPorts/);
    expect(bed.leftovers(before)).toEqual([]);
    expect(ask(outside, "192.0.2.1", 22)).toBe("192.0.2.9");
  });

  it.for(backends)("is named by %s as well", (backend, { bed }) => {
    hold(bed, { address: "0.0.0.0", port: 22 });
    expect(said(bed, portmap([ssh], { backend }))).toMatch(/"python3.* 0\.0\.0\.0:22/);
  });
});

describe("the warning", () => {
  const dns = { hostPort: 53, containerPort: 53, protocol: "udp" };
  const clashes: readonly (readonly [string, Socket, object, RegExp])[] = [
    [
      "one at 127.0.0.1, which the host itself no longer reaches",
      { address: "127.0.0.1", port: 22 },
      ssh,
      / 127\.0\.0\.1:22/,
    ],
    ["one for all of IPv6 only", { address: "::", port: 22, only6: true }, ssh, / \[::\]:22/],
    [
      "one at an address of the host",
      { address: "198.51.100.1", port: 22 },
      ssh,
      / 198\.51\.100\.1:22/,
    ],
    [
      "one at the mapping's address",
      { address: "198.51.100.1", port: 22 },
      { ...ssh, hostIP: "198.51.100.1" },
      / 198/,
    ],
    [
      "one for all of both families, under an address of IPv4",
      { address: "::", port: 22 },
      { ...ssh, hostIP: "198.51.100.1" },
      /\[::\]:22/,
    ],
    [
      "one at an IPv4 address written as one of IPv6",
      { address: "::ffff:198.51.100.1", port: 22 },
      ssh,
      / 198\.51\.100\.1:22/,
    ],
    [
      "one of UDP",
      { address: "0.0.0.0", port: 53, protocol: "udp" },
      dns,
      /udp port 53 .* 0\.0\.0\.0:53/,
    ],
  ];
  it.for(clashes)("names %s", ([, socket, mapping, words], { bed }) => {
    bed.host.sh("ip link set lo up; ip address add 198.51.100.1/32 dev lo");
    hold(bed, socket);
    expect(said(bed, portmap([mapping]))).toMatch(words);
  });

  const others: readonly (readonly [string, Socket, object])[] = [
    ["of another port", { address: "0.0.0.0", port: 23 }, ssh],
    ["of another protocol", { address: "0.0.0.0", port: 22, protocol: "udp" }, ssh],
    [
      "at another address than the mapping's",
      { address: "127.0.0.1", port: 22 },
      { ...ssh, hostIP: "198.51.100.1" },
    ],
    [
      "for IPv6 only, of a mapping at an IPv4 address",
      { address: "::", port: 22, only6: true },
      { ...ssh, hostIP: "0.0.0.0" },
    ],
    ["at ::1, to which nothing is mapped", { address: "::1", port: 22 }, ssh],
  ];
  it.for(others)("does not name one %s", ([, socket, mapping], { bed }) => {
    bed.host.sh("ip link set lo up; ip address add 198.51.100.1/32 dev lo");
    hold(bed, socket);
    expect(said(bed, portmap([mapping]))).toBe("");
  });

  it("does not name what listens in a container", ({ bed }) => {
    serve(bed.container("elsewhere"), "tcp", 22);
    expect(said(bed, portmap([ssh]))).toBe("");
  });

  it("names each of several, whether few or many ports are asked for", ({ bed }) => {
    hold(bed, { address: "0.0.0.0", port: 22 });
    hold(bed, { address: "0.0.0.0", port: 6443 });
    hold(bed, { address: "0.0.0.0", port: 53, protocol: "udp" });
    const ports = [22, 6443, 7000].map((hostPort) => ({ ...ssh, hostPort }));
    const lines = said(bed, portmap([...ports, { ...ssh, hostPort: 53, protocol: "udp" }]));
    expect(lines.trim().split("\n")).toHaveLength(3);
    for (const part of ["tcp port 22 ", "tcp port 6443 ", "udp port 53 "])
      expect(lines).toContain(part);
  });

  it("is told to nobody by CHECK and DEL", ({ bed }) => {
    hold(bed, { address: "0.0.0.0", port: 22 });
    const { box, config, result } = attach(bed, portmap([ssh]));
    const call = { ...config, prevResult: result };
    expect(bed.check("portmap", box, call)).toMatchObject({ exitCode: 0, stderr: "" });
    expect(bed.del("portmap", box, call)).toMatchObject({ exitCode: 0, stderr: "" });
  });
});

describe("reservedHostPorts", () => {
  const refused: readonly (readonly [unknown, object])[] = [
    [22, ssh],
    ["22", ssh],
    ["22/tcp", ssh],
    ["22/TCP", ssh],
    ["20-22", ssh],
    ["22-30/tcp", ssh],
    ["22", { ...ssh, protocol: "UDP" }],
    ["22", { ...ssh, protocol: "sctp" }],
    ["22", { ...ssh, hostIP: "127.0.0.1" }],
    ["1-65535", ssh],
  ];
  it.for(refused)("%j refuses %j", ([entry, mapping], { bed }) => {
    const box = bed.container();
    const prevResult = { ips: [{ address: "10.1.2.2/24" }] };
    const free = { ...ssh, hostPort: 8080 };
    const config = portmap([free, mapping], { reservedHostPorts: [7, entry], prevResult });
    const before = bed.snapshot();
    expect(bed.add("portmap", box, config).error).toMatchObject({ code: 103 });
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for([["22/udp"], ["23-30"], ["1-21"], []])("%j lets tcp port 22 pass", (entries, { bed }) => {
    expect(said(bed, portmap([ssh], { reservedHostPorts: entries }))).toBe("");
  });

  const bad = [
    "",
    "0",
    0,
    65536,
    "65536",
    "30-20",
    "22/icmp",
    "22-",
    "-22",
    "a",
    "22,23",
    "022222",
    1.5,
    true,
    null,
    [22],
  ];
  it.for(bad.map((entry) => [entry]))("is no list with %j in it", ([entry], { bed }) => {
    const box = bed.container();
    const prevResult = { ips: [{ address: "10.1.2.2/24" }] };
    const config = portmap([], { reservedHostPorts: [22, entry], prevResult });
    const { error } = bed.add("portmap", box, config);
    expect(error.code).toBe(7);
    expect(error.msg).toContain("reservedHostPorts");
    expect(bed.del("portmap", box, config)).toSucceed();
  });

  it("is checked by weft validate", ({ bed }) => {
    const config = { ...portmap([]), reservedHostPorts: ["22/icmp"] };
    bed.write("/tmp/10-net.conf", JSON.stringify(config));
    expect(bed.host.sh(`${bed.bin}/weft validate /tmp/10-net.conf 2>&1 || true`)).toContain(
      "reservedHostPorts",
    );
  });

  it("does not make a living pod's mapping wrong for CHECK, and DEL takes it back", ({ bed }) => {
    const { box, config, result } = attach(bed, portmap([ssh]));
    const call = { ...config, reservedHostPorts: [22], prevResult: result };
    expect(bed.check("portmap", box, call)).toSucceed();
    expect(bed.del("portmap", box, call)).toSucceed();
    expect(bed.host.nft()).not.toContain(box.containerID);
  });
});
