/** The configurations with which any executable can be asked to work. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Config } from "./invocation.ts";
import { it } from "./it.ts";
import { type Feature, kernelHas, needs } from "./kernel.ts";

const folder = resolve(import.meta.dirname, "../configs");

/**
 * A configuration with which `program` succeeds: the default one, or what
 * `configs/<program>.json` adds to it.
 */
export function workingConfig(program: string, more: Config = {}): Config {
  const own = existsSync(`${folder}/${program}.json`) ? read(program) : {};
  return { ...read("default"), type: program, ...own, ...more };
}

function read(name: string): Config {
  return JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8")) as Config;
}

/** What some executables need of the kernel to do anything at all. */
const neededBy: Readonly<Record<string, Feature>> = {
  dummy: "dummy",
  ipvlan: "ipvlan",
  macvlan: "macvlan",
  tap: "tap",
  vlan: "802.1Q",
  vrf: "vrf",
};

/** A test in which these executables have to succeed, so that the kernel must have what they need. */
export function itWorks(...programs: readonly string[]): typeof it {
  const features = programs.flatMap((program) => neededBy[program] ?? []);
  const lacking = features.find((feature) => !kernelHas(feature));
  return lacking === undefined ? it : needs(lacking);
}
