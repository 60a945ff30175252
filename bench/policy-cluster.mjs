// @ts-check
// A cluster of objects for benches of network policies: pods, a part of them here, and policies of the
// usual kinds: default deny, by labels, by namespaces, by blocks, by names of ports.

export const TIERS = ["web", "api", "db", "cache", "queue"];

/**
 * @param {{ pods: number, here: number, policies: number }} size
 * @returns {{ namespaces: object[], pods: any[], policies: object[] }}
 */
export function cluster({ pods, here, policies }) {
  const spaces = Math.max(1, Math.round(policies / 20));
  const namespaces = range(spaces).map((i) => ({
    kind: "Namespace",
    metadata: { name: `team-${i}`, labels: { team: `${i}`, stage: i % 3 === 0 ? "test" : "live" } },
  }));
  const every = Math.max(1, Math.floor(pods / here));
  return {
    namespaces,
    pods: range(pods).map((i) => podAt(i, i % every === 0 && i / every < here, spaces)),
    policies: range(policies).map((i) => policyAt(i, spaces)),
  };
}

/** @param {number} length */
function range(length) {
  return Array.from({ length }, (_, i) => i);
}

/**
 * @param {number} i
 * @param {boolean} isHere
 * @param {number} spaces
 */
export function podAt(i, isHere, spaces, tier = TIERS[i % 5]) {
  const ip = `10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
  return {
    kind: "Pod",
    metadata: {
      namespace: `team-${i % spaces}`,
      name: `pod-${i}`,
      labels: { app: `app-${i % 40}`, tier },
    },
    spec: {
      nodeName: isHere ? "here" : `node-${i % 50}`,
      containers: [{ ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }] }],
    },
    status: { phase: "Running", podIPs: [{ ip }, { ip: `fd00::${(i + 1).toString(16)}` }] },
  };
}

/**
 * @param {number} i
 * @param {number} spaces
 */
function policyAt(i, spaces) {
  const kinds = [
    { podSelector: {}, policyTypes: ["Ingress"] },
    {
      podSelector: { matchLabels: { tier: "api" } },
      ingress: [
        { from: [{ podSelector: { matchLabels: { tier: "web" } } }], ports: [{ port: 8080 }] },
      ],
    },
    {
      podSelector: { matchLabels: { tier: "db" } },
      ingress: [
        {
          from: [
            {
              namespaceSelector: { matchLabels: { stage: "live" } },
              podSelector: { matchLabels: { tier: "api" } },
            },
          ],
          ports: [{ port: 5432 }, { port: "http" }],
        },
      ],
    },
    {
      podSelector: { matchLabels: { app: `app-${i % 40}` } },
      policyTypes: ["Egress"],
      egress: [
        {
          to: [
            {
              ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.0.0/16", `192.168.${i % 256}.0/24`] },
            },
          ],
        },
        { to: [{ namespaceSelector: {} }], ports: [{ port: 53, protocol: "UDP" }, { port: 53 }] },
      ],
    },
    {
      podSelector: {
        matchExpressions: [{ key: "tier", operator: "In", values: ["web", "cache"] }],
      },
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ ports: [{ port: "http" }] }],
      egress: [{ to: [{ podSelector: {} }], ports: [{ port: "http" }] }],
    },
  ];
  const spec = kinds[Math.floor(i / spaces) % kinds.length];
  return {
    kind: "NetworkPolicy",
    metadata: { namespace: `team-${i % spaces}`, name: `policy-${i}` },
    spec,
  };
}
