/** A kernel without nf_tables, for single runs (no-nf-tables.c). */
import type { Bed } from "./bed.ts";
import { inBed } from "./c-programs.ts";
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
  return { as: [inBed("no-nf-tables")], env: { PATH: path } };
}
