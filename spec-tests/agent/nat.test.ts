/** A host behind a NAT: others know it by an address that it does not have itself. */
import { expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { it } from "../bed/it.ts";
import { addStoresAddress, Host, STORES, unreached } from "../cluster/host.ts";
import { CONFIG, etcdWith, Joined } from "./network.ts";
import { StandIn } from "./stand-in.ts";

const OUTSIDE = "192.0.2.100";
const INSIDE = "10.9.9.2";

/** The bed's host becomes a router between all hosts and this one, of which they see another address. */
function hide(bed: Bed, host: Host): void {
  bed.host.sh(`
    sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.underlay.send_redirects=0
    ip address add 10.9.9.1/24 dev underlay
    ip address add ${OUTSIDE}/32 dev underlay
    nft -f - <<END
      table ip hiding {
        chain in { type nat hook prerouting priority -100; ip daddr ${OUTSIDE} dnat to ${INSIDE}; }
        chain out { type nat hook postrouting priority 100; ip saddr ${INSIDE} snat to ${OUTSIDE}; }
      }
END`);
  host.view.sh(`
    ip address flush dev wire scope global
    ip address add ${INSIDE}/24 dev wire
    ip route replace default via 10.9.9.1 dev wire`);
}

it("is reached, and reaches others, with --public-ip", async ({ bed }) => {
  const etcd = await etcdWith(bed);
  const other = await new Joined(bed, 1, etcd).ready();
  const hidden = new Joined(bed, 2, etcd, `--public-ip=${OUTSIDE}`, (host) => hide(bed, host));
  await hidden.ready();
  await other.until(() => other.host.entries().includes(`dst ${OUTSIDE}`));
  const local = hidden.host.view.sh("ip -d link show flannel.1");
  expect(local).toContain(`local ${INSIDE}`);
  const pods = [other.host.pod(), hidden.host.pod()];
  await hidden.until(() => unreached(pods).length === 0);
});

it("is reached, and reaches others, by what its Node says in place of its address", async ({
  bed,
}) => {
  addStoresAddress(bed);
  const server = await new StandIn(bed, STORES).ready();
  const [other, hidden] = [new Host(bed, 1), new Host(bed, 2)] as const;
  hide(bed, hidden);
  const P = "flannel.alpha.coreos.com";
  server.put(other.name, ["10.77.1.0/24"]);
  server.put(hidden.name, ["10.77.2.0/24"], { [`${P}/public-ip-overwrite`]: OUTSIDE });
  const agents = [other, hidden].map((host) => {
    bed.write(`${host.files}/net-conf.json`, JSON.stringify(CONFIG));
    const words = `--kube-subnet-mgr --net-config-path=${host.files}/net-conf.json --kube-api-url=${server.url}`;
    return host.join("agent", words, `NODE_NAME=${host.name}`);
  });
  await agents[0]?.until("its address", () => other.entries().includes(`dst ${OUTSIDE}`));
  await agents[1]?.until("the other's", () => hidden.entries().includes("dst 192.0.2.1"));
  expect(server.annotations(hidden.name)[`${P}/public-ip`]).toBe(OUTSIDE);
  const pods = [other.pod(), hidden.pod()];
  await agents[1]?.until("all pods", () => unreached(pods).length === 0);
});
