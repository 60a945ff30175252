/** What others change while the agent makes the ways to many hosts: all is right afterwards. */
import type { Bed } from "../bed/bed.ts";
import { it } from "../bed/it.ts";
import { etcdWith, Joined, PREFIX } from "./network.ts";

const HOSTS = 400;

const two = (value: number) => value.toString(16).padStart(2, "0");
const partsOf = (n: number) => [n >> 8, n & 255] as const;
const subnetOf = (n: number) => `10.66.${partsOf(4 * n).join(".")}`;
const hardwareOf = (n: number) => `0a:00:00:00:${partsOf(n).map(two).join(":")}`;

/** Hosts that are only in the store; each has four addresses. */
function transactions(): readonly string[] {
  const puts = Array.from({ length: HOSTS }, (_, i) => {
    const [high, low] = partsOf(i + 1);
    const value = JSON.stringify({
      PublicIP: `198.18.${high}.${low}`,
      PublicIPv6: null,
      BackendType: "vxlan",
      BackendData: { VNI: 1, VtepMAC: hardwareOf(i + 1) },
    });
    return `put ${PREFIX}/subnets/${subnetOf(i + 1)}-30 ${JSON.stringify(value)}`;
  });
  const count = Math.ceil(HOSTS / 100);
  return Array.from({ length: count }, (_, i) => puts.slice(100 * i, 100 * (i + 1)).join("\n"));
}

/** The lines of a command of the host, of which there is to be one for each other host. */
function countOf(joined: Joined, command: string, pattern: RegExp): number {
  const lines = joined.host.view.sh(`${command} dev flannel.1 2>/dev/null || true`).split("\n");
  return lines.filter((line) => pattern.test(line)).length;
}

async function untilAllIsRight(joined: Joined): Promise<void> {
  const counts = () => [
    countOf(joined, "ip route show", / via 10\.66\./),
    countOf(joined, "ip neighbour show nud permanent", /lladdr 0a:00/),
    countOf(joined, "bridge fdb show", / dst 198\.18\./),
  ];
  await joined.agent.until("all entries", () => counts().every((count) => count === HOSTS));
}

async function joinAmid(bed: Bed, act: string): Promise<void> {
  const config = { Network: "10.66.0.0/16", SubnetLen: 24, Backend: { Type: "vxlan" } };
  const range = { SubnetMin: "10.66.100.0", SubnetMax: "10.66.200.0" };
  const etcd = await etcdWith(bed, { ...config, ...range });
  for (const each of transactions()) etcd.ctl(`txn <<'END'\n\n${each}\n\n\nEND`);
  const joined = new Joined(bed, 1, etcd);
  const some = () => countOf(joined, "bridge fdb show", / dst 198\.18\./) > 0;
  await joined.agent.until("a first entry", some);
  joined.host.view.sh(`${act} || true`); // it may not be there yet
  await untilAllIsRight(joined);
}

it.for([
  ["an fdb entry is deleted", `bridge fdb del ${hardwareOf(1)} dev flannel.1 dst 198.18.0.1`],
  ["a neighbour is deleted", `ip neighbour del ${subnetOf(1)} dev flannel.1`],
  ["a route is deleted", `ip route del ${subnetOf(1)} dev flannel.1`],
  ["the device is set down and up", "ip link set flannel.1 down; ip link set flannel.1 up"],
])("all is right although %s meanwhile", ([, act = ""], { bed }) => joinAmid(bed, act));
