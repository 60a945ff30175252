/** Directories in which somebody else than root could put a link, or exchange what we keep. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Config, RunOptions } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { workingConfig } from "../bed/subjects.ts";

/** A plugin that keeps files, its configuration with another place for them, and one of the files. */
interface Keeper {
  readonly program: string;
  readonly config: (directory: string) => Config;
  readonly ifName: string;
}

const hostLocal = (directory: string) => {
  const config = workingConfig("host-local") as Config & { readonly ipam: Config };
  return { ...config, ipam: { ...config.ipam, dataDir: directory } };
};

/** The directory of a network has the network's name. */
const hostLocalIn = (directory: string) => {
  const [, dataDir = "", name = ""] = /^(.*?)\/+([^/]+)\/*$/.exec(directory) ?? [];
  return { ...hostLocal(dataDir), name };
};

const keepers: readonly Keeper[] = [
  { program: "host-local", config: hostLocalIn, ifName: "eth0" },
  {
    program: "tuning",
    config: (dataDir) => ({ ...workingConfig("tuning"), dataDir }),
    ifName: "lo",
  },
  {
    program: "flannel",
    config: (dataDir) => ({ ...workingConfig("flannel"), dataDir }),
    ifName: "eth0",
  },
];

/** A user, and root's files that are not for others. */
const setUp = `
  mkdir -p /tmp/theirs /tmp/roots /var/lib/secret
  chown 1000:1000 /tmp/theirs
  chmod 755 /tmp/theirs /tmp/roots`;

/** How a place is prepared, and which one the plugin is told. */
type Place = readonly [what: string, prepare: string, directory: string];

const foreign: readonly Place[] = [
  ["a user's", "mkdir /tmp/theirs/a; chown 1000 /tmp/theirs/a", "/tmp/theirs/a"],
  ["root's, in a user's", "mkdir /tmp/theirs/a", "/tmp/theirs/a"],
  ["not there yet, in a user's", "true", "/tmp/theirs/a/b"],
  ["root's, far below a user's", "mkdir -p /tmp/theirs/a/b/c", "/tmp/theirs/a/b/c"],
  ["writable by its group", "mkdir -m 775 /tmp/roots/a; chown :50 /tmp/roots/a", "/tmp/roots/a"],
  ["writable by everybody", "mkdir /tmp/roots/a; chmod 777 /tmp/roots/a", "/tmp/roots/a"],
  [
    "in one that is writable by everybody",
    "mkdir -p /tmp/roots/a/b; chmod 777 /tmp/roots/a",
    "/tmp/roots/a/b",
  ],
  [
    "writable by everybody, though sticky",
    "mkdir /tmp/roots/a; chmod 1777 /tmp/roots/a",
    "/tmp/roots/a",
  ],
  ["a user's link to root's", "ln -s /var/lib/secret /tmp/a; chown -h 1000 /tmp/a", "/tmp/a"],
  [
    "root's link into a user's",
    "mkdir /tmp/theirs/a; ln -s ../theirs/a /tmp/roots/a",
    "/tmp/roots/a",
  ],
  [
    "root's link to a user's link",
    "ln -s /var/lib/secret /tmp/theirs/l; chown -h 1000 /tmp/theirs/l; ln -s /tmp/theirs/l /tmp/roots/a",
    "/tmp/roots/a",
  ],
  [
    "behind a user's, by two dots",
    "mkdir -p /tmp/theirs/a /tmp/roots/b",
    "/tmp/theirs/a/../../roots/b",
  ],
];

/** All there is, with links, modes and contents' sizes. */
const files = (bed: Bed) =>
  bed.host.sh(
    "find /tmp /var/lib -printf '%M %U %s %p %l\\n' | sort; find /run/weft /run/cni 2>/dev/null | sort || true",
  );

describe.each(keepers)("$program", ({ program, config, ifName }) => {
  const call = (bed: Bed, directory: string, options: RunOptions = {}) => {
    const container = bed.container();
    container.sh("ip link set lo up");
    return { container, config: config(directory), ifName, ...options };
  };
  it.for(foreign)("uses no directory that is %s", ([, prepare, directory], { bed }) => {
    bed.host.sh(`${setUp}\n${prepare}`);
    const before = files(bed);
    for (const command of ["ADD", "DEL"]) {
      const outcome = bed.exec(program, { command, ...call(bed, directory) });
      const isThere = bed.host.succeeds(`test -d ${directory}`);
      if (command === "DEL" && !isThere) continue;
      expect(outcome.error, command).toMatchObject({ code: 101 });
      expect(outcome.error.msg).toMatch(
        /^Cannot use directory "\/tmp\/.*": .*(belongs to user 1000|may write)/,
      );
    }
    if (program === "host-local") {
      const { error } = bed.status(program, config(directory));
      expect(error).toMatchObject({ code: 50, msg: expect.stringContaining("is not safe") });
    }
    expect(files(bed)).toBe(before);
  });

  const fine: readonly Place[] = [
    ["root's", "true", "/tmp/roots/a"],
    ["writable by root's own group", "mkdir -m 775 /tmp/roots/a", "/tmp/roots/a"],
    ["behind root's link", "ln -s /tmp/roots /var/lib/l", "/var/lib/l/a"],
    ["behind root's relative link", "ln -s ../../tmp/roots/. /var/lib/l", "/var/lib/l/a"],
    [
      "behind a chain of root's links",
      "ln -s l2 /var/lib/l; ln -s /tmp/roots /var/lib/l2",
      "/var/lib/l//a/",
    ],
    ["behind two dots", "mkdir /tmp/roots/b", "/tmp/roots/b/../a"],
  ];
  it.for(fine)("uses a directory that is %s", ([, prepare, directory], { bed }) => {
    bed.host.sh(`${setUp}\n${prepare}`);
    const made = call(bed, directory);
    expect(bed.exec(program, { command: "ADD", ...made })).toSucceed();
    expect(bed.host.sh("ls -A /tmp/roots/a")).not.toBe("");
    expect(bed.exec(program, { command: "DEL", ...made })).toSucceed();
  });

  it("refuses links that lead in a circle", ({ bed }) => {
    bed.host.sh(`${setUp}\nln -s l2 /var/lib/l; ln -s l /var/lib/l2`);
    const { error } = bed.exec(program, { command: "ADD", ...call(bed, "/var/lib/l/a") });
    expect(error).toMatchObject({ code: 101, msg: expect.stringContaining("ELOOP") });
  });
});

describe("a link in the place of a file", () => {
  const directory = "/tmp/theirs/net";
  const swap = `
    mkdir -p ${directory}
    chown 1000 ${directory}
    ln -s /var/lib/secret/made ${directory}/lock`;

  it("leads elsewhere whoever follows it: the control", ({ bed }) => {
    bed.host.sh(`${setUp}\n${swap}\necho >${directory}/lock`);
    expect(bed.list("/var/lib/secret")).toEqual(["made"]);
  });

  it("makes root create nothing elsewhere", ({ bed }) => {
    bed.host.sh(`${setUp}\n${swap}`);
    const call = { command: "ADD", container: bed.container(), config: hostLocal("/tmp/theirs") };
    expect(bed.exec("host-local", call).error).toMatchObject({ code: 101 });
    expect(bed.list("/var/lib/secret")).toEqual([]);
  });

  it.for(["lock", "last_reserved_ip.0"])(
    "is not followed in root's own directory either: %s",
    (name, { bed }) => {
      bed.host.sh(
        `${setUp}\nmkdir -p /tmp/roots/net; ln -s /var/lib/secret/made /tmp/roots/net/${name}`,
      );
      const call = { command: "ADD", container: bed.container(), config: hostLocal("/tmp/roots") };
      expect(bed.exec("host-local", call).error).toMatchObject({
        code: 101,
        msg: expect.stringContaining("ELOOP"),
      });
      expect(bed.list("/var/lib/secret")).toEqual([]);
    },
  );
});

describe("who is not root", () => {
  const user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
  const call = (bed: Bed, directory: string, as: readonly string[]) => ({
    command: "ADD",
    container: bed.container(),
    config: hostLocal(directory),
    as: [`${bed.programs}/${as[0]}`, ...as.slice(1)],
  });

  it("uses a directory of his own, and none of another's", ({ bed }) => {
    bed.host.sh(`${setUp}\nmkdir /tmp/others; chown 2000 /tmp/others; chmod 755 /tmp/others`);
    bed.host.sh("mkdir -p /run/weft/host-local; chmod 755 /run/weft /run/weft/host-local");
    expect(bed.exec("host-local", call(bed, "/tmp/theirs", user))).toSucceed();
    expect(bed.exec("host-local", call(bed, "/tmp/others", user)).error).toMatchObject({
      code: 101,
      msg: expect.stringContaining('"/tmp/others" belongs to user 2000'),
    });
  });

  it("in a user namespace takes root of the host, who is nobody there, for root", ({ bed }) => {
    bed.host.sh(setUp);
    const rootless = [...user, "unshare", "--user", "--map-root-user"];
    expect(bed.exec("host-local", call(bed, "/tmp/theirs", rootless))).toSucceed();
    expect(bed.list("/tmp/theirs/net")).toContain("10.1.2.2");
  });

  it("outside of one, nobody's directories are another's", ({ bed }) => {
    bed.host.sh("mkdir /tmp/nobodys; chown 65534 /tmp/nobodys");
    const { error } = bed.add("host-local", bed.container(), hostLocal("/tmp/nobodys"));
    expect(error.msg).toContain('"/tmp/nobodys" belongs to user 65534');
  });
});
