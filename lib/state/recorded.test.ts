/** What leases and records lie in directories, and whose they are. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { findStale } from "../net/inventory.ts";
import { leaseShelf } from "./leases.ts";
import { backupShelf, delegatedShelf } from "./recorded.ts";

const files = vi.hoisted(() => new Map<string, string>());

vi.mock("../host/own-directory.ts", () => ({
  hasOwnDirectory: (directory: string) =>
    [...files.keys()].some((path) => path.startsWith(`${directory}/`)),
}));
vi.mock("../host/file.ts", () => ({
  O_NOFOLLOW: 0,
  readTextIfPresent: (path: string) => files.get(path),
  smallTextReader: () => (path: string) => files.get(path),
  deleteFileIfPresent: (path: string) => files.delete(path),
}));
vi.mock("../host/directory.ts", () => ({
  listDirectory: (directory: string) =>
    [...files.keys()].flatMap((path) => {
      const [, name = ""] = path.split(`${directory}/`);
      return name === "" ? [] : [name];
    }),
}));

beforeEach(() => files.clear());

const first = { network: "net", containerID: "c1", ifName: "eth0" };
const other = { network: "net", containerID: "c2", ifName: "eth0" };

describe("leases", () => {
  const shelf = leaseShelf("/data");
  const words = () => shelf.list("net").map((lease) => shelf.inWords(lease));

  it("are files that are named by an address, and say whose they are", () => {
    files.set("/data/net/10.1.0.2", "c1\r\neth0\n");
    files.set("/data/net/fd00::2", "c1\r\neth0");
    files.set("/data/net/010.1.0.2", "c1\r\neth0");
    files.set("/data/net/last_reserved_ip.0", "10.1.0.2");
    files.set("/data/net/10.1.0.3", "");
    files.set("/data/net/10.1.0.4", "c1\u0007");
    files.set("/data/other/10.1.0.5", "c1\r\neth0");
    expect(words()).toEqual(["lease /data/net/10.1.0.2", "lease /data/net/fd00::2"]);
    expect(shelf.list("net")[0]).toMatchObject({ containerID: "c1", ifName: "eth0" });
  });

  it("of a container without interface are kept as long as one of it is valid", () => {
    files.set("/data/net/10.1.0.2", "c1");
    files.set("/data/net/10.1.0.3", "c1\r\neth1");
    const stale = (owner = first) => findStale(shelf, "net", [owner]).map(({ address }) => address);
    expect(stale()).toEqual(["10.1.0.3"]);
    expect(stale(other)).toEqual(["10.1.0.2", "10.1.0.3"]);
  });

  it("are none where there is no directory", () => {
    expect(words()).toEqual([]);
  });
});

describe("backups", () => {
  const shelf = backupShelf("/run/tuning");

  it("are a network's if they say so; those of the reference plugin say nothing", () => {
    files.set("/run/tuning/a.json", JSON.stringify(first));
    files.set("/run/tuning/b.json", JSON.stringify({ ...other, network: "x" }));
    files.set("/run/tuning/c.json", JSON.stringify({ mtu: 1400 }));
    files.set("/run/tuning/d.json", "{");
    files.set("/run/tuning/e.tmp", JSON.stringify(other));
    const words = shelf.list("net").map((backup) => shelf.inWords(backup));
    expect(words).toEqual(["record /run/tuning/a.json"]);
    expect(findStale(shelf, "net", [first])).toEqual([]);
    expect(findStale(shelf, "net", [other])).toHaveLength(1);
  });

  it("that name something strange belong to nobody", () => {
    files.set("/run/tuning/a.json", JSON.stringify({ ...first, ifName: ["eth0", 1] }));
    expect(findStale(shelf, "net", [first, other])).toHaveLength(1);
  });
});

describe("what delegates were given", () => {
  const shelf = delegatedShelf("/flannel");

  it("is one thing for each attachment, in the files that are there", () => {
    files.set("/flannel/net:c1:eth0.json", "{}");
    files.set("/flannel/net:c1:eth1.json", "{}");
    files.set("/flannel/c1", JSON.stringify({ name: "net", ifName: "eth1" }));
    files.set("/flannel/c2", JSON.stringify({ name: "net", ifName: "eth0" }));
    files.set("/flannel/c3", JSON.stringify({ name: "net" }));
    files.set("/flannel/x:c4:eth0.json", "{}");
    expect(shelf.list("net").map((record) => shelf.inWords(record))).toEqual([
      "record /flannel/net:c1:eth0.json",
      "record /flannel/net:c1:eth1.json and /flannel/c1",
      "record /flannel/c2",
    ]);
    const stale = findStale(shelf, "net", [first]).map(({ mark }) => mark);
    expect(stale).toEqual(["net/c1/eth1", "net/c2/eth0"]);
  });

  it("goes with all of its files", () => {
    files.set("/flannel/net:c1:eth0.json", "{}");
    files.set("/flannel/c1", JSON.stringify({ name: "net", ifName: "eth0" }));
    shelf.remove(shelf.list("net"));
    expect([...files.keys()]).toEqual([]);
  });
});
