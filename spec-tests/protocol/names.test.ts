/** Executables under other names: by symbolic links, and as copies. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { bridge, bridgeWith } from "../bed/configs.ts";
import { sharedBy } from "../bed/difference.ts";
import { plugins } from "../bed/executables.ts";
import { it } from "../bed/it.ts";
import { workingConfig } from "../bed/subjects.ts";

const config = bridge("10.1.2.0/24");

/** Ways to lead from a name nobody knows to the bridge plugin; `BIN` is the tested folder. */
const links: Readonly<Record<string, string>> = {
  "a link to another folder": "ln -s BIN/bridge cnv-bridge",
  "a chain of links": "ln -s BIN/bridge one; ln -s one two; ln -s ../links/two cnv-bridge",
  "a link in a folder that is a link": `mkdir ../real; ln -s BIN/bridge ../real/cnv-bridge; cd ..; rmdir links; ln -s real links`,
  "a link to a name that itself is a link to the suite's own":
    "ln -s BIN/weft bridge; ln -s bridge cnv-bridge",
  "a link to a hard link of a known name":
    "cp BIN/weft weft; ln weft bridge; ln -s ./bridge cnv-bridge",
};

/** Makes links in a folder of their own, and returns the folder. */
function linked(bed: Bed, script: string): string {
  bed.host.sh(
    `mkdir -p /run/names/links; cd /run/names/links; ${script.replaceAll("BIN", bed.bin)}`,
  );
  return "/run/names/links";
}

describe("a plugin under another name", () => {
  it.for(Object.entries(links))("%s is what it leads to", ([, script], { bed }) => {
    const from = linked(bed, script);
    const box = bed.container();
    const before = bed.snapshot();
    const { result } = bed.add("cnv-bridge", box, config, { from });
    expect(result.ips).toMatchObject([{ address: "10.1.2.2/24" }]);
    expect(bed.check("cnv-bridge", box, { ...config, prevResult: result }, { from })).toSucceed();
    expect(bed.status("cnv-bridge", config, { from })).toSucceed();
    expect(bed.del("cnv-bridge", box, config, { from })).toSucceed();
    expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  });

  it.for(plugins().map(({ name }) => name))(
    "%s answers by a link as by its name",
    (name, { bed }) => {
      const from = linked(bed, `ln -s BIN/${name} cnv-${name}`);
      const { exitCode, stdout, stderr } = bed.exec(name, { path: "" });
      expect(bed.exec(`cnv-${name}`, { path: "", from })).toMatchObject({
        exitCode,
        stdout,
        stderr,
      });
      expect(bed.version(`cnv-${name}`, { from }).json).toEqual(bed.version(name).json);
    },
  );

  it("it may be found by PATH, and be given any argv[0]", ({ bed }) => {
    const from = linked(bed, "ln -s BIN/bridge cnv-bridge");
    const introduces = "CNI bridge plugin v";
    expect(bed.host.sh(`PATH=${from}:$PATH; cnv-bridge 2>&1`)).toContain(introduces);
    expect(bed.host.sh(`cd ${from}; ./cnv-bridge 2>&1`)).toContain(introduces);
    expect(bed.host.sh(`bash -c 'exec -a anything ${from}/cnv-bridge' 2>&1`)).toContain(introduces);
  });

  it("it serves as address manager", ({ bed }) => {
    const folder = linked(bed, "ln -s BIN/host-local cnv-host-local");
    const path = `${bed.bin}:${folder}`;
    const box = bed.container();
    const network = bridgeWith({ type: "cnv-host-local", subnet: "10.1.2.0/24" });
    const before = bed.snapshot();
    const { result } = bed.add("bridge", box, network, { path });
    expect(result.ips).toMatchObject([{ address: "10.1.2.2/24" }]);
    expect(bed.check("bridge", box, { ...network, prevResult: result }, { path })).toSucceed();
    expect(bed.del("bridge", box, network, { path })).toSucceed();
    expect(bed.list("/var/lib/cni/networks/net")).not.toContain("10.1.2.2");
    expect(bed.leftovers(before, sharedBy(network))).toEqual([]);
  });

  it.for(["weft", "cnv-weft"])("%s is no address manager", (type, { bed }) => {
    const path = `${bed.bin}:${linked(bed, "ln -s BIN/weft cnv-weft")}`;
    const { error } = bed.add("bridge", bed.container(), bridgeWith({ type }), { path });
    expect(error.code).toBe(102);
    expect(error.msg).toContain('"weft" is no plugin');
  });

  it("as address manager it needs no process of its own", ({ bed }) => {
    const folder = linked(bed, "ln -s BIN/host-local cnv-host-local");
    const network = bridgeWith({ type: "cnv-host-local", subnet: "10.1.2.0/24" });
    const options = { path: `${bed.bin}:${folder}`, fail: "memfd_create:error=EMFILE" };
    expect(bed.add("bridge", bed.container(), network, options)).toSucceed();
  });
});

describe("a copy under a name that no plugin has", () => {
  const names = { "a copy": "cp BIN/bridge 'NAME'", "a hard link": "cp BIN/bridge x; ln x 'NAME'" };

  it.for(Object.entries(names))(
    "%s prints an error object that names it",
    ([, script], { bed }) => {
      for (const name of ["other", 'q"uo\\te']) {
        const from = linked(bed, script.replaceAll("NAME", name));
        for (const command of ["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"]) {
          const call = {
            command,
            container: bed.container(),
            config: workingConfig("bridge"),
            from,
          };
          const { error, exitCode } = bed.exec(name, call);
          expect(exitCode).toBe(1);
          expect(error).toMatchObject({ cniVersion: "1.1.0", code: 7 });
          expect(error.msg).toContain(name);
          expect(error.msg).toContain("bridge");
        }
      }
    },
  );

  it("without CNI_COMMAND it tells people on stderr", ({ bed }) => {
    const from = linked(bed, "cp BIN/bridge other");
    const run = bed.exec("other", { path: "", from });
    expect(run).toMatchObject({ exitCode: 1, stdout: "" });
    expect(run.stderr).toContain('no command "other"');
  });

  it("its error object reaches the runtime when it is the address manager", ({ bed }) => {
    const path = linked(bed, "cp BIN/host-local other");
    const { error } = bed.add("bridge", bed.container(), bridgeWith({ type: "other" }), { path });
    expect(error.code).toBe(7);
    expect(error.msg).toContain('"other"');
  });
});
