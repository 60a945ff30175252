/** Whoever runs a plugin without the rights it needs is told which those are, and nothing else. */
import { describe, expect } from "vitest";
import { plugins } from "../bed/executables.ts";
import { it } from "../bed/it.ts";
import { programsInBed } from "../bed/paths.ts";
import { workingConfig } from "../bed/subjects.ts";

const nobody = [`${programsInBed}/setpriv`, "--reuid=65534", "--regid=65534", "--clear-groups"];
const asRoot = "run it as root, or with CAP_NET_ADMIN and CAP_SYS_ADMIN";

/** What changes nothing needs no right to. */
const needsNothing = ["static"];

describe.each(plugins())("$name of nobody", ({ name }) => {
  const config = workingConfig(name, { ingressRate: 1_000_000, ingressBurst: 1_000_000 });

  it("ADD is refused if it takes root, and says so, or which capabilities", ({ bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    const run = bed.add(name, box, config, { as: nobody });
    if (needsNothing.includes(name)) expect(run).toSucceed();
    else {
      expect(run.error.msg).toContain(asRoot);
      expect(run.error.msg).toContain("which this process of user 65534 does not have");
    }
    expect(bed.leftovers(before)).toEqual([]);
  });

  it.for(["CHECK", "DEL", "GC", "STATUS"])(
    "%s blames nothing else: no kernel, no lost answer",
    (command, { bed }) => {
      const container = bed.container();
      const before = bed.snapshot();
      const valid = command === "GC" ? { "cni.dev/valid-attachments": [] } : {};
      const call = { command, container, config: { ...config, ...valid }, as: nobody };
      const run = bed.exec(name, call);
      expect(run.stdout).not.toMatch(/kernel|answer|ETIMEDOUT|not installed/);
      if (/EPERM|EACCES/.test(run.stdout)) expect(run.error.msg).toContain(asRoot);
      expect(bed.leftovers(before)).toEqual([]);
    },
  );
});

describe("what a process lacks", () => {
  const config = workingConfig("loopback");

  it("one capability alone is named, to root as well", ({ bed }) => {
    const as = ["setpriv", "--bounding-set=-net_admin"];
    const { error } = bed.add("bridge", bed.container(), workingConfig("bridge"), { as });
    expect(error.msg).toContain(
      "EPERM (run it with CAP_NET_ADMIN, which this process of root does not have)",
    );
  });

  it("nobody can do with these capabilities what root can", ({ bed }) => {
    const caps = "+net_admin,+sys_admin";
    const as = [...nobody, `--inh-caps=${caps}`, `--ambient-caps=${caps}`];
    const box = bed.container();
    expect(bed.add("loopback", box, config, { as, ifName: "lo" })).toSucceed();
    expect(box.link("lo").flags).toContain("UP");
  });

  it("root of a user namespace is told that this is not the host's", ({ bed }) => {
    const as = ["unshare", "--user", "--map-root-user"];
    const { error } = bed.add("bridge", bed.container(), workingConfig("bridge"), { as });
    expect(error.msg).toContain(
      "EPERM (this process has its capabilities in a user namespace only",
    );
  });

  it("root with all of them is told of none, whatever refused it", ({ bed }) => {
    const fail = "setns:error=EPERM:when=1";
    const { error } = bed.add("loopback", bed.container(), config, { fail, ifName: "lo" });
    expect(error.msg).toMatch(/: EPERM$/);
  });

  it("standard programs that nobody may look for are no programs", ({ bed }) => {
    bed.host.sh("mkdir -m 700 /run/closed");
    const env = { PATH: `/run/closed:${programsInBed}` };
    const config = workingConfig("portmap", { backend: "iptables" });
    const { error } = bed.add("portmap", bed.container(), config, { as: nobody, env });
    expect(`${error.msg} ${error.details}`).not.toContain("/run/closed");
  });
});
