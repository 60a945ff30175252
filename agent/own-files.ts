/**
 * The files that the agent keeps. What a plugin or a next agent reads is replaced as a whole, and
 * what somebody else changed is written again.
 *
 *   /run/weft/<network>/node.json      what this host is
 *   /run/weft/<network>/peers.json     who the others are
 *   /run/weft/<network>/overlay.json   how they are joined: for an agent that starts without a store
 *   /run/flannel/subnet.env            for flannel's plugin; written last
 */

import { isObject, type JsonObject } from "../lib/cni/json.ts";
import { deleteDirectoryIfEmpty } from "../lib/host/directory.ts";
import { deleteFileIfPresent, readTextIfPresent, replaceFile } from "../lib/host/file.ts";
import { fileStatus } from "../lib/host/file-status.ts";
import { ensureOwnDirectory } from "../lib/host/own-directory.ts";
import { nodeFilePath, peersFilePath } from "../lib/overlay/contract/network.ts";
import { listNames } from "../lib/state/backup.ts";
import { podsDirectory } from "../lib/state/pod-attachments.ts";
import { readJson } from "../lib/state/record.ts";
import type { FilterOptions } from "./options.ts";

/** What else is beside them while an agent runs. */
const OTHERS = ["agent.sock", "policy.sock", "attach.sock", "overlay.lock", "daemon.lock"];

/** What an agent was told to make, besides what its plan says. */
export interface Making {
  readonly subnetFile: string;
  readonly filter: FilterOptions;
}

/** The files of one network on this host. */
export interface OwnFiles {
  /** How the hosts were joined by an agent before; undefined if that is not known. */
  readSaved(): JsonObject | undefined;
  /** Says how they are joined, and what subnet.env says here. */
  save(json: JsonObject, subnetEnv: string): void;
  /** The text of subnet.env as it is. */
  readSubnetEnv(): string;
  /** These write only what is not there already, and is the same; true if something was written. */
  ensureSubnetEnv(text: string): boolean;
  ensureNode(json: JsonObject): boolean;
  /** Writes who the others are, each as JSON. */
  writePeers(hosts: Iterable<string>): void;
  /** True if peers.json is as it was written last. */
  hasPeers(): boolean;
}

/** The files of a network of this name. */
export class FilesOfHost implements OwnFiles {
  readonly #network: string;
  readonly #saved: string;
  readonly #node: string;
  readonly #peers: string;
  readonly #subnetEnv: string;
  readonly #filter: FilterOptions | undefined;
  /** The states of files when they were written, or found right. */
  readonly #states = new Map<string, string>();

  /** Without what is made they are those of an agent that runs, or has ended. */
  constructor(network: string, making?: Making) {
    this.#network = network;
    this.#node = nodeFilePath(network);
    this.#peers = peersFilePath(network);
    this.#saved = `${directoryOf(this.#node)}/overlay.json`;
    this.#subnetEnv = making?.subnetFile ?? "";
    this.#filter = making?.filter;
  }

  get paths(): readonly string[] {
    return [this.#node, this.#peers, this.#subnetEnv];
  }

  readSaved(): JsonObject | undefined {
    const json = this.#readSaved();
    if (!json) return undefined;
    const { subnetFile, subnetEnv, filter, isHandedOver, ...saved } = json;
    return saved;
  }

  /** True if flanneld has what the agent made, since `handOver`. */
  get isHandedOver(): boolean {
    return this.#readSaved()?.isHandedOver === true;
  }

  /** Says that flanneld has it from now on: until an agent saves again. */
  handOver(): void {
    const json = { ...this.#readSaved(), isHandedOver: true };
    replaceFile(this.#saved, JSON.stringify(json), 0o644);
  }

  /** Which rules the agent had to make; undefined if that is not known. */
  readFilter(): FilterOptions | undefined {
    const filter = this.#readSaved()?.filter;
    return isObject(filter) ? (filter as unknown as FilterOptions) : undefined;
  }

  #readSaved(): JsonObject | undefined {
    const json = readJson(this.#saved);
    return isObject(json) ? json : undefined;
  }

  save(json: JsonObject, subnetEnv: string): void {
    const made = { subnetFile: this.#subnetEnv, subnetEnv, filter: this.#filter };
    this.#ensure(this.#saved, JSON.stringify({ ...json, ...made }));
  }

  /** Deletes all of them; each that it has is told. Others' subnet.env stays, which says something else. */
  remove(tell: (path: string) => void): void {
    const { subnetFile, subnetEnv } = this.#readSaved() ?? {};
    const isOurs = typeof subnetFile === "string" && textOf(subnetFile) === subnetEnv;
    const directory = directoryOf(this.#node);
    const others = OTHERS.map((name) => `${directory}/${name}`);
    const all = [...(isOurs ? [subnetFile] : []), this.#node, this.#peers, ...others, this.#saved];
    for (const path of all) if (deleteFileIfPresent(path)) tell(path);
    this.#removePods();
    deleteDirectoryIfEmpty(directory);
  }

  /** Without an agent nobody is told of pods. */
  #removePods(): void {
    const directory = podsDirectory(this.#network);
    for (const name of listNames(directory)) deleteFileIfPresent(`${directory}/${name}`);
    deleteDirectoryIfEmpty(directory);
  }

  /** Deletes what looking for them has made. */
  leave(): void {
    const directory = directoryOf(this.#node);
    deleteFileIfPresent(`${directory}/daemon.lock`);
    deleteDirectoryIfEmpty(directory);
  }

  readSubnetEnv(): string {
    return readTextIfPresent(this.#subnetEnv) ?? "";
  }

  ensureSubnetEnv(text: string): boolean {
    return this.#ensure(this.#subnetEnv, text);
  }

  ensureNode(json: JsonObject): boolean {
    return this.#ensure(this.#node, JSON.stringify(json));
  }

  writePeers(hosts: Iterable<string>): void {
    ensureOwnDirectory(directoryOf(this.#peers), 0o755);
    replaceFile(this.#peers, `[${[...hosts].join(",\n")}]`, 0o644);
    this.#states.set(this.#peers, stateOf(this.#peers));
  }

  hasPeers(): boolean {
    return this.#states.get(this.#peers) === stateOf(this.#peers);
  }

  /** True if nobody has changed since what was written. */
  areAsWritten(): boolean {
    return [...this.#states].every(([path, state]) => stateOf(path) === state);
  }

  /** True if the file was written, because it had another text, or was not there. */
  #ensure(path: string, text: string): boolean {
    const isOther = textOf(path) !== text;
    if (isOther) {
      ensureOwnDirectory(directoryOf(path), 0o755);
      replaceFile(path, text, 0o644);
    }
    this.#states.set(path, stateOf(path));
    return isOther;
  }
}

/** What cannot be read is another text. */
function textOf(path: string): string | undefined {
  try {
    return readTextIfPresent(path);
  } catch {
    return undefined;
  }
}

function stateOf(path: string): string {
  const status = fileStatus(path);
  if (!status) return "none";
  const { inode, size, changedSeconds, changedNanoseconds } = status;
  return [inode, size, changedSeconds, changedNanoseconds].join(" ");
}

function directoryOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}
