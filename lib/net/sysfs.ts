/**
 * Devices as sysfs shows them: which driver one has, and which links it is. The links are those of
 * the network namespace that sysfs was mounted in.
 */

import * as host from "host";
import { listDirectory } from "../host/directory.ts";
import { fileStatus } from "../host/file-status.ts";

const PATH_MAX = 4096;

/** True if there is such a directory. */
export function hasDirectory(path: string): boolean {
  return fileStatus(path)?.isDirectory === true;
}

/** The names of a device's links, in order; those of its virtio devices, if it has none itself. */
export function linksOfDevice(path: string): readonly string[] {
  const own = namesIn(`${path}/net`);
  if (own.length > 0) return own;
  const virtual = namesIn(path).filter((name) => name.startsWith("virtio"));
  return virtual.flatMap((name) => namesIn(`${path}/${name}/net`));
}

function namesIn(path: string): readonly string[] {
  return hasDirectory(path) ? listDirectory(path).sort() : [];
}

/** The name of a device's driver; undefined if it has none, or there is no such device. */
export function driverOf(path: string): string | undefined {
  return linkTarget(`${path}/driver`)?.split("/").at(-1);
}

/** The first part of an absolute path that is a symbolic link. */
export function findSymbolicLink(path: string): string | undefined {
  const words = path.split("/");
  const parts = words.map((_, i) => words.slice(0, i + 1).join("/"));
  return parts.find((part) => part !== "" && linkTarget(part) !== undefined);
}

function linkTarget(path: string): string | undefined {
  const buffer = new Uint8Array(PATH_MAX);
  const length = host.readlink(path, buffer);
  return length < 0 ? undefined : host.decode(buffer.subarray(0, length));
}
