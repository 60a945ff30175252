/** Pods that fill their own namespace: what DEL and CHECK do of it, and how long that takes. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import { masqueraded } from "../bed/configs.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import { it } from "../bed/it.ts";
import { reservations } from "../bed/store.ts";

const config = masqueraded("10.1.2.0/24");
const count = 30_000;

/** What a pod can have many of, one line of `ip -batch` for each. */
const crowds = {
  "addresses of IPv4": (i: number) =>
    `address add 10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32 dev eth0`,
  "addresses of IPv6": (i: number) => `address add fd00:${i.toString(16)}::1/128 dev eth0 nodad`,
  routes: (i: number) => `route add 10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32 dev eth0`,
};

function crowd(bed: Bed, box: Container, line: (i: number) => string, size: number): void {
  const lines = Array.from({ length: size }, (_, i) => line(i)).join("\n");
  bed.write("/tmp/crowd", lines);
  box.sh("ip -batch /tmp/crowd && rm /tmp/crowd");
}

/** An attachment that has been left as it was found. */
function expectGone(bed: Bed, before: ReturnType<Bed["snapshot"]>): void {
  expect(reservations(bed)).toEqual([]);
  expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
  expect(bed.host.nft()).not.toContain("elements");
}

describe("DEL of a pod with", () => {
  it.for([
    ["addresses of IPv4", 5000],
    ["addresses of IPv6", 2000],
    ["routes", count],
  ] as const)("%s in thousands takes back all of it", ([what, size], { bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    const { result: prevResult } = bed.add("bridge", box, config);
    crowd(bed, box, crowds[what], size);
    expect(bed.del("bridge", box, { ...config, prevResult })).toSucceed();
    expectGone(bed, before);
  });

  it("2,000 addresses takes back all of it without the result of ADD", ({ bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    bed.add("bridge", box, config).result;
    crowd(bed, box, crowds["addresses of IPv6"], 2000);
    expect(bed.del("bridge", box, config)).toSucceed();
    expectGone(bed, before);
  });

  it("its own address taken away takes back its masquerade all the same", ({ bed }) => {
    const box = bed.container();
    const before = bed.snapshot();
    bed.add("bridge", box, config).result;
    box.sh("ip address flush dev eth0");
    expect(bed.del("bridge", box, config)).toSucceed();
    expectGone(bed, before);
  });
});

describe("CHECK of a pod with", () => {
  it("1,000 addresses and routes besides its own succeeds", ({ bed }) => {
    const box = bed.container();
    const { result: prevResult } = bed.add("bridge", box, config);
    crowd(bed, box, crowds["addresses of IPv4"], 1000);
    crowd(bed, box, crowds.routes, 1000);
    expect(bed.check("bridge", box, { ...config, prevResult })).toSucceed();
  });

  it("30,000 routes says that there are too many", ({ bed }) => {
    const box = bed.container();
    const { result: prevResult } = bed.add("bridge", box, config);
    crowd(bed, box, crowds.routes, count);
    const { error } = bed.check("bridge", box, { ...config, prevResult });
    expect(`${error.msg} ${error.details}`).toMatch(/more than 16384 /);
  });
});

it("loopback refuses a namespace whose lo has more addresses than it looks at", ({ bed }) => {
  const box = bed.container();
  crowd(bed, box, (i) => `address add 127.1.${i >> 8}.${i & 255}/32 dev lo`, 17_000);
  const { error } = bed.add("loopback", box, { cniVersion: "1.1.0", name: "lo", type: "loopback" });
  expect(`${error.msg} ${error.details}`).toMatch(/more than 16384 /);
});
