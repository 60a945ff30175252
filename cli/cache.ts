/**
 * What is kept of an attachment between ADD and DEL, where libcni keeps it and as it does: so what
 * containerd, podman or cnitool attached is known here, and the other way.
 *
 *   /var/lib/cni/results/<network>-<containerID>-<ifName>     cniCacheV1, or a bare result
 *   /var/lib/cni/results/<network>+<containerID>+<ifName>     where the first is another attachment's
 *
 * A name is not enough to tell whose a file is, since "-" may be in each of the three: what counts
 * is what the file says. What it says is run by root: so the directory must be nobody else's.
 */

import * as host from "host";
import { fromBase64, toBase64 } from "../lib/bytes/base64.ts";
import type { Attachment } from "../lib/cni/call.ts";
import { CniError, Code } from "../lib/cni/error.ts";
import { isObject, type Json, type JsonObject } from "../lib/cni/json.ts";
import { listDirectory } from "../lib/host/directory.ts";
import { deleteFileIfPresent, replaceFile, smallTextReader } from "../lib/host/file.ts";
import { isWritable } from "../lib/host/file-status.ts";
import { ensureOwnDirectory, hasOwnDirectory } from "../lib/host/own-directory.ts";
import type { Pairs } from "./list-options.ts";

const DIRECTORY = "/var/lib/cni/results";
const KIND = "cniCacheV1";
/** More than any result with its configuration takes. */
const LARGEST = 1 << 20;
/** The longest name of a file, less what a temporary one has behind it. */
const LONGEST = 255 - ".4194304.tmp".length;

/** An attachment with what ADD was told, and what it answered. */
export interface Kept extends Attachment {
  /** The path of the namespace; "" if it is not known. */
  readonly netns: string;
  /** The list as ADD had it; "" if it is not known. */
  readonly text: string;
  readonly args: Pairs | undefined;
  readonly capabilities: JsonObject | undefined;
  /** The result of the list, in whatever version; undefined if there is none. */
  readonly result: Json | undefined;
}

/** What is kept of an attachment; undefined if there is nothing, or nothing that can be read. */
export function readKept(owner: Attachment): Kept | undefined {
  if (!hasOwnDirectory(DIRECTORY)) return undefined;
  const read = smallTextReader(LARGEST);
  const found = pathsOf(owner).map((path) => keptIn(read(path), owner));
  return found.find((kept) => kept !== undefined && isSame(kept, owner));
}

/** All that is kept of attachments, by libcni or here; what says no names is left out. */
export function listKept(isNamed: (name: string) => boolean = () => true): readonly Kept[] {
  if (!hasOwnDirectory(DIRECTORY)) return [];
  const read = smallTextReader(LARGEST);
  const names = listDirectory(DIRECTORY).filter(isNamed).sort();
  return names.flatMap((name) => keptIn(read(`${DIRECTORY}/${name}`)) ?? []);
}

/** A file that tells of no attachment, and why: it is damaged, or of a version that is not known. */
export interface Strange {
  readonly path: string;
  readonly fault: "damaged" | "version";
  /** In words. */
  readonly state: string;
}

/** All such files. A bare result, as libcni wrote them before 0.8, is none: its name tells whose it is. */
export function listStrange(isNamed: (name: string) => boolean = () => true): readonly Strange[] {
  if (!hasOwnDirectory(DIRECTORY)) return [];
  const read = smallTextReader(LARGEST);
  const names = listDirectory(DIRECTORY).filter((name) => !name.endsWith(".tmp") && isNamed(name));
  return names.sort().flatMap((name) => {
    const path = `${DIRECTORY}/${name}`;
    const text = read(path);
    return text === undefined ? [] : (strangeIn(path, text) ?? []);
  });
}

function strangeIn(path: string, text: string): Strange | undefined {
  const json = jsonOf(text);
  const damaged = (state: string): Strange => ({ path, fault: "damaged", state });
  if (!isObject(json)) return damaged("it is not a JSON object");
  const isBare = ["cniVersion", "ips", "interfaces"].some((key) => json[key] !== undefined);
  if (keptIn(text) !== undefined || (json.kind === undefined && isBare)) return undefined;
  if (json.kind === KIND) return damaged("it does not name an attachment");
  const state = `its kind is ${JSON.stringify(json.kind ?? null).slice(0, 40)}, not "${KIND}"`;
  return { path, fault: "version", state };
}

/** What is kept of an interface of a container, in whichever network. */
export function keptOfInterface({ containerID, ifName }: Attachment): readonly Kept[] {
  const ends = [`-${containerID}-${ifName}`, `+${containerID}+${ifName}`];
  return listKept((name) => ends.some((end) => name.endsWith(end))).filter(
    (kept) => kept.containerID === containerID && kept.ifName === ifName,
  );
}

/** Throws if nothing could be kept of an attachment: before anything is done for it. */
export function prepareKeeping(owner: Attachment): void {
  if (fileName(owner, "-").length > LONGEST) throw unkept("its names are too long together");
  ensureOwnDirectory(DIRECTORY, 0o700);
  if (!isWritable(DIRECTORY)) throw unkept(`"${DIRECTORY}" may not be written to`);
}

function unkept(state: string): CniError {
  return new CniError(Code.system, `Cannot keep the result of the attachment: ${state}`);
}

/** Keeps an attachment, in one step. */
export function writeKept(kept: Kept): void {
  const { netns, args, capabilities, result } = kept;
  const json = {
    kind: KIND,
    containerId: kept.containerID,
    config: toBase64(host.encode(kept.text)),
    ifName: kept.ifName,
    networkName: kept.network,
    ...(netns === "" ? {} : { netns }),
    ...(args === undefined || args.length === 0 ? {} : { cniArgs: args }),
    ...(capabilities === undefined ? {} : { capabilityArgs: capabilities }),
    result: result ?? {},
  };
  const read = smallTextReader(LARGEST);
  const path = pathsOf(kept).find((each) => isFree(keptIn(read(each)), kept));
  if (path === undefined) throw unkept("other attachments have its files");
  replaceFile(path, JSON.stringify(json), 0o600);
}

/** Forgets an attachment, and what is under its name but cannot be read. */
export function deleteKept(owner: Attachment): void {
  const read = smallTextReader(LARGEST);
  for (const path of pathsOf(owner)) {
    if (isFree(keptIn(read(path)), owner)) deleteFileIfPresent(path);
  }
}

function isFree(kept: Kept | undefined, owner: Attachment): boolean {
  return kept === undefined || isSame(kept, owner);
}

function isSame(a: Attachment, b: Attachment): boolean {
  return a.network === b.network && a.containerID === b.containerID && a.ifName === b.ifName;
}

function pathsOf(owner: Attachment): readonly string[] {
  return ["-", "+"].map((between) => `${DIRECTORY}/${fileName(owner, between)}`);
}

function fileName({ network, containerID, ifName }: Attachment, between: string): string {
  return [network, containerID, ifName].join(between);
}

/** What a file says. A bare result names nobody: it is that of the attachment it is kept under. */
function keptIn(text: string | undefined, owner?: Attachment): Kept | undefined {
  const json = jsonOf(text ?? "");
  if (!isObject(json)) return undefined;
  if (json.kind === undefined && owner) {
    return {
      ...owner,
      netns: "",
      text: "",
      args: undefined,
      capabilities: undefined,
      result: json,
    };
  }
  const { networkName: network, containerId: containerID, ifName } = json;
  const isKnown = json.kind === KIND && isName(network) && isName(containerID) && isName(ifName);
  if (!isKnown) return undefined;
  const { netns, config, cniArgs, capabilityArgs, result } = json;
  return {
    ...{ network, containerID, ifName, result },
    netns: typeof netns === "string" ? netns : "",
    get text() {
      return typeof config === "string" ? textOf(config) : "";
    },
    args: pairsIn(cniArgs),
    capabilities: isObject(capabilityArgs) ? capabilityArgs : undefined,
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isName(value: Json | undefined): value is string {
  return typeof value === "string" && value !== "";
}

/** Of thousands of attachments of one network most have the same list. */
const texts = new Map<string, string>();

function textOf(base64: string): string {
  const known = texts.get(base64);
  if (known !== undefined) return known;
  const bytes = fromBase64(base64);
  const text = (bytes && host.decode(bytes)) ?? "";
  texts.set(base64, text);
  return text;
}

function pairsIn(value: Json | undefined): Pairs | undefined {
  const isPair = (pair: Json): pair is readonly [string, string] =>
    Array.isArray(pair) && pair.length === 2 && pair.every((word) => typeof word === "string");
  return Array.isArray(value) && value.every(isPair) ? value : undefined;
}
