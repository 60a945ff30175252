/** Options and variables of all commands that run the plugins of a network. */

import type { Option, Variable } from "./page.ts";

export const conf: Option = {
  flags: "--conf FILE",
  what: "takes the network in FILE; NETWORK may be left out then",
};

export const timeout: Option = {
  flags: "--timeout SECONDS",
  what: "how long each plugin may take, without it 240",
};

export const json: Option = { flags: "--json", what: "an error is JSON on stdout" };

/** Of commands for one attachment. */
export const ofAttachment: readonly Option[] = [
  conf,
  { flags: "--ifname NAME, -i NAME", what: "the interface, before CNI_IFNAME" },
  {
    flags: "--container-id ID",
    what: "the container, not one named by a hash of NETNS",
    values: "container",
  },
  {
    flags: "--capability NAME=VALUE",
    what:
      'a value for plugins: portMappings=8080:80/tcp, ips=["10.1.2.3"] or ' +
      "mac=02:00:00:00:00:01; may be repeated",
  },
  timeout,
  json,
];

/** Where networks and plugins are. */
export const places: readonly Variable[] = [
  { name: "NETCONFPATH", what: "where networks are, without it /etc/cni/net.d" },
  { name: "CNI_PATH", what: "where plugins are, without it /opt/cni/bin" },
];

/** The same, and what is handed to plugins. */
export const variables: readonly Variable[] = [
  ...places,
  { name: "CNI_IFNAME", what: "the interface, without it eth0" },
  { name: "CNI_ARGS", what: "K=V;K=V, handed to all plugins" },
  { name: "CAP_ARGS", what: "capabilities in JSON; plugins get those that they declare" },
];
