/** What is said of `weft agent` and its commands. */

import type { Option, Page } from "./page.ts";

const networkName: Option = {
  flags: "--network-name NAME",
  what: "the network on this host, flannel unless given",
};

export const agent: Page = {
  name: "agent",
  synopsis: ["weft agent [FLAG]..."],
  summary: "joins this host to a network by etcd or Kubernetes",
  text: [
    "Takes a subnet for this host, publishes it, watches the other hosts, and keeps the kernel and /run/flannel/subnet.env right, for as long as it runs. When it ends, packets go on as before.",
    "Its flags are those of flanneld, with one dash or two, and so are the variables FLANNELD_*: docs/weft/agent.md tells all.",
  ],
  options: [
    { flags: "--etcd-endpoints LIST", what: "addresses of etcd, with commas between them" },
    { flags: "--etcd-prefix PATH", what: "/coreos.com/network unless given" },
    { flags: "--etcd-cafile FILE", what: "whom to believe: TLS", values: "file" },
    { flags: "--kube-subnet-mgr", what: "take Kubernetes as the store" },
    { flags: "--kubeconfig-file FILE", what: "outside of the cluster", values: "file" },
    { flags: "--iface NAME", what: "the link or address to reach other hosts by" },
    { flags: "--public-ip ADDRESS", what: "the address under which others reach this host" },
    { flags: "--ip-masq", what: "masquerade what leaves the network" },
    { flags: "--healthz-port NUMBER", what: "serve /healthz, /readyz and /metrics there" },
    networkName,
    { flags: "--log FORMAT", what: "text, or json: an object a line", values: ["text", "json"] },
    { flags: "--version", what: "tell the version" },
  ],
  variables: [{ name: "FLANNELD_IP_MASQ", what: "as --ip-masq; every flag has one like it" }],
  examples: [
    {
      command: "weft agent --etcd-endpoints=http://192.0.2.1:2379 --ip-masq",
      what: "joins by etcd",
    },
    {
      command: "weft agent --kube-subnet-mgr --ip-masq",
      what: "joins as a pod of a DaemonSet does",
    },
  ],
  status: "0 if it was told to end, 1 if it cannot begin, 2 for wrong usage.",
};

export const agentStatus: Page = {
  name: "agent status",
  synopsis: ["weft agent status [--json] [--network-name NAME]"],
  summary: "tells how the agent of this host is",
  text: [
    "What the running agent says of itself: its store and when that was last heard, this host's subnets and its lease, what is wrong, and the other hosts.",
  ],
  options: [{ flags: "--json", what: "print all of it as an object" }, networkName],
  examples: [
    { command: "weft agent status", what: "is this host joined, and does it reach all others" },
  ],
  status: "0 if the agent runs, the store is heard and every host is reached; else 1.",
};

export const agentInit: Page = {
  name: "agent init",
  synopsis: ["weft agent init --network CIDR [--etcd-endpoints LIST] [OPTION]..."],
  summary: "writes the configuration of a network to etcd",
  text: [
    "Writes the key config below the prefix, in flannel's format, once for a cluster. One that is there already is left as it is, unless --force is given; the same again is no error.",
    "All flags of weft agent that tell of etcd are taken.",
  ],
  options: [
    { flags: "--network CIDR", what: "the IPv4 network, such as 10.244.0.0/16" },
    { flags: "--ipv6-network CIDR", what: "the IPv6 network, such as fd10::/48" },
    {
      flags: "--subnet-len NUMBER",
      what: "prefix length of a host's IPv4 subnet, 24 unless given",
    },
    {
      flags: "--backend TYPE",
      what: "vxlan, or host-gw: routes only",
      values: ["vxlan", "host-gw"],
    },
    { flags: "--direct-routing", what: "with vxlan: no wrapping between hosts of one link" },
    { flags: "--config FILE", what: "all of it as a file, in flannel's format", values: "file" },
    { flags: "--force", what: "replace the configuration that is there" },
  ],
  examples: [{ command: "weft agent init --network 10.244.0.0/16", what: "by etcd on this host" }],
};

export const agentRemove: Page = {
  name: "agent remove",
  synopsis: ["weft agent remove [--for-flannel] [--network-name NAME]"],
  summary: "takes away what the agent of this host has made",
  text: [
    "Devices, routes, rules and files of an agent that has ended; its lease in the store ends by itself. Who goes back to flanneld gives --for-flannel: packets go on, and flanneld takes the rest over.",
  ],
  options: [
    { flags: "--for-flannel", what: "only what keeps hosts out that join later" },
    networkName,
  ],
  examples: [
    { command: "weft agent remove", what: "as if there had been no agent" },
    { command: "weft agent remove --for-flannel", what: "before flanneld is started again" },
  ],
  status: "0 if all is gone, 1 if something is not, or the agent runs.",
};
