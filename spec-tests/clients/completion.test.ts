/** How a shell completes words of `weft`, with bash, and with names that try to be commands. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { it } from "../bed/it.ts";
import { Lists, resultsFolder } from "../bed/lists.ts";
import { typed } from "../bed/typist.ts";

/** Names that a shell would split, expand or run, if it read them as code. */
const hostile = [
  "a b",
  "$(touch pwned)",
  "`touch pwned`",
  "it's",
  'say "x"',
  "x;touch pwned",
  "x&touch pwned",
  "*",
  "~",
  "{a,b}",
  "back\\slash",
  "-n",
  "=networks",
].sort();

/** Puts what bash completes into a file of the bed, and runs it there. */
function inBash(bed: Bed, script: string): readonly string[] {
  const folder = bed.folder("shell");
  bed.write(`${folder}/script`, `source <(${bed.bin}/weft completion bash)\n${script}`);
  const said = new Lists(bed).run(`cd ${folder} && bash --norc script`);
  expect([said.status, said.stderr]).toEqual([0, ""]);
  expect(bed.list(folder)).toEqual(["script"]);
  return said.stdout.split("\n").filter((line) => line !== "");
}

/** The words that bash offers for the last of some words, as a command would get them. */
function offered(bed: Bed, ...words: readonly string[]): readonly string[] {
  const quoted = words.map((word) => `'${word.replace(/'/g, "'\\''")}'`);
  const last = quoted.at(-1);
  return inBash(
    bed,
    `COMP_WORDS=(weft ${quoted.join(" ")}); COMP_CWORD=${words.length}
     _weft ${bed.bin}/weft ${last} "" 2>&1
     for word in "\${COMPREPLY[@]}"; do eval "set -- $word"; [ $# = 1 ] && printf '%s\\n' "$1"; done
     exit 0`,
  );
}

/** What is kept of an attachment of a container. */
function keep(bed: Bed, containerId: string, i: number): void {
  bed.host.sh(`mkdir -p -m 700 ${resultsFolder}`);
  const kept = { kind: "cniCacheV1", containerId, ifName: "eth0", networkName: "net", config: "" };
  bed.write(`${resultsFolder}/net-box${i}-eth0`, JSON.stringify({ ...kept, result: {} }));
}

describe("completion in bash", () => {
  it("offers commands, and those that begin with what is typed", ({ bed }) => {
    const commands = offered(bed, "");
    expect(commands).toEqual(expect.arrayContaining(["add", "gc", "inventory", "completion"]));
    expect(offered(bed, "vali")).toEqual(["validate"]);
    expect(offered(bed, "help", "vali")).toEqual(["validate"]);
    expect(offered(bed, "pz")).toEqual([]);
    expect(offered(bed, "$(touch pwned)", "")).toEqual([]);
  });

  it("offers the options of a command", ({ bed }) => {
    expect(offered(bed, "gc", "--")).toEqual(["--yes", "--conf", "--timeout", "--json", "--help"]);
    expect(offered(bed, "gc", "net", "--y")).toEqual(["--yes"]);
    expect(offered(bed, "add", "net", "-i")).toEqual(["-i"]);
  });

  it("offers words and names behind an option, with and without a =", ({ bed }) => {
    keep(bed, "box", 1);
    expect(offered(bed, "completion", "--words", "net")).toEqual(["networks", "netns"]);
    expect(offered(bed, "del", "net", "--container-id", "")).toEqual(["box"]);
    expect(offered(bed, "del", "net", "--container-id", "=", "b")).toEqual(["box"]);
    expect(offered(bed, "del", "net", "--container-id", "=")).toEqual(["box"]);
    expect(offered(bed, "del", "net", "--timeout", "")).toEqual([]);
  });

  it("counts names only, wherever options stand", ({ bed }) => {
    new Lists(bed).net(["pa"]);
    const box = bed.container();
    expect(offered(bed, "add", "")).toEqual(["net"]);
    expect(offered(bed, "add", "--ifname", "eth1", "--json", "")).toEqual(["net"]);
    expect(offered(bed, "add", "--ifname", "=", "eth1", "")).toEqual(["net"]);
    const namespaces = bed.list("/run/netns").map((name) => `/run/netns/${name}`);
    expect(namespaces).toContain(box.netns);
    expect(offered(bed, "add", "net", "--conf", "x", "")).toEqual(namespaces);
    expect(offered(bed, "add", "net", box.netns, "")).toEqual([]);
  });

  it("names networks of all files that can be read", ({ bed }) => {
    const lists = new Lists(bed);
    lists.net(["pa"]);
    lists.write("20-one.conf", { cniVersion: "1.0.0", name: "one", type: "pa" });
    lists.write("30-half.conflist", '{ "name": "half", ');
    lists.write("40-notes.txt", { name: "notes", type: "pa" });
    expect(offered(bed, "status", "")).toEqual(["net", "one"]);
    bed.host.sh(`rm -r ${lists.folder}`);
    expect(offered(bed, "status", "")).toEqual([]);
  });

  it("quotes what containers are called, and runs none of it", ({ bed }) => {
    hostile.forEach((name, i) => {
      keep(bed, name, i);
    });
    keep(bed, "two\nlines", 97);
    keep(bed, "\u001b[31mred", 98);
    expect([...offered(bed, "inventory", "net", "")].sort()).toEqual(hostile);
    expect(offered(bed, "inventory", "net", "a\\ ")).toEqual(["a b"]);
    expect(offered(bed, "inventory", "net", '"a')).toEqual(["a b"]);
    expect(offered(bed, "inventory", "net", "$(to")).toEqual(["$(touch pwned)"]);
  });

  it("quotes what namespaces and networks are called, and runs none of it", ({ bed }) => {
    const lists = new Lists(bed);
    bed.host.sh("mkdir -p /run/netns");
    hostile.forEach((name, i) => {
      lists.write(`${i}.conf`, { cniVersion: "1.0.0", name, type: "pa" });
      bed.write(`/run/netns/${name}`, "");
    });
    expect([...offered(bed, "add", "")].sort()).toEqual(hostile);
    expect(offered(bed, "add", "net", "").toSorted()).toEqual(
      hostile.map((name) => `/run/netns/${name}`),
    );
  });
});

describe.each(["bash", "zsh"] as const)("the key TAB in %s", (shell) => {
  it("completes commands, options and files", ({ bed }) => {
    bed.write("/tmp/a file.conf", "");
    expect(typed(bed, shell, "vali\t/tmp/a\t")).toEqual(["validate", "/tmp/a file.conf"]);
    expect(typed(bed, shell, "gc --co\t/tmp/a\t")).toEqual(["gc", "--conf", "/tmp/a file.conf"]);
    bed.host.sh("mkdir /tmp/leases; touch /tmp/lease.conf");
    expect(typed(bed, shell, "inventory net --data-dir /tmp/le\tx")).toEqual([
      "inventory",
      "net",
      "--data-dir",
      "/tmp/leases/x",
    ]);
  });

  it.for(hostile.filter((name) => name !== "-n"))(
    "completes the name %s, and does not run it",
    (name, { bed }) => {
      keep(bed, name, 1);
      expect(typed(bed, shell, "inventory net \t")).toEqual(["inventory", "net", name]);
    },
  );

  it("completes a name of which a quotation mark is typed", ({ bed }) => {
    keep(bed, "a $(touch pwned)", 1);
    expect(typed(bed, shell, "inventory net 'a\t")).toHaveLength(3);
  });
});

describe("completion in fish", () => {
  /** What fish offers for the last word of a line, without what it says of that. */
  function offeredInFish(bed: Bed, line: string): readonly string[] {
    const folder = bed.folder("shell");
    const quoted = `'${line.replace(/[\\']/g, "\\$&")}'`;
    bed.write(
      `${folder}/script`,
      `${bed.bin}/weft completion fish | source\ncomplete -C ${quoted}\n`,
    );
    const env = { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
    const said = new Lists(bed).run(
      `cd ${folder} && PATH=${bed.bin}:$PATH fish --no-config script`,
      env,
    );
    expect([said.status, said.stderr]).toEqual([0, ""]);
    expect(bed.list(folder)).not.toContain("pwned");
    const offers = said.stdout.split("\n").filter((offer) => offer !== "");
    return offers.map((offer) => offer.replace(/\t.*/, ""));
  }

  it("offers commands, options and files", ({ bed }) => {
    bed.write("/tmp/a-file.conf", "");
    expect(offeredInFish(bed, "weft vali")).toEqual(["validate"]);
    expect(offeredInFish(bed, "weft help vali")).toEqual(["validate"]);
    expect(offeredInFish(bed, "weft gc --y")).toEqual(["--yes"]);
    expect(offeredInFish(bed, "weft ipam ")).toEqual(["free", "ls", "show"]);
    expect(offeredInFish(bed, "weft validate /tmp/a-")).toEqual(["/tmp/a-file.conf"]);
  });

  it("offers what containers are called, and runs none of it", ({ bed }) => {
    hostile.forEach((name, i) => {
      keep(bed, name, i);
    });
    expect(offeredInFish(bed, "weft inventory net ")).toHaveLength(hostile.length);
  });
});

describe("weft completion", () => {
  it("is told how to be used if it is used wrongly, with status 2", ({ bed }) => {
    for (const words of ["", "tcsh", "bash zsh", "--words", "--words pods", "--words netns more"]) {
      const { status, stdout, stderr } = new Lists(bed).weft(`completion ${words}`);
      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/^usage: weft completion bash\|zsh\|fish\n/);
    }
  });

  it("tells no names, and no error, where there are none to be had", ({ bed }) => {
    for (const kind of ["networks", "netns", "containers"]) {
      const run = `rm -rf /run/netns; setpriv --reuid=65534 --clear-groups ${bed.bin}/weft`;
      const said = new Lists(bed).run(`${run} completion --words ${kind}`, {
        NETCONFPATH: "/none",
      });
      expect(said).toEqual({ status: 0, stdout: "", stderr: "" });
    }
  });
});
