/**
 * Records that somebody has written over in place, which the directory's time of change does not
 * show: the index beside them is found to be wrong by what it says.
 */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { hostLocal } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { it } from "../bed/it.ts";
import { reservations } from "../bed/store.ts";

const folder = "/var/lib/cni/networks/net";
/** A pool of five addresses. */
const config = hostLocal("10.1.2.0/29");
const everything = ["10.1.2.2", "10.1.2.3", "10.1.2.4", "10.1.2.5", "10.1.2.6"];

interface Scene {
  readonly a: Container;
  readonly b: Container;
  readonly resultOf: ReadonlyMap<Container, object>;
}

/** Two containers with 10.1.2.2 and 10.1.2.3, and an index that knows them. */
function scene(bed: Bed): Scene {
  const [a, b] = [bed.container(), bed.container()];
  const resultOf = new Map([a, b].map((box) => [box, bed.add("host-local", box, config).result]));
  expect(reservations(bed)).toEqual(["10.1.2.2", "10.1.2.3"]);
  return { a, b, resultOf };
}

/** Writes records over without any change of their directory. */
function damage(bed: Bed, script: string): void {
  const time = () => bed.host.sh(`stat -c %Z.%z ${folder}`);
  const before = time();
  bed.host.sh(`cd ${folder} && ${script}`);
  expect(time()).toBe(before);
}

const check = (bed: Bed, box: Container, { resultOf }: Scene) =>
  bed.check("host-local", box, { ...config, prevResult: resultOf.get(box) });

/** The container under another ID. */
const as = (containerID: string) => ({ env: { CNI_CONTAINERID: containerID } });

/** Every address can be given out and taken back, and the index agrees with the records. */
function expectAllRight(bed: Bed): void {
  const boxes = everything.slice(reservations(bed).length).map(() => bed.container());
  for (const box of boxes) expect(bed.add("host-local", box, config)).toSucceed();
  expect(reservations(bed)).toEqual(everything);
  for (const box of boxes) {
    expect(bed.del("host-local", box, config)).toMatchObject({ exitCode: 0, stderr: "" });
  }
}

/** What is no reservation of anybody's. */
const worthless = [
  ["emptied", ": >10.1.2.2"],
  ["filled with garbage", "printf '\\001\\377\\376 \\n\\n' >10.1.2.2"],
  ["filled with text that is no owner", "printf 'a\\nb\\tc' >10.1.2.2"],
  ["filled with a megabyte", "head -c 1000000 /dev/zero >10.1.2.2"],
] as const;

describe("a record that was given to another container", () => {
  it.for([
    ["of old, without interface", "printf dummy >10.1.2.2"],
    ["with interface", "printf 'dummy\\r\\neth0' >10.1.2.2"],
    ["with blanks around it", "printf ' dummy\\r\\neth0 \\n' >10.1.2.2"],
  ] as const)(
    "%s, is that one's for CHECK and DEL, whichever comes first",
    ([, script], { bed }) => {
      const all = scene(bed);
      const { a } = all;
      damage(bed, script);
      expect(bed.check("host-local", a, config, as("dummy"))).toSucceed();
      expect(check(bed, a, all).error.code).toBe(104);
      expect(bed.del("host-local", a, config, as("dummy"))).toSucceed();
      expect(reservations(bed)).toEqual(["10.1.2.3"]);
      expect(bed.del("host-local", a, config)).toSucceed();
      expectAllRight(bed);
    },
  );

  it("is released by a DEL that comes before all else", ({ bed }) => {
    const { a } = scene(bed);
    damage(bed, "printf dummy >10.1.2.2");
    expect(bed.del("host-local", a, config, as("dummy"))).toSucceed();
    expect(reservations(bed)).toEqual(["10.1.2.3"]);
  });

  it("stays when its former owner is deleted", ({ bed }) => {
    const { a } = scene(bed);
    damage(bed, "printf dummy >10.1.2.2");
    expect(bed.del("host-local", a, config)).toSucceed();
    expect(reservations(bed)).toEqual(["10.1.2.2", "10.1.2.3"]);
    expect(bed.add("host-local", a, config).result.ips[0]?.address).not.toContain("10.1.2.2/");
  });

  it("is kept or removed by GC as that one is valid or not", ({ bed }) => {
    const { a, b } = scene(bed);
    damage(bed, "printf 'dummy\\r\\neth0' >10.1.2.2");
    const listed = (...ids: readonly string[]) => ({
      ...config,
      "cni.dev/valid-attachments": ids.map((containerID) => ({ containerID, ifname: "eth0" })),
    });
    expect(bed.gc("host-local", listed("dummy", b.containerID))).toSucceed();
    expect(reservations(bed)).toEqual(["10.1.2.2", "10.1.2.3"]);
    expect(bed.gc("host-local", listed(a.containerID, b.containerID))).toSucceed();
    expect(reservations(bed)).toEqual(["10.1.2.3"]);
    expectAllRight(bed);
  });
});

describe("two records that were swapped", () => {
  const swap = "cp 10.1.2.2 /tmp/a; cat 10.1.2.3 >10.1.2.2; cat /tmp/a >10.1.2.3";

  it("count as they are written", ({ bed }) => {
    const all = scene(bed);
    damage(bed, swap);
    for (const box of [all.a, all.b]) {
      expect(check(bed, box, all).error).toMatchObject({ code: 104 });
    }
    expect(bed.del("host-local", all.a, config)).toSucceed();
    expect(reservations(bed)).toEqual(["10.1.2.2"]);
    expect(bed.del("host-local", all.b, config)).toSucceed();
    expect(reservations(bed)).toEqual([]);
    expectAllRight(bed);
  });

  it("do not let their owners get second addresses", ({ bed }) => {
    const { a, b } = scene(bed);
    damage(bed, swap);
    for (const box of [a, b]) {
      expect(bed.add("host-local", box, config).error.code).toBe(103);
    }
    expect(reservations(bed)).toEqual(["10.1.2.2", "10.1.2.3"]);
  });
});

describe.each(worthless)("a record that was %s", (_how, script) => {
  it("fails CHECK, and is gone after DEL", ({ bed }) => {
    const all = scene(bed);
    damage(bed, script);
    expect(check(bed, all.a, all).error.code).toBe(104);
    expect(check(bed, all.b, all)).toSucceed();
    expect(bed.del("host-local", all.a, config)).toSucceed();
    expect(reservations(bed)).toEqual(["10.1.2.3"]);
    expectAllRight(bed);
  });

  it("is gone after DEL alone, which says so", ({ bed }) => {
    const { a } = scene(bed);
    damage(bed, script);
    const run = bed.del("host-local", a, config);
    expect(run).toMatchObject({ exitCode: 0, stdout: "" });
    expect(run.stderr).toContain("10.1.2.2");
    expect(reservations(bed)).toEqual(["10.1.2.3"]);
  });

  it("is given out again as soon as no other address is left, or it is asked for", ({ bed }) => {
    scene(bed);
    damage(bed, script);
    const boxes = everything.slice(2).map(() => bed.container());
    for (const box of boxes) bed.add("host-local", box, config).result;
    const last = bed.add("host-local", bed.container(), config);
    expect(last.result.ips[0]?.address).toBe("10.1.2.2/29");
    damage(bed, script);
    const asking = { ...config, args: { cni: { ips: ["10.1.2.2"] } } };
    expect(bed.add("host-local", bed.container(), asking)).toSucceed();
    expect(bed.add("host-local", bed.container(), config).error.code).toBe(105);
  });

  it("does not count as in use for STATUS, and is gone after GC", ({ bed }) => {
    const { a, b } = scene(bed);
    for (const _ of everything.slice(2)) bed.add("host-local", bed.container(), config).result;
    expect(bed.status("host-local", config).stderr).toContain("5 of 5");
    damage(bed, script);
    expect(bed.status("host-local", config)).toMatchObject({ exitCode: 0, stderr: "" });
    const valid = [a, b].map(({ containerID }) => ({ containerID, ifname: "eth0" }));
    expect(bed.gc("host-local", { ...config, "cni.dev/valid-attachments": valid })).toSucceed();
    expect(reservations(bed)).toEqual(["10.1.2.3"]);
  });
});

it("a record whose mode was changed is as good as before", ({ bed }) => {
  const all = scene(bed);
  damage(bed, "chmod 000 10.1.2.2 && chmod 777 10.1.2.3");
  for (const box of [all.a, all.b]) expect(check(bed, box, all)).toSucceed();
  expect(bed.add("host-local", all.a, config).error.code).toBe(103);
  for (const box of [all.a, all.b]) expect(bed.del("host-local", box, config)).toSucceed();
  expect(reservations(bed)).toEqual([]);
  expectAllRight(bed);
});

describe("whatever is reserved", () => {
  /** How many files a run opens. */
  function opened(bed: Bed, command: "ADD" | "DEL" | "CHECK", box: Container): number {
    const file = `${bed.folder("config")}/net.conf`;
    bed.write(file, JSON.stringify(hostLocal("10.0.0.0/8")));
    const { containerID, netns, ifName } = box;
    const attachment = `CNI_CONTAINERID=${containerID} CNI_NETNS=${netns} CNI_IFNAME=${ifName}`;
    const trace = bed.host.sh(`
      export CNI_COMMAND=${command} CNI_PATH=${bed.bin} ${attachment}
      strace -f -qq -o ${file}.trace -e trace=open,openat ${bed.bin}/host-local <${file} >/dev/null
      cat ${file}.trace`);
    return trace.trim().split("\n").length;
  }

  it("ADD, CHECK and DEL open as few files among 3,000 records as among three", ({ bed }) => {
    const pool = hostLocal("10.0.0.0/8");
    const counts = [0, 3000].map((more) => {
      bed.host.sh(`mkdir -p ${folder}; cd ${folder}; for i in $(seq ${more}); do
        printf "other$i\\r\\neth0" >10.1.$((i / 250)).$((i % 250)); done`);
      for (let i = 0; i < 3; i++) bed.add("host-local", bed.container(), pool).result;
      const box = bed.container();
      return (["ADD", "CHECK", "DEL"] as const).map((command) => opened(bed, command, box));
    });
    expect(counts[1]).toEqual(counts[0]);
    expect(reservations(bed)).toHaveLength(3006);
  });
});
