/** A kernel without nf_tables, for single runs (no-nf-tables.c). */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import type { Bed } from "./bed.ts";
import type { RunOptions } from "./invocation.ts";
import { pathInBed, programsInBed } from "./paths.ts";

/** The programs of iptables, which are the older ones where there is no nf_tables. */
const programs = ["iptables", "iptables-save", "iptables-restore"].flatMap((name) => [
  name,
  name.replace("ip", "ip6"),
]);

/** What a run needs so that it finds no nf_tables; with the older iptables, or without any. */
export function withoutNfTables(bed: Bed, hasIptables = true): RunOptions {
  const folder = bed.folder("no-nf-tables");
  const program = `${folder}/run`;
  const source = resolve(import.meta.dirname, "no-nf-tables.c");
  const words = ["-O1", "-Wall", "-Werror", "-static", source, "-o", bed.path(program)];
  const { status, stderr } = spawnSync("gcc", words);
  if (status !== 0) throw new Error(`Cannot compile ${source}: ${stderr}`);
  for (const name of programs) {
    const legacy = name.replace("tables", "tables-legacy");
    bed.host.sh(`ln -sf ${programsInBed}/${legacy} ${folder}/${name}`);
  }
  const others = `${folder}/others`;
  bed.host.sh(`
    mkdir -p ${others}
    for program in ${programsInBed}/*; do
      case $program in */iptables* | */ip6tables*) ;; *) ln -sf $program ${others} ;; esac
    done`);
  const path = hasIptables ? `${folder}:${pathInBed}` : others;
  return { as: [program], env: { PATH: path } };
}
