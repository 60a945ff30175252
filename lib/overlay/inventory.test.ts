import { expect, it } from "vitest";
import { EPROTONOSUPPORT, SystemError } from "../host/errno.ts";
import type { Netns } from "../net/netns.ts";
import { aliasWith, overlayOwner } from "./alias.ts";
import { overlayListings } from "./inventory.ts";

const done = { mac: undefined, stamp: "0123456789abcdef", limits: 0 };
const links = [
  { name: "weft.1", kind: "vxlan", alias: aliasWith(overlayOwner("pods"), done) },
  { name: "weft.2", kind: "vxlan", alias: aliasWith(overlayOwner("pods2"), done) },
  { name: "flannel.1", kind: "vxlan", alias: "" },
  { name: "cni0", kind: "bridge", alias: aliasWith(overlayOwner("pods"), done) },
];

/** A host with these links, and without nf_tables: whether there is a guard nobody can tell. */
const host = {
  route: {
    dump: () =>
      links.map(({ name, kind, alias }, index) => ({
        header: { index, flags: 0 },
        attributes: { name, alias, linkInfo: { own: { kind } } },
      })),
  },
  netfilter: {
    attempt() {
      throw new SystemError("open a socket", EPROTONOSUPPORT);
    },
  },
} as unknown as Netns;

it("is a network's devices and their guards, and no attachment's", () => {
  const found = overlayListings(host).flatMap((listing) => {
    const owner = { network: "pods", containerID: "c", ifName: "eth0" };
    expect(listing.marksOf(owner)).toEqual([]);
    return listing.list("pods").map((thing) => [listing.inWords(thing), thing.mark]);
  });
  expect(found).toEqual([
    ["link weft.1", "weft-overlay pods"],
    ["guard of weft.1", "weft-overlay pods"],
  ]);
});
