import type { Page } from "./page.ts";

export const policyExplain: Page = {
  name: "policy explain",
  synopsis: [
    "weft policy explain POD [--from WHO | --to WHO] [--port NUMBER] [--json]",
    "weft policy explain POD --file FILE... [OPTION]...",
  ],
  summary: "says which network policy allows or forbids what",
  text: [
    "Of a pod, NAMESPACE/NAME or a name that is there once: whether it is isolated, by which policies of Kubernetes, and what these allow. With --from or --to: whether a connection is let through, and what each rule of both ends says of it.",
    "What is known is what the agent of this host knows, or what the files say.",
  ],
  options: [
    { flags: "--from WHO", what: "who connects: a pod, or an address" },
    { flags: "--to WHO", what: "whom the pod connects to: a pod, or an address" },
    { flags: "--port NUMBER", what: "the port, as 80 or 53/UDP; TCP unless given, and any port" },
    {
      flags: "--file FILE",
      what: "objects in YAML or JSON, in place of the agent's; may be repeated; - is stdin",
      values: "file",
    },
    { flags: "--network-name NAME", what: "the network of the agent, flannel unless given" },
    { flags: "--json", what: "print all of it" },
  ],
  examples: [
    { command: "weft policy explain shop/db", what: "who may connect to db" },
    {
      command: "weft policy explain shop/db --from shop/web --port 5432",
      what: "may web, and why",
    },
    {
      command: "weft policy explain shop/db --from 192.0.2.1 --file all.yaml",
      what: "without a cluster",
    },
  ],
  status:
    "0 if it is let through, or nothing was asked; 1 if it is forbidden, or there is an error.",
};
