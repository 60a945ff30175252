/** What there is on a machine that pods could have left: to be compared with what was there before. */
import type { Machine } from "./machine.ts";

/**
 * One line for each link, address, route, rule, shaping, tracked service, lease, record, mount, namespace and
 * process; what kube-proxy and the kubelet have in the packet filter is left out.
 */
export function stateOf(machine: Machine): readonly string[] {
  const lines = machine.sh(`
    ip -o link show | sed -E 's/^[0-9]+: ([^:@]+).*/link \\1/'
    ip -o address show scope global | awk '{ print "address", $2, $4 }'
    ip route show table all type unicast | sed 's/^/route /; s/ *$//'
    ip neighbour show nud permanent | sed 's/^/neighbour /'
    tc qdisc show | awk '{ print "qdisc", $2, $5 }' | grep -v ' veth.* noqueue'
    nft list tables | grep -vE '^table ip6? (nat|filter|mangle|raw|kube-proxy)$' |
      while read -r table; do nft list $table; done |
      sed -E 's/counter packets [0-9]+ bytes [0-9]+/counter/; s/^/rule /'
    { iptables-save; ip6tables-save; } | grep '^-A' | grep -v KUBE- | sed 's/^/rule /'
    ls -d /run/netns/* 2>/dev/null | sed 's/^/namespace /'
    find /var/lib/cni /run/cni /run/weft /run/flannel -type f 2>/dev/null | sed 's/^/file /'
    cut -d ' ' -f 5 /proc/self/mountinfo | sed 's/^/mount /'
    cat /proc/[0-9]*/comm 2>/dev/null | sed 's/^/process /'`);
  return lines
    .split("\n")
    .filter((line) => line !== "" && !own.test(line))
    .sort();
}

/** Whether a line tells of something that a single pod has. */
export function isOfPod(line: string): boolean {
  return /^(link|qdisc) veth|^namespace |^file \/var\/lib\/cni\/networks\/.*\/10\./.test(line);
}

/** What is there now and was not, and what was and is not. */
export function changesSince(before: readonly string[], now: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const line of before) counts.set(line, (counts.get(line) ?? 0) - 1);
  for (const line of now) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts].flatMap(([line, count]) => {
    const sign = count > 0 ? "+" : "-";
    return Array.from({ length: Math.abs(count) }, () => `${sign} ${line}`);
  });
}

/** What the script itself runs; the index of host-local, and which address was given last. */
const own =
  /^process (sh|cat|sed|find|awk|grep|ls|cut|nsenter|env|iptables|iptables-save|ip6tables|nft)$|^file \/run\/weft\/host-local\/|\/last_reserved_ip\.|\.lock$|\/lock$/;
