/** What people are told who ask for help, or call a command wrongly: each text fits a screen. */

/** All commands. */
export const usage = `usage: weft COMMAND ...    (weft COMMAND --help says more)

  add|del|check NETWORK NETNS
              attaches a network namespace by the plugins of NETWORK,
              detaches it, asks whether it is as it was attached
  status NETWORK
              asks the plugins whether they could attach
  gc NETWORK [--yes]
              tells what is left of containers that are gone; --yes detaches it
  inventory NETWORK [CONTAINERID [IFNAME]] [--json] [--data-dir DIR]
              what a network, a container or one of its interfaces has here;
              DIR is where a configuration's ipam.dataDir keeps leases
  validate [FILE...]
              checks network configurations (.conf, .json, .conflist);
              stdin without FILE, or as -
  list        the commands in this image
  version     the version of the suite

Status: 0 if nothing is wrong but for warnings, 1 if there is an error,
2 for wrong usage.
`;

/** Those that run the plugins of a network. */
export const runUsage = `usage: weft add|del|check NETWORK NETNS [OPTION...]
       weft status|gc NETWORK [OPTION...]

  --conf FILE              the network in FILE; NETWORK may be left out then
  --ifname NAME, -i NAME   the interface, not CNI_IFNAME (eth0)
  --container-id ID        the container, not one made of NETNS, which del and
                           check then do without
  --capability NAME=VALUE  such as portMappings=8080:80/tcp, ips=["10.1.2.3"]
                           or mac=02:00:00:00:00:01; again for more
  --timeout SECONDS        how long each plugin may take (240)
  --yes                    gc: detach what is gone
  --json                   errors, and what gc tells, in JSON on stdout

The network is looked for in NETCONFPATH (/etc/cni/net.d), plugins in CNI_PATH
(/opt/cni/bin). CNI_ARGS (K=V;K=V) and CAP_ARGS (JSON) are handed to them.
What is not given to del, check and gc is as add was given it.

Status: 0, 1 if there is an error, 2 for wrong usage.
`;

/** By the name cnitool. */
export const toolUsage = `usage: cnitool add|check|del|gc|status NETWORK NETNS

The network is looked for in NETCONFPATH (/etc/cni/net.d), plugins in CNI_PATH
(/opt/cni/bin). CNI_IFNAME, CNI_ARGS and CAP_ARGS are handed to them.
"weft help" tells what else there is.
`;
