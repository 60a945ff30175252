/** dhcp with servers and relays that others wrote, each with its own ideas of how to answer. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { dhcpBridge, startDaemon } from "../bed/dhcp.ts";
import {
  dhcpd,
  dnsmasq,
  neighbour,
  RealServer,
  serve,
  serveByRelay,
  udhcpd,
} from "../bed/dhcp-servers.ts";
import { it } from "../bed/it.ts";
import { backgroundInBed } from "../bed/paths.ts";

const config = dhcpBridge();
const kinds = [dnsmasq, udhcpd, dhcpd];

/** A container with a lease of the server that is there. */
async function attached(bed: Bed, ipam = {}) {
  const daemon = await startDaemon(bed, "-timeout 4s");
  const box = bed.container();
  const { result } = bed.add("bridge", box, dhcpBridge(ipam));
  const ended = { ...config, prevResult: result };
  const check = () => bed.check("bridge", box, ended);
  return { daemon, box, result, ended, check, address: String(result.ips?.[0]?.address) };
}

describe.for(kinds)("$name", (kind) => {
  it("gives an address, routes and name servers, and takes the address back", async ({ bed }) => {
    const server = serve(bed, kind);
    const { daemon, box, result, ended, check } = await attached(bed);
    expect(result.ips?.[0]).toMatchObject({ gateway: "10.78.0.1" });
    expect(result.dns).toMatchObject({ nameservers: ["10.78.0.53"], domain: "example.org" });
    expect(box.routes()).toEqual(
      expect.arrayContaining([
        "10.99.0.0/16 via 10.78.0.7 dev eth0",
        "default via 10.78.0.1 dev eth0",
      ]),
    );
    expect(box.ping("10.78.0.1")).toBe(true);
    expect(check()).toSucceed();
    expect(bed.del("bridge", box, ended)).toSucceed();
    await daemon.until("the release", () => server.said.includes(kind.release));
    await daemon.kill();
  });

  it("agrees that a lease still stands after a restart of the daemon", async ({ bed }) => {
    const server = serve(bed, kind);
    const { daemon, check } = await attached(bed);
    await daemon.kill();
    const before = server.said.length;
    const successor = await startDaemon(bed);
    const since = () => server.said.slice(before);
    await successor.until("an answer", () => since().includes(kind.acknowledgement));
    expect(since()).not.toContain(kind.refusal);
    expect(check()).toSucceed();
    await successor.kill();
  });
});

describe("a server", () => {
  it("that has forgotten everything agrees as well", async ({ bed }) => {
    const server = serve(bed, dnsmasq);
    const { daemon, check } = await attached(bed);
    await daemon.kill();
    server.stop();
    server.start();
    const before = server.count("DHCPACK");
    const successor = await startDaemon(bed);
    await successor.until("an answer", () => server.count("DHCPACK") > before);
    expect(check()).toSucceed();
    await successor.kill();
  });

  it("that refuses the address ends the lease", async ({ bed }) => {
    const server = serve(bed, dnsmasq);
    const { daemon, box, address, check } = await attached(bed);
    await daemon.kill();
    server.stop();
    server.start({ first: 150, last: 199 });
    const successor = await startDaemon(bed);
    await successor.until("the end", () => successor.said.includes(`${address} for good`));
    expect(server.said).toContain("DHCPNAK");
    expect(box.addresses("eth0")).toEqual([]);
    expect(check().error.code).toBe(104);
    await successor.kill();
  });

  it("that is gone for longer than a lease gives the same address again", async ({ bed }) => {
    const server = serve(bed, dhcpd, { lease: 10 });
    const { daemon, box, address, check } = await attached(bed);
    server.stop();
    await daemon.until("the end", () => daemon.said.includes(`${address}: it has ended`));
    await daemon.until("no address", () => box.addresses("eth0").length === 0);
    expect(check().error.code).toBe(104);
    server.start();
    await daemon.until("the address", () => box.addresses("eth0").includes(address));
    await daemon.until("the routes", () => box.routes().includes("default via 10.78.0.1 dev eth0"));
    expect(check()).toSucceed();
    await daemon.kill();
  });

  it("that offers together with another one is the only one that is asked", async ({ bed }) => {
    const one = serve(bed, dnsmasq);
    const at = neighbour(bed, "second", "10.78.0.2");
    const other = new RealServer(bed, at, dhcpd, { first: 150, last: 199 });
    const { daemon, address, check } = await attached(bed);
    const isOfOther = address.length > "10.78.0.10/24".length;
    const [chosen, left] = isOfOther ? [other, one] : [one, other];
    await daemon.until("both", () => [one, other].every(({ said }) => /DHCPOFFER/.test(said)));
    expect(chosen.count("DHCPACK")).toBe(1);
    expect(left.count("DHCPACK")).toBe(0);
    expect(check()).toSucceed();
    await daemon.kill();
  });

  it("that gives what a neighbour has is told so, and gives another address", async ({ bed }) => {
    const server = serve(bed, dnsmasq, { first: 10, last: 11, inOrder: true });
    neighbour(bed, "squatter", "10.78.0.10");
    const { daemon, address } = await attached(bed, { conflictDetection: true });
    expect(address).toBe("10.78.0.11/24");
    expect(server.said).toMatch(/DHCPDECLINE\(\w+\) 10\.78\.0\.10 /);
    await daemon.kill();
  });

  it("gives 64 containers that come at once an address each", async ({ bed }) => {
    serve(bed, dnsmasq);
    const daemon = await startDaemon(bed, "-timeout 4s");
    const boxes = Array.from({ length: 64 }, () => bed.container());
    const runs = await Promise.all(
      boxes.map((container) => bed.start("bridge", { command: "ADD", container, config })),
    );
    expect(new Set(runs.map(({ result }) => result.ips?.[0]?.address)).size).toBe(64);
    await daemon.kill();
  });
});

describe("a server behind a relay", () => {
  it("gives an address by the relay, and renews it and takes it back by the router", async ({
    bed,
  }) => {
    const server = serveByRelay(bed, dhcpd, { lease: 10 });
    const { daemon, box, ended, check } = await attached(bed);
    expect(server.said).toMatch(/DHCPDISCOVER from \S+ via 10\.78\.0\.1/);
    expect(box.ping("10.79.0.1")).toBe(true);
    await daemon.until("a renewal", () => /DHCPACK on \S+ to .* via eth0/.test(server.said));
    expect(check()).toSucceed();
    expect(bed.del("bridge", box, ended)).toSucceed();
    await daemon.until("the release", () => server.said.includes("DHCPRELEASE of 10.78.0."));
    await daemon.kill();
  });
});

/** Pings, and notes what becomes of the container's addresses, until it is asked. */
function watch(bed: Bed, box: Container) {
  const folder = bed.folder("watched");
  box.sh(`
    ip monitor address </dev/null >${folder}/addresses 2>&1 &
    echo $! >>${backgroundInBed}
    ping -n -i 0.2 10.78.0.1 </dev/null >${folder}/pings 2>&1 &
    echo $! >>${backgroundInBed}`);
  box.until(`grep -q icmp_seq=1 ${folder}/pings`);
  const pings = () => [...bed.read(`${folder}/pings`).matchAll(/icmp_seq=(\d+) ttl/g)];
  return {
    answered: () => pings().map(([, seq]) => Number(seq)),
    lostAddresses: () => bed.read(`${folder}/addresses`).match(/Deleted/g) ?? [],
  };
}

describe("a lease of 10 seconds", () => {
  it("is renewed again and again, and no ping is lost", async ({ bed }) => {
    const server = serve(bed, dhcpd, { lease: 10 });
    const { daemon, box, check } = await attached(bed);
    const { answered, lostAddresses } = watch(bed, box);
    await daemon.until("four renewals", () => server.count("DHCPACK") >= 5);
    await daemon.until("some pings", () => answered().length > 20);
    const numbers = answered();
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    expect(lostAddresses()).toEqual([]);
    expect(daemon.said).not.toContain("lost");
    expect(check()).toSucceed();
    await daemon.kill();
  });
});
