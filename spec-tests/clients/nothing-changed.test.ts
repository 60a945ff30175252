/** Only `add`, `del`, `gc --yes`, `reapply`, `ipam free`, `agent` and `install` change anything on a host. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { masqueraded } from "../bed/configs.ts";
import { it } from "../bed/it.ts";
import { Lists } from "../bed/lists.ts";

const ports = "--capability portMappings=8080:80/tcp";

/** Those that change something, each with its harmless ways to be called. */
const mayChange: { readonly [command: string]: readonly string[] } = {
  add: [],
  del: [],
  gc: ["gc net", "gc net --json"],
  reapply: ["reapply --dry-run", "reapply net --dry-run --json"],
  agent: ["agent status", "agent status --json", "agent --version"],
  install: [],
  ipam: ["ipam ls", "ipam ls --json", "ipam show net", "ipam show net --json"],
};

/** All ways to call the others; `weft help` must name no command that is in neither. */
const changesNothing: { readonly [command: string]: readonly string[] } = {
  check: ["check net --container-id live"],
  status: ["status net"],
  ps: ["ps", "ps net --wide", "ps --json"],
  show: ["show net/live", "show live --json"],
  topology: ["topology", "topology --all", "topology --svg", "topology --json"],
  inventory: ["inventory net", "inventory net live eth0 --json"],
  log: ["log", "log --slow"],
  doctor: ["doctor", "doctor --json", "doctor --probe"],
  validate: ["validate FOLDER/10-net.conflist"],
  plan: [
    `plan add net ${ports}`,
    "plan del net --container-id live",
    "plan del net --container-id gone --json",
  ],
  policy: ["policy explain web", "policy explain a/web --from 192.0.2.1 --json --file FOLDER/none"],
  list: ["list"],
  version: ["version"],
  completion: ["completion bash", "completion --words containers"],
  help: ["help", "help plan --all"],
};

/** A host with an attachment that lives, one whose namespace is gone, and half a result. */
function world(bed: Bed): Lists {
  const lists = new Lists(bed);
  lists.net([
    masqueraded("10.251.36.0/24"),
    { type: "portmap", capabilities: { portMappings: true } },
    { type: "firewall" },
  ]);
  const [live, gone] = [bed.container(), bed.container()];
  for (const [box, words] of [
    [live, `--container-id live ${ports}`],
    [gone, "--container-id gone"],
  ] as const) {
    expect(lists.weft(`add net ${box.netns} ${words}`)).toMatchObject({ status: 0 });
  }
  bed.host.sh(
    `ip netns del ${gone.name}; echo '{"kind": "cniC' >/var/lib/cni/results/net-half-eth0`,
  );
  bed.host.until("[ $(ip -o link show type veth | wc -l) = 1 ]");
  return lists;
}

describe("weft", () => {
  it("has no command of which it is not known whether it changes anything", ({ bed }) => {
    const { stdout } = new Lists(bed).weft("help");
    const lines = stdout.split("\n").filter((line) => /^(?! {12}).{11}[a-z]+ {2,}[a-z]/.test(line));
    const named = lines.map((line) => line.slice(11).replace(/ .*/, ""));
    const known = [...Object.keys(mayChange), ...Object.keys(changesNothing)];
    expect([...named].sort()).toEqual(known.sort());
  });

  it("opens no more files the more attachments there are, whatever looks at them", ({ bed }) => {
    const lists = new Lists(bed);
    lists.net([masqueraded("10.251.36.0/24")]);
    for (let i = 1; i <= 20; i++) {
      const { netns } = bed.container();
      expect(lists.weft(`add net ${netns} --container-id box${i}`)).toMatchObject({ status: 0 });
    }
    for (const words of ["ps", "show box1", "topology", "doctor", "ipam show net", "gc net"]) {
      const { status, stderr, stdout } = lists.run(`ulimit -n 16; ${bed.bin}/weft ${words}`);
      expect([words, status, stderr]).toEqual([words, 0, ""]);
      expect(stdout).not.toContain("EMFILE");
    }
  });

  it.for(
    Object.entries({ ...mayChange, ...changesNothing }).filter(([, calls]) => calls.length > 0),
  )("%s changes nothing, whatever there is", ([, calls], { bed }) => {
    const lists = world(bed);
    const before = bed.snapshot();
    for (const call of calls) {
      const { status } = lists.weft(call.replace("FOLDER", lists.folder));
      expect([call, status === 2, bed.leftovers(before)]).toEqual([call, false, []]);
    }
  });
});
