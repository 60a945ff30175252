/**
 * What a device's alias says: whose it is, and what it was last made equal to. It goes when the
 * device goes, so it never says more than is there.
 *
 *   weft-overlay pods 6f1d2c…                          made right, from this configuration and files
 *   weft-overlay pods                                  in work
 *   weft-overlay pods mac 0a:… 6f1d2c… limits 2        with the MAC it was taken over with; two
 *                                                      things keep hosts from being reached
 */

import { formatMac, type Mac, parseMac } from "../ip/mac.ts";
import { sharedAlias } from "../net/owner.ts";

/** What an alias says behind its owner. */
export interface Mark {
  /** The MAC the device was taken over with, if it is none that others compute. */
  readonly mac: Mac | undefined;
  readonly stamp: string;
  /** How many things keep hosts from being reached. */
  readonly limits: number;
}

/** Room for a MAC, a stamp and a number, with the words between them. */
const MARK_SIZE = 60;

/** What the aliases of a network's devices begin with. */
export function overlayOwner(network: string): string {
  return sharedAlias("weft-overlay", network, MARK_SIZE);
}

/** The alias with a mark; with an empty stamp that of a device in work. */
export function aliasWith(owner: string, { mac, stamp, limits }: Mark): string {
  const kept = mac ? `mac ${formatMac(mac)} ` : "";
  return `${owner}${kept}${stamp}${stamp !== "" && limits > 0 ? ` limits ${limits}` : ""}`;
}

const FORM = /^(?:mac ([0-9a-f:]{17}) )?(?:([0-9a-f]{16})(?: limits (\d+))?)?$/;

/** What an alias says; undefined if it is not of this owner. */
export function readAlias(owner: string, alias: string): Mark | undefined {
  const found = alias.startsWith(owner) ? FORM.exec(alias.slice(owner.length)) : null;
  if (!found) return undefined;
  const [, mac = "", stamp = "", limits = "0"] = found;
  return { mac: parseMac(mac), stamp, limits: Number(limits) };
}
