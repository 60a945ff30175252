import type { Bed } from "./bed.ts";
import { programsInBed } from "./paths.ts";

/** A stand-in for `busctl` in a firewalld that is a file: a line for each source of a zone. */
export function fakeFirewalld(bed: Bed) {
  const folder = bed.folder("firewalld");
  bed.write(`${folder}/sources`, "");
  bed.write(`${folder}/owner`, "b true");
  bed.write(
    `${folder}/busctl`,
    `#!/bin/sh
[ "$1 $2 $3" = "--system --auto-start=no call" ] || { echo "unexpected $*" >&2; exit 2; }
shift 3
[ "$4" = NameHasOwner ] && { cat ${folder}/owner; exit; }
[ "$1 $2 $3" = "org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 org.fedoraproject.FirewallD1.zone" ] || exit 3
grep -q true ${folder}/owner || { echo "Call failed: the name is not activatable" >&2; exit 1; }
line="$6 $7"
grep -qxF "$line" ${folder}/sources && known=true || known=false
case "$4 $5 $known" in
  "querySource ss "*) echo "b $known" ;;
  "addSource ss false") echo "$line" >> ${folder}/sources; echo "s \\"$6\\"" ;;
  "addSource ss true") echo "Call failed: ZONE_ALREADY_SET: $line" >&2; exit 1 ;;
  "removeSource ss true") sed -i "\\|^$line$|d" ${folder}/sources; echo "s \\"$6\\"" ;;
  *) echo "Call failed: UNKNOWN_SOURCE: $line" >&2; exit 1 ;;
esac
`,
  );
  bed.host.sh(`chmod +x ${folder}/busctl`);
  return {
    folder,
    options: { env: { PATH: `${folder}:${programsInBed}` } },
    sources: () => bed.read(`${folder}/sources`).split("\n").filter(Boolean).toSorted(),
    reload: () => bed.write(`${folder}/sources`, ""),
    stop: () => bed.write(`${folder}/owner`, "b false"),
  };
}
