/** dhcp with servers that others wrote, each with its own ideas of how to answer. */
import { expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { dhcpBridge, startDaemon } from "../bed/dhcp.ts";
import { it } from "../bed/it.ts";
import { backgroundInBed } from "../bed/paths.ts";

/** A server, as a command that stays, and what it says. */
interface Kind {
  readonly name: string;
  readonly program: string;
  /** The command, with a folder for its files. */
  readonly command: (folder: string) => string;
  /** What it says of a release; "" if it says nothing. */
  readonly release: string;
  readonly acknowledgement: string;
  readonly refusal: string;
}

const dnsmasq: Kind = {
  name: "dnsmasq",
  program: "dnsmasq",
  command: (folder) => `dnsmasq --no-daemon --conf-file=/dev/null --port=0 --user=root \
    --interface=eth0 --bind-interfaces --log-dhcp --no-ping --dhcp-authoritative --leasefile-ro \
    --dhcp-leasefile=${folder}/leases --dhcp-range=10.78.0.10,10.78.0.99,2m \
    --dhcp-option=option:router,10.78.0.1 --dhcp-option=option:dns-server,10.78.0.53 \
    --dhcp-option=option:domain-name,example.org \
    --dhcp-option=option:classless-static-route,10.99.0.0/16,10.78.0.7,0.0.0.0/0,10.78.0.1`,
  release: "DHCPRELEASE",
  acknowledgement: "DHCPACK",
  refusal: "DHCPNAK",
};

const udhcpd: Kind = {
  name: "udhcpd",
  program: "busybox",
  command: (folder) => `
    { echo "start 10.78.0.10"; echo "end 10.78.0.99"; echo "interface eth0"
      echo "lease_file ${folder}/leases"; echo "pidfile ${folder}/own-pid"
      echo "opt lease 120"; echo "opt subnet 255.255.255.0"; echo "opt router 10.78.0.1"
      echo "opt dns 10.78.0.53"; echo "opt domain example.org"
      echo "opt staticroutes 10.99.0.0/16 10.78.0.7, 0.0.0.0/0 10.78.0.1"
    } >${folder}/conf
    : >${folder}/leases
    exec busybox udhcpd -f ${folder}/conf`,
  release: "",
  acknowledgement: "sending ACK",
  refusal: "sending NAK",
};

/** A network on `br0` with a server, which is 10.78.0.1. */
function serve(bed: Bed, { program, command }: Kind) {
  bed.host.sh(`command -v ${program}`); // or it would be waited for in vain
  const server = bed.container("server");
  const folder = bed.folder("server");
  bed.host.sh(`
    ip link add br0 up type bridge
    ip link add lan master br0 up type veth peer name eth0 netns server`);
  server.sh("ip address add 10.78.0.1/24 dev eth0 && ip link set eth0 up && ip link set lo up");
  const start = () => {
    bed.write(`${folder}/start`, command(folder));
    server.sh(`
      sh ${folder}/start </dev/null >>${folder}/said 2>&1 &
      echo $! >${folder}/pid
      echo $! >>${backgroundInBed}`);
    server.until("ss -Hlun 'sport = :67' | grep -q :67");
  };
  start();
  const stop = () => {
    server.sh(`kill $(cat ${folder}/pid)`);
    server.until("! ss -Hlun 'sport = :67' | grep -q :67");
  };
  return { start, stop, said: () => bed.read(`${folder}/said`) };
}

const config = dhcpBridge();
const kinds = [dnsmasq, udhcpd];

it.for(kinds)(
  "$name gives an address, routes and name servers, and takes the address back",
  async (kind, { bed }) => {
    const server = serve(bed, kind);
    const daemon = await startDaemon(bed, "-timeout 4s");
    const box = bed.container();
    const { result } = bed.add("bridge", box, config);
    expect(result.ips?.[0]).toMatchObject({ gateway: "10.78.0.1" });
    expect(result.dns).toMatchObject({ nameservers: ["10.78.0.53"], domain: "example.org" });
    expect(box.routes()).toEqual(
      expect.arrayContaining([
        "10.99.0.0/16 via 10.78.0.7 dev eth0",
        "default via 10.78.0.1 dev eth0",
      ]),
    );
    expect(box.ping("10.78.0.1")).toBe(true);
    expect(bed.check("bridge", box, { ...config, prevResult: result })).toSucceed();
    expect(bed.del("bridge", box, { ...config, prevResult: result })).toSucceed();
    await daemon.until("the release", () => server.said().includes(kind.release));
    await daemon.kill();
  },
);

it.for(kinds)(
  "$name agrees that a lease still stands after a restart of the daemon",
  async (kind, { bed }) => {
    const server = serve(bed, kind);
    const box = bed.container();
    const daemon = await startDaemon(bed, "-timeout 4s");
    const { result } = bed.add("bridge", box, config);
    await daemon.kill();
    const before = server.said().length;
    const successor = await startDaemon(bed);
    const since = () => server.said().slice(before);
    await successor.until("an answer", () => since().includes(kind.acknowledgement));
    expect(since()).not.toContain(kind.refusal);
    expect(bed.check("bridge", box, { ...config, prevResult: result })).toSucceed();
    await successor.kill();
  },
);

it("dnsmasq that has forgotten everything agrees as well", async ({ bed }) => {
  const server = serve(bed, dnsmasq);
  const box = bed.container();
  const daemon = await startDaemon(bed, "-timeout 4s");
  const { result } = bed.add("bridge", box, config);
  await daemon.kill();
  server.stop();
  server.start();
  const before = server.said().length;
  const successor = await startDaemon(bed);
  await successor.until("an answer", () => server.said().slice(before).includes("DHCPACK"));
  expect(bed.check("bridge", box, { ...config, prevResult: result })).toSucceed();
  await successor.kill();
});

it("dnsmasq gives thirty containers an address each", async ({ bed }) => {
  serve(bed, dnsmasq);
  const daemon = await startDaemon(bed, "-timeout 4s");
  const boxes = Array.from({ length: 30 }, () => bed.container());
  const runs = await Promise.all(
    boxes.map((container) => bed.start("bridge", { command: "ADD", container, config })),
  );
  expect(new Set(runs.map(({ result }) => result.ips?.[0]?.address)).size).toBe(30);
  await daemon.kill();
});
