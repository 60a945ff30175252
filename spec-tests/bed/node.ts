/** A node as `weft doctor` sees it: which runtimes there are, and what their configurations say. */
import type { Bed } from "./bed.ts";
import { Lists, type Said } from "./lists.ts";

/** One finding, as `--json` has it. */
export interface Finding {
  readonly id: string;
  readonly level: string;
  readonly finding: string;
  readonly advice: string;
}

const places = ["/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin"];
const runtimes = ["containerd", "crio", "podman"];

/**
 * Makes the private machine one without any runtime, whatever the machine that the test runs on has:
 * with an /etc of its own, and an /usr/local/sbin to which programs may be added.
 */
export class Node {
  readonly #bed: Bed;
  readonly lists: Lists;

  constructor(bed: Bed) {
    this.#bed = bed;
    const [etc, programs] = [bed.folder("etc"), bed.folder("sbin")];
    const found = places.flatMap((place) => runtimes.map((name) => `${place}/${name}`));
    bed.host.sh(`
      cp -a /etc/. ${etc}/
      rm -rf ${etc}/containerd ${etc}/crio ${etc}/containers ${etc}/cni ${etc}/sysconfig/kubelet ${etc}/default/kubelet
      mount --bind ${etc} /etc
      for file in ${found.join(" ")}; do
        if [ -e $file ]; then mount --bind /dev/null $file; fi
      done
      cp -a /usr/local/sbin/. ${programs}/
      mount --bind ${programs} /usr/local/sbin
      mkdir -p /etc/cni/net.d`);
    this.lists = new Lists(bed);
  }

  /** Writes a file, and the folders above it. */
  file(path: string, text: string): void {
    this.#bed.host.sh(`mkdir -p ${path.slice(0, path.lastIndexOf("/"))}`);
    this.#bed.write(path, text);
  }

  /** Writes a list of /etc/cni/net.d, where runtimes look; the first one of all by its usual name. */
  list(config: object, name = "10-net.conflist"): void {
    const head = { cniVersion: "1.0.0", name: "net" };
    this.file(`/etc/cni/net.d/${name}`, JSON.stringify({ ...head, ...config }));
  }

  /** Installs a runtime that is nothing but a file, with a text that says how it was built. */
  runtime(name: string, buildInformation = ""): void {
    this.goProgram(`/usr/local/sbin/${name}`, buildInformation);
  }

  /** Makes an executable with the section in which Go's linker says what it was built of. */
  goProgram(path: string, buildInformation: string): void {
    const folder = path.slice(0, path.lastIndexOf("/"));
    const text = JSON.stringify(buildInformation);
    this.#bed.host.sh(`mkdir -p ${folder}
      as -o /tmp/go.o - <<'end'
      .globl _start
      .text
      _start: nop
      .section .go.buildinfo,"a"
      .ascii ${text}
end
      ld -o ${path} /tmp/go.o`);
  }

  /** Where the suite lies in a folder that is found by a name. */
  suiteIn(folder: string): void {
    this.#bed.host.sh(`mkdir -p ${folder.slice(0, folder.lastIndexOf("/"))}
      ln -s ${this.#bed.bin} ${folder}`);
  }

  /** What `weft doctor` says. */
  doctor(words = "", env: Readonly<Record<string, string>> = {}): Said {
    return this.lists.run(`${this.#bed.bin}/weft doctor ${words}`, {
      NETCONFPATH: "/etc/cni/net.d",
      CNI_PATH: this.#bed.bin,
      ...env,
    });
  }

  /** All findings. */
  findings(env: Readonly<Record<string, string>> = {}): readonly Finding[] {
    const said = this.doctor("--json", env);
    if (said.stderr !== "") throw new Error(said.stderr);
    return JSON.parse(said.stdout);
  }

  /** The findings of one kind. */
  of(id: string): readonly Finding[] {
    return this.findings().filter((finding) => finding.id === id);
  }
}
