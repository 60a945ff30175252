/**
 * Which device is meant. Of what a configuration names, the first counts:
 *
 *   device       a link's name, or another name of it
 *   hwaddr       a link's hardware address
 *   kernelpath   /sys/devices/…                       its links are what is in <path>/net,
 *   pciBusID     /sys/bus/pci/devices/<id>            or in the same below its virtio devices
 *   deviceID     as pciBusID, or /sys/bus/auxiliary/devices/<id>
 */

import { CniError, Code, configError } from "../../lib/cni/error.ts";
import { formatMac } from "../../lib/ip/mac.ts";
import { findLink, type Link, listLinks } from "../../lib/net/link.ts";
import { type Device, deviceOf, listMoved } from "../../lib/net/moved.ts";
import type { Netns } from "../../lib/net/netns.ts";
import { driverOf, findSymbolicLink, hasDirectory, linksOfDevice } from "../../lib/net/sysfs.ts";
import type { HostDeviceConfig } from "./config.ts";

const PCI = "/sys/bus/pci/devices/";
const AUXILIARY = "/sys/bus/auxiliary/devices/";

/** Drivers that hand a device to a program: the kernel has no link of it. */
const DRIVERS_OF_PROGRAMS = ["vfio-pci", "uio_pci_generic", "igb_uio"];

/** Where a device is on the host's buses, as far as it is told. */
export interface Place {
  readonly pciID: string | undefined;
  /** Its directory in sysfs. */
  readonly path: string | undefined;
  /** True if a program drives it, so that there is nothing to move. */
  readonly isDpdk: boolean;
}

/** Where the device is that is meant; throws code 50 if nothing is there. */
export function locate(config: HostDeviceConfig): Place {
  const { device, hwaddr, kernelPath, deviceID } = config;
  const auxiliary = auxiliaryPath(deviceID);
  const pciID = auxiliary === undefined ? (deviceID ?? config.pciBusID) : undefined;
  const path = kernelPath ?? (pciID === undefined ? auxiliary : PCI + pciID);
  const isDpdk = pciID === undefined ? config.dpdkMode : isOfProgram(PCI + pciID);
  if (device === undefined && hwaddr === undefined && path !== undefined) requireDirectory(path);
  return { pciID, path, isDpdk };
}

function isOfProgram(path: string): boolean {
  return DRIVERS_OF_PROGRAMS.includes(driverOf(path) ?? "");
}

/** A runtime's ID may be of either bus. */
function auxiliaryPath(id: string | undefined): string | undefined {
  if (id === undefined || hasDirectory(PCI + id)) return undefined;
  if (hasDirectory(AUXILIARY + id)) return AUXILIARY + id;
  throw missing(`device "${id}"`, "it is on neither the PCI nor the auxiliary bus of this host");
}

/** What is below /sys/bus are links of the kernel's own; a path that is given must lead by none. */
function requireDirectory(path: string): void {
  if (!hasDirectory(path)) throw missing(`device "${path}"`, "there is no such directory");
  const link = path.startsWith("/sys/devices/") ? findSymbolicLink(path) : undefined;
  if (link !== undefined) {
    throw configError("kernelpath", `a path without symbolic links, and "${link}" is one`, path);
  }
}

/** The device of the host that is meant; throws code 50 if there is none. */
export function findDevice(config: HostDeviceConfig, place: Place, host: Netns): Device {
  const { device, hwaddr } = config;
  if (device !== undefined) return findByName(host, device);
  return deviceOf(hwaddr === undefined ? findByPath(host, place.path) : findByMac(host, hwaddr));
}

/** One that the kernel brought home is meant by the name that it had, and not by the one it has. */
function findByName(host: Netns, name: string): Device {
  const link = findLink(host, name);
  const device = link && deviceOf(link);
  const isOther = device?.link.name === name && device.home.name !== name;
  if (device && !isOther) return device;
  const home = listMoved(host).find((each) => each.home.name === name);
  if (home) return home;
  throw missing(`device "${name}"`, "this host has no such link; it may be in a container");
}

/** Links above a device often have its address: it is the one without a kind. */
function findByMac(host: Netns, mac: string): Link {
  const links = listLinks(host).filter((link) => formatMac(link.mac) === mac);
  const link = links.find(({ kind }) => kind === "") ?? links[0];
  if (link) return link;
  throw missing(`a device with address ${mac}`, "this host has none; it may be in a container");
}

function findByPath(host: Netns, path = ""): Link {
  const [name] = linksOfDevice(path);
  const link = name === undefined ? undefined : findLink(host, name);
  if (link) return link;
  const driver = driverOf(path);
  const more = `its driver is ${driver}, and the link may be in a container`;
  throw missing(`a link of device "${path}"`, driver === undefined ? "it has no driver" : more);
}

function missing(what: string, state: string): CniError {
  return new CniError(Code.notAvailable, `Cannot find ${what}: ${state}`);
}
