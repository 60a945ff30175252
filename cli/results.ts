/** What results of plugins say, of whatever version they are. */

import { isObject, type Json, type JsonObject } from "../lib/cni/json.ts";
import { addressesIn } from "../lib/inventory/alive.ts";

/** The addresses of a result as it writes them, with their lengths. */
export function cidrsOf(result: Json | undefined): readonly string[] {
  if (!isObject(result)) return [];
  const { ip4, ip6 } = result;
  const first = [ip4, ip6].flatMap((each) => (isObject(each) ? [each.ip] : []));
  const texts = [...first, ...objectsIn(result.ips).map(({ address }) => address)];
  return texts.filter((text) => typeof text === "string");
}

/** The same without lengths; what is none is left out. */
export function addressesOf(result: Json | undefined): readonly string[] {
  return cidrsOf(result).flatMap(addressesIn);
}

/** The links on the host that a result names. */
export function hostLinksOf(result: Json | undefined): readonly string[] {
  return linksOf(result).flatMap(({ name, sandbox }) =>
    typeof name === "string" && (sandbox ?? "") === "" ? [name] : [],
  );
}

/** The MACs of the container's interface; its name alone may be that of a link on the host. */
export function macsOf(result: Json | undefined, ifName: string): readonly string[] {
  return linksOf(result).flatMap(({ name, mac, sandbox }) =>
    name === ifName && typeof mac === "string" && mac !== "" && (sandbox ?? "") !== ""
      ? [mac.toLowerCase()]
      : [],
  );
}

function linksOf(result: Json | undefined): readonly JsonObject[] {
  return isObject(result) ? objectsIn(result.interfaces) : [];
}

/** The objects of a list; none if it is no list. */
export function objectsIn(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
