/**
 * What the documentation of NetworkPolicy shows and promises, with what has to follow from it, written by hand
 * for the pods of world.ts. Every example is about the namespace x unless it says another.
 */
import type { Way } from "../bed/reach.ts";
import { type Json, policyObject } from "./objects.ts";
import type { PolicySet } from "./sets.ts";

/** A set, and which ways are forbidden by it. */
export interface Example extends PolicySet {
  readonly forbids: (way: Way) => boolean;
}

const inX = (spec: Json, name = "example") => policyObject("x", name, spec);

/** By names such as "x/a": whether an end is among some pods, or in a namespace ("x/"). */
const isOf = (...names: readonly string[]) => {
  return ({ name }: { readonly name: string }) =>
    names.some((each) => (each.endsWith("/") ? name.startsWith(each) : name === each));
};

const isPod = isOf("x/", "y/", "z/");
const isX = isOf("x/");

const denyIngress = inX({ podSelector: {}, policyTypes: ["Ingress"] }, "deny-ingress");
const denyEgress = inX({ podSelector: {}, policyTypes: ["Egress"] }, "deny-egress");
const a = { podSelector: { matchLabels: { pod: "a" } } };

const defaults: readonly Example[] = [
  {
    title: "no policy",
    policies: [],
    forbids: () => false,
  },
  {
    title: "default deny all ingress traffic",
    policies: [denyIngress],
    forbids: ({ to }) => isX(to),
  },
  {
    title: "allow all ingress traffic",
    policies: [denyIngress, inX({ podSelector: {}, ingress: [{}], policyTypes: ["Ingress"] })],
    forbids: () => false,
  },
  {
    title: "default deny all egress traffic",
    policies: [denyEgress],
    forbids: ({ from }) => isX(from),
  },
  {
    title: "allow all egress traffic",
    policies: [denyEgress, inX({ podSelector: {}, egress: [{}], policyTypes: ["Egress"] })],
    forbids: () => false,
  },
  {
    title: "default deny all ingress and all egress traffic",
    policies: [inX({ podSelector: {}, policyTypes: ["Ingress", "Egress"] })],
    forbids: ({ from, to }) => isX(from) || isX(to),
  },
  {
    title: "a policy without policyTypes and without rules is about ingress alone",
    policies: [inX({ podSelector: {} })],
    forbids: ({ to }) => isX(to),
  },
  {
    title: "a policy without policyTypes and with egress rules is about both",
    policies: [inX({ podSelector: {}, egress: [{}] })],
    forbids: ({ to }) => isX(to),
  },
];

const peers: readonly Example[] = [
  {
    title: "pods of the own namespace by their labels",
    policies: [inX({ podSelector: {}, ingress: [{ from: [a] }] })],
    forbids: ({ from, to }) => isX(to) && from.name !== "x/a",
  },
  {
    title: "an empty podSelector is every pod of the own namespace",
    policies: [inX({ podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] })],
    forbids: ({ from, to }) => isX(to) && !isX(from),
  },
  {
    title: "an empty namespaceSelector is every pod, and nobody else",
    policies: [inX({ podSelector: {}, ingress: [{ from: [{ namespaceSelector: {} }] }] })],
    forbids: ({ from, to }) => isX(to) && !isPod(from),
  },
  {
    title: "namespaces by their labels",
    policies: [
      inX({
        podSelector: {},
        egress: [{ to: [{ namespaceSelector: { matchLabels: { team: "blue" } } }] }],
        policyTypes: ["Egress"],
      }),
    ],
    forbids: ({ from, to }) => isX(from) && !isOf("y/")(to),
  },
  {
    title: "multiple namespaces by a label",
    policies: [
      inX({
        podSelector: {},
        policyTypes: ["Egress"],
        egress: [
          {
            to: [
              {
                namespaceSelector: {
                  matchExpressions: [{ key: "ns", operator: "In", values: ["y", "z"] }],
                },
              },
            ],
          },
        ],
      }),
    ],
    forbids: ({ from, to }) => isX(from) && !isOf("y/", "z/")(to),
  },
  {
    title: "a namespace by its name",
    policies: [
      inX({
        podSelector: {},
        ingress: [
          {
            from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "z" } } }],
          },
        ],
      }),
    ],
    forbids: ({ from, to }) => isX(to) && !isOf("z/")(from),
  },
  {
    title: "two selectors of one peer: pods of those namespaces with those labels",
    policies: [
      inX({
        podSelector: {},
        ingress: [{ from: [{ ...a, namespaceSelector: { matchLabels: { ns: "y" } } }] }],
      }),
    ],
    forbids: ({ from, to }) => isX(to) && from.name !== "y/a",
  },
  {
    title: "a selector each of two peers: pods of those namespaces, and own pods with those labels",
    policies: [
      inX({
        podSelector: {},
        ingress: [{ from: [a, { namespaceSelector: { matchLabels: { ns: "y" } } }] }],
      }),
    ],
    forbids: ({ from, to }) => isX(to) && !isOf("y/", "x/a")(from),
  },
];

const network = (cidr: string, ...except: string[]) => ({ ipBlock: { cidr, except } });

const blocksAndPorts: readonly Example[] = [
  {
    title: "the resource of the concept's page",
    policies: [
      inX({
        podSelector: { matchLabels: { pod: "b" } },
        policyTypes: ["Ingress", "Egress"],
        ingress: [
          {
            from: [
              network("192.0.0.0/16", "192.0.3.0/24"),
              { namespaceSelector: { matchLabels: { ns: "y" } } },
              { podSelector: { matchLabels: { tier: "front" } } },
            ],
            ports: [{ protocol: "TCP", port: 81 }],
          },
        ],
        egress: [{ to: [network("10.77.2.0/24")], ports: [{ protocol: "TCP", port: 90 }] }],
      }),
    ],
    forbids: ({ from, to, family, protocol, port }) => {
      if (to.name === "x/b") {
        const isOutside = from.name === "outside" && family === 4;
        const isAllowed = isOutside || isOf("y/", "x/a", "x/d")(from);
        return !(isAllowed && protocol === "TCP" && port === 81);
      }
      if (from.name !== "x/b") return false;
      const isFar = isOf("x/d", "y/d", "z/d", "node2")(to) && family === 4;
      return !(isFar && protocol === "TCP" && port === 90);
    },
  },
  {
    title: "everybody but a network",
    policies: [
      inX({
        podSelector: {},
        ingress: [
          { from: [network("0.0.0.0/0", "10.77.2.0/24"), network("::/0", "fd77:0:0:2::/64")] },
        ],
      }),
    ],
    forbids: ({ from, to }) => isX(to) && isOf("x/d", "y/d", "z/d", "node2")(from),
  },
  {
    title: "a block of one family is nobody of the other",
    policies: [inX({ podSelector: {}, ingress: [{ from: [network("0.0.0.0/0")] }] })],
    forbids: ({ to, family }) => isX(to) && family === 6,
  },
  {
    title: "only outside the cluster",
    policies: [
      inX({
        podSelector: {},
        policyTypes: ["Egress"],
        egress: [{ to: [network("0.0.0.0/0", "10.77.0.0/16"), network("::/0", "fd77::/48")] }],
      }),
    ],
    forbids: ({ from, to }) => isX(from) && to.name !== "outside",
  },
  {
    title: "a port of one protocol",
    policies: [inX({ podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] })],
    forbids: ({ to, protocol, port }) => isX(to) && !(protocol === "TCP" && port === 80),
  },
  {
    title: "a range of ports",
    policies: [
      inX({
        podSelector: {},
        policyTypes: ["Egress"],
        egress: [{ ports: [{ protocol: "UDP", port: 81, endPort: 90 }] }],
      }),
    ],
    forbids: ({ from, protocol, port }) =>
      isX(from) && !(protocol === "UDP" && (port === 81 || port === 90)),
  },
  {
    title: "a protocol without a port",
    policies: [inX({ podSelector: {}, ingress: [{ ports: [{ protocol: "SCTP" }] }] })],
    forbids: ({ to, protocol }) => isX(to) && protocol !== "SCTP",
  },
  {
    title: "a name of a port for ingress: what each pod calls so",
    policies: [inX({ podSelector: {}, ingress: [{ ports: [{ port: "web" }] }] })],
    forbids: ({ to, protocol, port }) => {
      const own: Readonly<Record<string, number>> = { "x/a": 80, "x/b": 81, "x/d": 90 };
      return isX(to) && !(protocol === "TCP" && port === own[to.name]);
    },
  },
  {
    title: "a name of a port for egress: what the pods there call so, and nobody else has",
    policies: [
      inX({
        podSelector: {},
        policyTypes: ["Egress"],
        egress: [{ ports: [{ port: "dns", protocol: "UDP" }] }],
      }),
    ],
    forbids: ({ from, to, protocol, port }) => {
      const wanted = isOf("x/a", "y/a", "z/a")(to) ? 90 : isOf("x/c", "y/c", "z/c")(to) ? 81 : 0;
      return isX(from) && !(protocol === "UDP" && port === wanted);
    },
  },
  {
    title: "a name of a port that no pod has",
    policies: [inX({ podSelector: {}, ingress: [{ ports: [{ port: "nobody" }] }] })],
    forbids: ({ to }) => isX(to),
  },
];

const together: readonly Example[] = [
  {
    title: "policies of one pod add up",
    policies: [
      inX({ ...a, ingress: [{ ports: [{ port: 80 }] }] }, "one"),
      inX({ ...a, ingress: [{ ports: [{ protocol: "UDP", port: 90 }] }] }, "two"),
    ],
    forbids: ({ to, protocol, port }) =>
      to.name === "x/a" &&
      !((protocol === "TCP" && port === 80) || (protocol === "UDP" && port === 90)),
  },
  {
    title: "the egress of the source and the ingress of the destination both have to allow it",
    policies: [
      inX({ ...a, policyTypes: ["Egress"], egress: [{ ports: [{ port: 80 }, { port: 81 }] }] }),
      policyObject("y", "example", { ...a, ingress: [{ ports: [{ port: 81 }, { port: 90 }] }] }),
    ],
    forbids: ({ from, to, protocol, port }) => {
      const isTcp = protocol === "TCP";
      const mayLeave = from.name !== "x/a" || (isTcp && port !== 90);
      return !(mayLeave && (to.name !== "y/a" || (isTcp && port !== 80)));
    },
  },
  {
    title: "a policy isolates no pod of another namespace, and no pod it does not choose",
    policies: [policyObject("y", "example", { ...a, policyTypes: ["Ingress", "Egress"] })],
    forbids: ({ from, to }) => from.name === "y/a" || to.name === "y/a",
  },
];

/** All of them; a host and the pods on it are let through by each, and not asked for here. */
export const examples: readonly Example[] = [...defaults, ...peers, ...blocksAndPorts, ...together];
