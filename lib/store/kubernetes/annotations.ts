/** flannel's annotations of a Node: how they are called, and what this host's are to say. */

import { Failure } from "../../host/failure.ts";
import { formatAddress } from "../../ip/address.ts";
import { formatMac, type Mac } from "../../ip/mac.ts";
import type { OwnHost } from "../store.ts";

/** The full names of the annotations. */
export interface AnnotationNames {
  readonly managed: string;
  readonly type: string;
  readonly data: string;
  readonly dataV6: string;
  readonly publicIP: string;
  readonly publicIPv6: string;
  readonly overwrite: string;
  readonly overwriteV6: string;
  readonly nodePublicIP: string;
  readonly nodePublicIPv6: string;
}

/** What a Node says under these names; undefined where it says nothing. */
export type Annotations = { readonly [name in keyof AnnotationNames]?: string | undefined };

/** The names under a prefix (--kube-annotation-prefix), as flannel makes them; throws Failure. */
export function annotationNames(prefix: string): AnnotationNames {
  const whole = prefix.includes("/") ? prefix : `${prefix}/`;
  const start = /[/-]$/.test(whole) ? whole : `${whole}-`;
  if (!/^(?:[a-z0-9_-]+\.)+[a-z0-9_-]+\/(?:[a-z0-9_-]+-)?$/.test(start)) {
    const state = "it must be a domain, or a domain and a word: example.com/word";
    throw new Failure("unsupported", `Cannot use the annotation prefix "${prefix}": ${state}`);
  }
  return {
    managed: `${start}kube-subnet-manager`,
    type: `${start}backend-type`,
    data: `${start}backend-data`,
    dataV6: `${start}backend-v6-data`,
    publicIP: `${start}public-ip`,
    publicIPv6: `${start}public-ipv6`,
    overwrite: `${start}public-ip-overwrite`,
    overwriteV6: `${start}public-ipv6-overwrite`,
    nodePublicIP: `${start}node-public-ip`,
    nodePublicIPv6: `${start}node-public-ipv6`,
  };
}

/** What this host's Node has to say, in flannel's words; other annotations are the administrator's. */
export function wantedAnnotations(own: OwnHost, found: Annotations): Annotations {
  const [data, dataV6] = [own.vtepMac, own.vtepMacV6].map((mac) => backendData(own, mac));
  const isV4 = own.publicIP !== undefined && data !== undefined;
  const isV6 = own.publicIPv6 !== undefined && dataV6 !== undefined;
  return {
    managed: "true",
    type: own.backend,
    ...(isV4 ? { data, publicIP: found.overwrite || textOf(own.publicIP) } : {}),
    ...(isV6 ? { dataV6, publicIPv6: found.overwriteV6 || textOf(own.publicIPv6) } : {}),
  };
}

/** Compact, as flannel's own reader depends on it. */
function backendData({ backend, vni }: OwnHost, mac: Mac | undefined): string | undefined {
  if (backend !== "vxlan") return "null";
  return mac && `{"VNI":${vni},"VtepMAC":"${formatMac(mac)}"}`;
}

function textOf(address: Uint8Array | undefined): string {
  return address ? formatAddress(address) : "";
}

/** A patch of annotations by their full names; null takes one away. */
export type AnnotationPatch = Readonly<Record<string, string | null>>;

const FIRST = ["data", "publicIP"] as const;
const SECOND = ["dataV6", "publicIPv6"] as const;

/**
 * The patches that make a Node say what is wanted, in this order; none if it does. In dual stack
 * flannel hears of no change that is of one family only, unless the type changes: so the type is
 * taken away first then.
 */
export function annotationPatches(
  found: Annotations,
  wanted: Annotations,
  names: AnnotationNames,
): readonly AnnotationPatch[] {
  const keys = (Object.keys(wanted) as (keyof AnnotationNames)[]).filter(
    (key) => wanted[key] !== found[key],
  );
  if (keys.length === 0) return [];
  const differs = (family: readonly (keyof AnnotationNames)[]) =>
    family.some((key) => keys.includes(key));
  const isOfOneFamily = wanted.dataV6 !== undefined && differs(FIRST) !== differs(SECOND);
  const isUnheard = isOfOneFamily && wanted.data !== undefined && found.type === wanted.type;
  const members = keys.map((key) => [names[key], wanted[key] ?? null] as const);
  if (!isUnheard) return [Object.fromEntries(members)];
  return [
    { [names.type]: null },
    Object.fromEntries([...members, [names.type, wanted.type ?? ""]]),
  ];
}
