/** Sets of network policies: every way to choose pods, peers and ports, and what is made up of them by a seed. */
import fc from "fast-check";
import { type Json, policyObject } from "./objects.ts";

/** What a set is called, and its policies. */
export interface PolicySet {
  readonly title: string;
  readonly policies: readonly Json[];
}

/** Label selectors for the pods of world.ts. */
export const podSelectors: readonly Json[] = [
  {},
  { matchLabels: { pod: "a" } },
  { matchLabels: { tier: "front" } },
  { matchExpressions: [{ key: "pod", operator: "In", values: ["a", "c"] }] },
  { matchExpressions: [{ key: "pod", operator: "NotIn", values: ["a"] }] },
  { matchExpressions: [{ key: "tier", operator: "NotIn", values: ["back"] }] },
  { matchExpressions: [{ key: "tier", operator: "Exists" }] },
  { matchExpressions: [{ key: "tier", operator: "DoesNotExist" }] },
  {
    matchLabels: { tier: "front" },
    matchExpressions: [{ key: "far", operator: "DoesNotExist" }],
  },
  {
    matchExpressions: [
      { key: "pod", operator: "In", values: ["a", "b", "d"] },
      { key: "pod", operator: "NotIn", values: ["b"] },
    ],
  },
  { matchLabels: { pod: "nobody" } },
];

/** Label selectors for its namespaces. */
export const namespaceSelectors: readonly Json[] = [
  {},
  { matchLabels: { ns: "y" } },
  { matchLabels: { "kubernetes.io/metadata.name": "z" } },
  { matchExpressions: [{ key: "ns", operator: "In", values: ["x", "z"] }] },
  { matchExpressions: [{ key: "team", operator: "NotIn", values: ["red"] }] },
  { matchExpressions: [{ key: "team", operator: "Exists" }] },
  { matchExpressions: [{ key: "team", operator: "DoesNotExist" }] },
  { matchLabels: { team: "blue" }, matchExpressions: [{ key: "ns", operator: "Exists" }] },
  { matchLabels: { ns: "nobody" } },
];

/** Networks around addresses of pods, of hosts and of who is outside. */
export const blocks: readonly Json[] = [
  { cidr: "10.77.1.2/32" },
  { cidr: "10.77.1.0/24" },
  { cidr: "10.77.1.0/24", except: ["10.77.1.4/30"] },
  { cidr: "10.77.0.0/16", except: ["10.77.1.0/29", "10.77.2.3/32"] },
  { cidr: "10.77.2.0/24" },
  { cidr: "0.0.0.0/0" },
  { cidr: "0.0.0.0/0", except: ["10.77.0.0/16"] },
  { cidr: "0.0.0.0/0", except: ["192.0.2.0/24", "10.77.1.8/29"] },
  { cidr: "192.0.2.254/32" },
  { cidr: "fd77:0:0:1::3/128" },
  { cidr: "fd77:0:0:1::/64", except: ["fd77:0:0:1::4/126"] },
  { cidr: "::/0", except: ["fd77:0:0:2::/64"] },
  { cidr: "2001:db8::/64" },
  { cidr: "203.0.113.0/24" },
];

const pairs: readonly (readonly [number, number])[] = [
  ...([[0, 0] as const, [1, 1], [2, 3], [4, 5], [6, 6]] as const),
  ...([
    [7, 4],
    [3, 7],
    [1, 2],
    [10, 0],
    [5, 8],
  ] as const),
];

/** Lists of peers; undefined is none. */
export const peerLists: readonly (readonly Json[] | undefined)[] = [
  undefined,
  [],
  ...podSelectors.map((podSelector) => [{ podSelector }]),
  ...namespaceSelectors.map((namespaceSelector) => [{ namespaceSelector }]),
  ...pairs.map(([pod, space]) => [
    { podSelector: podSelectors[pod], namespaceSelector: namespaceSelectors[space] },
  ]),
  ...blocks.map((ipBlock) => [{ ipBlock }]),
  [{ podSelector: podSelectors[1] }, { namespaceSelector: namespaceSelectors[1] }],
  [{ ipBlock: blocks[0] }, { ipBlock: blocks[9] }, { podSelector: podSelectors[7] }],
  [{ ipBlock: blocks[2] }, { ipBlock: blocks[10] }, { namespaceSelector: namespaceSelectors[6] }],
];

/** Lists of ports; undefined is none. */
export const portLists: readonly (readonly Json[] | undefined)[] = [
  undefined,
  [],
  [{}],
  [{ protocol: "TCP" }],
  [{ protocol: "UDP" }],
  [{ protocol: "SCTP" }],
  [{ port: 80 }],
  [{ protocol: "UDP", port: 80 }],
  [{ protocol: "SCTP", port: 81 }],
  [{ port: 80, endPort: 81 }],
  [{ protocol: "UDP", port: 81, endPort: 90 }],
  [{ protocol: "SCTP", port: 82, endPort: 65_535 }],
  [{ port: 1, endPort: 79 }],
  [{ port: "web" }],
  [{ protocol: "UDP", port: "dns" }],
  [{ protocol: "SCTP", port: "sig" }],
  [{ port: "dns" }],
  [{ port: "nobody" }],
  [{ port: 80 }, { protocol: "UDP", port: 90 }, { protocol: "SCTP", port: "sig" }],
  [{ port: 90 }, { port: "web" }],
  [
    { port: 80, endPort: 90 },
    { port: 81 },
    { protocol: "UDP", port: "dns" },
    { protocol: "UDP", port: 80 },
  ],
];

const types = [undefined, ["Ingress"], ["Egress"], ["Ingress", "Egress"]] as const;

type Direction = "ingress" | "egress";

/** A rule of a direction. */
function rule(direction: Direction, peers: unknown, ports: unknown): Json {
  const name = direction === "ingress" ? "from" : "to";
  return { ...(peers ? { [name]: peers } : {}), ...(ports ? { ports } : {}) };
}

/** An element of a list that begins anew after its last. */
function at<T>(list: readonly T[], i: number): T {
  return list[i % list.length] as T;
}

/** Every list of peers and every list of ports, in each direction, each together with others of the other kind. */
function ofShapes(direction: Direction): readonly Json[] {
  const policyTypes = [direction === "ingress" ? "Ingress" : "Egress"];
  const combined = [
    ...peerLists.map((peers, i) => [peers, at(portLists, 5 * i)] as const),
    ...portLists.map((ports, i) => [at(peerLists, 7 * i + 3), ports] as const),
  ];
  return combined.map(([peers, ports], i) => ({
    podSelector: at(podSelectors, i % 3 === 0 ? 0 : i),
    policyTypes,
    [direction]: [rule(direction, peers, ports)],
  }));
}

/** All that policyTypes can be, with all kinds of lists of rules, and of no rules. */
function ofTypes(): readonly Json[] {
  const some = (direction: Direction) => [
    undefined,
    [],
    [{}],
    [rule(direction, [{ podSelector: podSelectors[2] }], [{ port: 80 }])],
  ];
  return types.flatMap((policyTypes) =>
    some("ingress").flatMap((ingress) =>
      some("egress").map((egress) => ({
        podSelector: podSelectors[4],
        ...(policyTypes && { policyTypes }),
        ...(ingress && { ingress }),
        ...(egress && { egress }),
      })),
    ),
  );
}

const NAMESPACES = ["x", "y", "z"];

/** Specs three by three, each in a namespace of its own. */
function inThrees(title: string, specs: readonly Json[]): readonly PolicySet[] {
  return Array.from({ length: Math.ceil(specs.length / 3) }, (_, i) => ({
    title: `${title} ${i}`,
    policies: specs
      .slice(3 * i, 3 * i + 3)
      .map((spec, j) => policyObject(NAMESPACES[j] ?? "", "one", spec)),
  }));
}

const rules = (direction: Direction) =>
  fc.option(
    fc.array(
      fc
        .tuple(fc.constantFrom(...peerLists), fc.constantFrom(...portLists))
        .map(([peers, ports]) => rule(direction, peers, ports)),
      { maxLength: 3 },
    ),
    { nil: undefined },
  );

const policy = fc
  .record({
    namespace: fc.constantFrom(...NAMESPACES),
    podSelector: fc.constantFrom(...podSelectors),
    policyTypes: fc.constantFrom(...types),
    ingress: rules("ingress"),
    egress: rules("egress"),
  })
  .map(({ namespace, ...spec }) => ({ namespace, spec: JSON.parse(JSON.stringify(spec)) as Json }));

/** One to eight policies, more than one of them for some pods. */
function madeUp(seed: number, count: number): readonly PolicySet[] {
  const sets = fc.array(policy, { minLength: 1, maxLength: 8 });
  return fc.sample(sets, { seed, numRuns: count }).map((all, i) => ({
    title: `made up by seed ${seed}: ${i}`,
    policies: all.map(({ namespace, spec }, j) => policyObject(namespace, `made-${j}`, spec)),
  }));
}

/** All of them, and as many that are made up by a seed. */
export function policySets(seed: number, count: number): readonly PolicySet[] {
  return [
    ...inThrees("lists for ingress", ofShapes("ingress")),
    ...inThrees("lists for egress", ofShapes("egress")),
    ...inThrees("types", ofTypes()),
    ...madeUp(seed, count),
  ];
}
