/** disableContainerInterface: the container sets its end up itself, and then there is traffic. */
import { describe, expect } from "vitest";
import type { Bed } from "../bed/bed.ts";
import type { Container } from "../bed/container.ts";
import { sharedBy } from "../bed/difference.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";

const base = { cniVersion: "1.1.0", name: "net", type: "bridge", bridge: "br0" };
const config: Config = { ...base, disableContainerInterface: true };

interface Attached {
  readonly box: Container;
  readonly prevResult: object;
  /** The host's end. */
  readonly port: string;
}

function attach(bed: Bed, more: Config = {}): Attached {
  const box = bed.container();
  const prevResult = bed.add("bridge", box, { ...config, ...more }).result;
  return { box, prevResult, port: prevResult.interfaces[1]?.name ?? "" };
}

const flags = (link: Readonly<Record<string, unknown>>) => link.flags as readonly string[];

/** Sets the container's end up, and waits until its port forwards, whenever that is. */
function setUp(bed: Bed, { box, port }: Attached): void {
  box.sh("ip link set eth0 up");
  bed.host.sh(`
    for i in $(seq 1500); do
      bridge link show dev ${port} | grep -q forwarding && exit 0
      sleep 0.02
    done
    exit 1`);
}

describe("the end that is left down", () => {
  it("is the container's alone", ({ bed }) => {
    const { box, port } = attach(bed);
    expect(flags(box.link("eth0"))).not.toContain("UP");
    expect(flags(bed.host.link(port))).toEqual(expect.arrayContaining(["UP", "NO-CARRIER"]));
    expect(flags(bed.host.link("br0"))).toContain("NO-CARRIER");
  });

  it.for([
    ["as it is", {}],
    ["with a MAC spoof check", { macspoofchk: true }],
    ["with hairpin mode and an MTU", { hairpinMode: true, mtu: 1400 }],
  ] as const)(
    "gives the bridge its carrier when the container sets it up, %s",
    ([, more], { bed }) => {
      const attached = attach(bed, more);
      setUp(bed, attached);
      expect(flags(bed.host.link("br0"))).not.toContain("NO-CARRIER");
      bed.host.sh("ip address add 192.0.2.1/24 dev br0");
      attached.box.sh("ip address add 192.0.2.2/24 dev eth0");
      expect(attached.box.ping("192.0.2.1")).toBe(true);
    },
  );

  it("lets two containers that have set theirs up reach each other", ({ bed }) => {
    const [one, two] = [attach(bed), attach(bed)];
    for (const [i, attached] of [one, two].entries()) {
      setUp(bed, attached);
      attached.box.sh(`ip address add 192.0.2.${i + 1}/24 dev eth0`);
    }
    expect(one.box.ping("192.0.2.2")).toBe(true);
  });
});

describe("CHECK", () => {
  it("is content with the container's end down or up, and not with the host's down", ({ bed }) => {
    const attached = attach(bed);
    const { box, prevResult, port } = attached;
    const checked = () => bed.check("bridge", box, { ...config, prevResult });
    expect(checked()).toMatchObject({ exitCode: 0, stdout: "" });
    setUp(bed, attached);
    expect(checked()).toMatchObject({ exitCode: 0, stdout: "" });
    bed.host.sh(`ip link set ${port} down`);
    expect(checked().error).toMatchObject({ code: 104, msg: expect.stringContaining(port) });
  });
});

it("DEL leaves nothing of either end", ({ bed }) => {
  const box = bed.container();
  const before = bed.snapshot();
  bed.add("bridge", box, config).result;
  expect(bed.del("bridge", box, config)).toMatchObject({ exitCode: 0, stdout: "" });
  expect(bed.leftovers(before, sharedBy(config))).toEqual([]);
});
