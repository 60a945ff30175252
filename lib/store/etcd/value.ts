/** What etcd has of a host, byte for byte as flannel writes it. */

import { parseJson } from "../../host/json.ts";
import { formatAddress, type IpAddress, parseAddress } from "../../ip/address.ts";
import { formatMac, type Mac, parseMac } from "../../ip/mac.ts";
import { isObject } from "../../overlay/contract/host.ts";
import type { OwnHost, StoreHost } from "../store.ts";

/** What a value says of a host, without its subnets. */
export type HostValue = Omit<StoreHost, "subnets">;

/** The value of this host. Keys of a backend are left out as by flannel, addresses never. */
export function formatValue(own: OwnHost, hasIPv6: boolean): string {
  const { publicIP, publicIPv6, backend, vni, vtepMac, vtepMacV6 } = own;
  const device = (mac: Mac | undefined) => mac && { VNI: vni, VtepMAC: formatMac(mac) };
  return JSON.stringify({
    PublicIP: publicIP ? formatAddress(publicIP) : null,
    PublicIPv6: hasIPv6 && publicIPv6 ? formatAddress(publicIPv6) : null,
    BackendType: backend === "" ? undefined : backend,
    BackendData: device(vtepMac),
    BackendV6Data: hasIPv6 ? device(vtepMacV6) : undefined,
  });
}

/** Reads a value; a text says what is wrong with it. */
export function parseValue(text: string): HostValue | string {
  const json = jsonOf(text);
  if (!isObject(json)) return "its value is no JSON object";
  const publicIP = addressIn(json.PublicIP, 4);
  const publicIPv6 = addressIn(json.PublicIPv6, 16);
  const vtepMac = macIn(json.BackendData);
  const vtepMacV6 = macIn(json.BackendV6Data);
  if (publicIP === null) return "its PublicIP is no IPv4 address";
  if (publicIPv6 === null) return "its PublicIPv6 is no IPv6 address";
  if (publicIP === undefined && publicIPv6 === undefined) return "it has no PublicIP";
  if (vtepMac === null || vtepMacV6 === null) return "its VtepMAC is no hardware address";
  const type = json.BackendType;
  return { publicIP, publicIPv6, backend: String(type ?? ""), vtepMac, vtepMacV6 };
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** Undefined if there is none, null if it is not what it should be. */
function addressIn(value: unknown, length: number): IpAddress | undefined | null {
  if (value === undefined || value === null) return undefined;
  const address = typeof value === "string" ? parseAddress(value) : undefined;
  return address?.length === length ? address : null;
}

function macIn(data: unknown): Mac | undefined | null {
  if (!isObject(data) || data.VtepMAC === undefined) return undefined;
  const text = data.VtepMAC;
  return (typeof text === "string" ? parseMac(text) : undefined) ?? null;
}
