/**
 * What the alias of a device says that is away in a container: how it is at home, and whose it is.
 * The kernel takes a device home by itself if the container's namespace vanishes, under the name
 * that it has there; the alias goes along, so that all the rest can be given back.
 *
 *   weft-device dev0 up 1500 02:00:00:00:00:01 net 6f2c… eth0
 *   weft-device dev0 down 1500 - net 6f2c… eth0 "to rack 3"     no hardware address; an alias at home
 */

import * as host from "host";
import { formatMac } from "../ip/mac.ts";
import type { Link } from "./link.ts";
import { linkNameFault } from "./link-name.ts";
import { ALIAS_SIZE, type Owner, ownerText } from "./owner.ts";

/** What a device is in the host's namespace. */
export interface Home {
  readonly name: string;
  readonly isUp: boolean;
  readonly mtu: number;
  /** Its hardware address as text; "" if it has none. */
  readonly mac: string;
  readonly alias: string;
}

/** An alias as it was understood; `mark` names the owner. */
export interface MovedAlias extends Home {
  readonly mark: string;
}

/** How a device is now, while it is at home. */
export function homeOf({ name, isUp, mtu, mac, alias }: Link): Home {
  return { name, isUp, mtu, mac: formatMac(mac), alias };
}

/** The alias of a device of an owner; an alias of its own is kept in it if there is room. */
export function movedAlias(owner: Owner, { name, isUp, mtu, mac, alias }: Home): string {
  const state = `${isUp ? "up" : "down"} ${mtu} ${mac || "-"}`;
  const text = `weft-device ${name} ${state} ${ownerText(owner)}`;
  const whole = `${text} "${alias}"`;
  return alias !== "" && host.encode(whole).length <= ALIAS_SIZE ? whole : text;
}

/** No owner's text has a quotation mark in it. */
const FORM = /^weft-device (\S+) (up|down) (\d+) ([\da-f:]+|-) ([^"]+?)(?: "([\s\S]*)")?$/;

/** A container may write anything: it cannot make the host take its device for an attachment's link. */
const OWNED = /^weft[ -]/;

/** What an alias says; undefined if it is none of a device that was moved. */
export function readMovedAlias(text: string): MovedAlias | undefined {
  const [, name = "", state, mtu, mac = "", mark = "", alias = ""] = FORM.exec(text) ?? [];
  if (linkNameFault(name) !== undefined) return undefined;
  const home = { name, isUp: state === "up", mtu: Number(mtu), mac: mac.replace("-", "") };
  return { ...home, mark, alias: OWNED.test(alias) ? "" : alias };
}
