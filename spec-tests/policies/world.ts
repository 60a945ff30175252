/** Three namespaces with four pods each, on two hosts, and somebody outside: who may reach whom is asked here. */
import type { Bed } from "../bed/bed.ts";
import type { End, Way } from "../bed/reach.ts";
import type { Host } from "../cluster/host.ts";
import { type Json, namespaceObject, podObject } from "./objects.ts";

/** A pod of a namespace, and what the API has of it. */
export interface Member extends End {
  readonly namespace: string;
  readonly pod: string;
  readonly host: Host;
}

const NAMESPACES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  x: { ns: "x", team: "red" },
  y: { ns: "y", team: "blue" },
  z: { ns: "z" },
};

/** d is on the second host; the labels that some have and others not are what selectors are about. */
const PODS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  a: { pod: "a", tier: "front" },
  b: { pod: "b", tier: "back" },
  c: { pod: "c" },
  d: { pod: "d", tier: "front", far: "" },
};

/** The ports of all protocols on which everybody listens. */
export const PORTS = [80, 81, 90];

const PROTOCOLS = ["TCP", "UDP", "SCTP"] as const;

/** Names that pods have for ports: the same name is another port of another pod, or none. */
const NAMES: Readonly<Record<string, readonly Json[]>> = {
  a: [
    { name: "web", containerPort: 80 },
    { name: "dns", containerPort: 90, protocol: "UDP" },
  ],
  b: [
    { name: "web", containerPort: 81 },
    { name: "sig", containerPort: 80, protocol: "SCTP" },
  ],
  c: [{ name: "dns", containerPort: 81, protocol: "UDP" }],
  d: [
    { name: "web", containerPort: 90 },
    { name: "sig", containerPort: 81, protocol: "SCTP" },
  ],
};

/** All ends, and what the API server has of them. */
export class World {
  readonly hosts: readonly Host[];
  readonly members: readonly Member[];
  /** The two hosts, and the bed's own host, which is outside. */
  readonly others: readonly [End, End, End];
  #marks = 20_000;

  /** Makes pods on hosts that have joined a network. */
  constructor(bed: Bed, hosts: readonly [Host, Host]) {
    this.hosts = hosts;
    this.members = Object.keys(NAMESPACES).flatMap((namespace) =>
      Object.keys(PODS).map((pod) => addPod(bed, hosts[pod === "d" ? 1 : 0], namespace, pod)),
    );
    this.others = [hostEnd(hosts[0]), hostEnd(hosts[1]), outsideEnd(bed)];
  }

  /** The objects of all namespaces and pods. */
  get objects(): readonly Json[] {
    const namespaces = Object.entries(NAMESPACES).map(([name, labels]) =>
      namespaceObject(name, labels),
    );
    return [...namespaces, ...this.members.map(objectOf)];
  }

  /** Every pod to every other, to and from those that are none, by each protocol, port and family. */
  ways(): readonly Way[] {
    const { members, others } = this;
    const sourcePort = this.#marks++;
    const pairs = [
      ...members.flatMap((from) => members.map((to) => [from, to] as const)),
      ...members.flatMap((one) => others.map((other) => [one, other] as const)),
      ...members.flatMap((one) => others.map((other) => [other, one] as const)),
    ];
    return pairs
      .filter(([from, to]) => from !== to)
      .flatMap(([from, to]) =>
        PROTOCOLS.flatMap((protocol) =>
          PORTS.flatMap((port) =>
            ([4, 6] as const).map((family) => ({ from, to, family, protocol, port, sourcePort })),
          ),
        ),
      );
  }
}

/** A pod, made by flannel's CNI plugin as flannel's own manifest has it. */
function addPod(bed: Bed, host: Host, namespace: string, pod: string): Member {
  const box = bed.container(`${namespace}-${pod}`);
  const config = {
    ...{ cniVersion: "1.0.0", name: "cbr0", type: "flannel" },
    delegate: { hairpinMode: true, isDefaultGateway: true },
  };
  const call = { command: "ADD", config, container: box, from: `${host.files}/bin` } as const;
  const ips = bed.exec("flannel", call).result.ips as readonly { readonly address: string }[];
  const [four = "", six = ""] = ips.map(({ address }) => address.split("/")[0] ?? "");
  const name = `${namespace}/${pod}`;
  return { name, netns: box.netns, addresses: [four, six], namespace, pod, host };
}

/** A pod as the API has it. */
export function objectOf({ namespace, pod, host, addresses }: Member): Json {
  return podObject({
    ...{ namespace, name: pod, node: host.name, addresses },
    ...{ labels: PODS[pod] ?? {}, ports: NAMES[pod] ?? [] },
  });
}

/** A host under the address that it has on the bridge of its pods. */
function hostEnd({ name, number, view }: Host): End {
  return { name, netns: view.netns, addresses: [`10.77.${number}.1`, `fd77:0:0:${number}::1`] };
}

function outsideEnd(bed: Bed): End {
  bed.host.sh(`
    ip -6 address add 2001:db8::fe/64 dev underlay nodad
    for n in 1 2; do
      ip route add 10.77.$n.0/24 via 192.0.2.$n
      ip -6 route add fd77:0:0:$n::/64 via 2001:db8::$n
    done`);
  return { name: "outside", addresses: ["192.0.2.254", "2001:db8::fe"] };
}
