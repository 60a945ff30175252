/** What `weft doctor` says of a host with an agent, with one that has ended, and with what that left. */
import { expect } from "vitest";
import { it } from "../bed/it.ts";
import { entryOf, etcdWith, Joined, PREFIX } from "./network.ts";

it("knows what belongs to an agent, and what lacks where it has ended", async ({ bed }) => {
  const etcd = await etcdWith(bed);
  const joined = await new Joined(bed, 1, etcd, "--ip-masq").ready();
  const doctor = () => joined.host.sh(`${bed.bin}/weft doctor 2>&1 || true`);
  joined.host.pod();
  expect(doctor()).not.toMatch(/agent|flannel|10\.77\./);

  etcd.ctl(`put ${PREFIX}/subnets/10.77.7.0-24 '${entryOf(7)}'`);
  etcd.ctl(`put ${PREFIX}/subnets/10.77.8.0-24 '${entryOf(7).replace("192.0.2.7", "192.0.2.8")}'`);
  await joined.until("limited: Cannot use peer 192.0.2.7");
  expect(doctor()).toMatch(/^warning: agent: The agent of "flannel" says: Cannot use peer/m);

  await joined.agent.end("SIGTERM");
  expect(doctor()).toContain('The agent of "flannel" does not run: no host that comes is reached');
  joined.host.view.sh("ip link del flannel.1");
  expect(doctor()).toMatch(/^error: agent: .* does not run: flannel\.1 is not there/m);
  joined.host.sh(`${bed.bin}/weft agent remove`);
  expect(doctor()).not.toMatch(/agent:/);
});

it.for([
  [
    "the masquerade",
    "nft delete table ip flannel-ipv4",
    /table "ip flannel-ipv4" does not have the rules/,
  ],
  [
    "what lets packets pass",
    "iptables -F FORWARD",
    /the filter table of IPv4 has no rule -A FORWARD/,
  ],
  ["a way to a host", "ip route del 10.77.7.0/24", /10\.77\.7\.0\/24/],
  ["a neighbour", "ip neigh flush dev flannel.1 nud permanent", /10\.77\.7\.0/],
  ["the guard", "nft flush chain inet weft overlay-flannel.1", /anybody may send to "flannel\.1"/],
] as const)("finds that %s alone is missing", async ([, script, words], { bed }) => {
  const etcd = await etcdWith(bed);
  etcd.ctl(`put ${PREFIX}/subnets/10.77.7.0-24 '${entryOf(7)}'`);
  const joined = await new Joined(bed, 1, etcd, "--ip-masq", ({ view }) =>
    view.sh("iptables -P FORWARD DROP"),
  ).ready();
  await joined.until(() => joined.leadsTo(7));
  await joined.agent.end("SIGTERM");
  const said = () =>
    joined.host
      .sh(`${bed.bin}/weft doctor 2>&1 || true`)
      .split("\n")
      .filter((line) => line.includes(": agent: "));
  expect(said()).toEqual([expect.stringContaining("no host that comes is reached")]);
  joined.host.view.sh(script);
  expect(said()).toEqual([
    expect.stringMatching(/^error: agent: The agent of "flannel" does not run/),
  ]);
  expect(said()[0]).toMatch(words);
});

it("says nothing of what flanneld has by now, until an agent has it again", async ({ bed }) => {
  const etcd = await etcdWith(bed);
  const joined = await new Joined(bed, 1, etcd).ready();
  const doctor = () => joined.host.sh(`${bed.bin}/weft doctor 2>&1 || true`);
  await joined.agent.end("SIGTERM");
  joined.host.sh(`${bed.bin}/weft agent remove --for-flannel`);
  expect(doctor()).not.toMatch(/agent:/);
  joined.again();
  const guard = () => joined.host.view.succeeds("nft list chain inet weft overlay-flannel.1");
  await joined.until(guard);
  await joined.until(() => !doctor().includes("agent:"));
  await joined.agent.end("SIGTERM");
  expect(doctor()).toContain('The agent of "flannel" does not run');
  joined.host.sh(`${bed.bin}/weft agent remove`);
  expect(joined.host.view.sh("ip link")).not.toContain("flannel");
});

it("does not miss rules that the agent was not to make", async ({ bed }) => {
  const etcd = await etcdWith(bed);
  const words = "--iptables-forward-rules=false";
  const joined = await new Joined(bed, 1, etcd, words, ({ view }) =>
    view.sh("iptables -P FORWARD DROP"),
  ).ready();
  await joined.agent.end("SIGTERM");
  expect(joined.host.sh(`${bed.bin}/weft doctor 2>&1 || true`)).toContain(
    'The agent of "flannel" does not run: no host that comes is reached',
  );
});
