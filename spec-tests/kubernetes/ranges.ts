/** The addresses of a cluster, of IPv4 alone or of both families. */

/** From what pods and services get theirs, as Kubernetes' programs are told. */
export interface Ranges {
  readonly pods: string;
  readonly services: string;
}

const POD_RANGE_V6 = "fd77::/48";
const single: Ranges = { pods: "10.244.0.0/16", services: "10.96.0.0/16" };
const dual: Ranges = {
  pods: `${single.pods},${POD_RANGE_V6}`,
  services: `${single.services},fd96::/112`,
};

/** Where nodes find the bed's own host by IPv6. */
export const STORES_V6 = "2001:db8::fe";

export function rangesOf(isDual: boolean): Ranges {
  return isDual ? dual : single;
}

/** An object of the manifest, with a network of both families. */
export function withIPv6(text: string): string {
  const more = `"EnableIPv6": true,\n      "IPv6Network": "${POD_RANGE_V6}",`;
  return text.replace(/("Network": "[^"]*",)/, `$1\n      ${more}`);
}

/** An address as it stands in a URL. */
export function inURL(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
