/** The umask of the runtime decides nothing about who may read or write what is ours. */
import { describe, expect } from "vitest";
import { type Bed, createBed } from "../bed/bed.ts";
import { equip } from "../bed/equipment.ts";
import { plugins } from "../bed/executables.ts";
import type { Config } from "../bed/invocation.ts";
import { it } from "../bed/it.ts";
import { waitUntil } from "../bed/patience.ts";
import { itWorks, workingConfig } from "../bed/subjects.ts";

const usual = "022";
const odd = ["000", "777"] as const;

/** Words that run what follows with another umask. */
function under(umask: string): readonly string[] {
  return ["/bin/sh", "-c", `umask ${umask}; exec "$@"`, "sh"];
}

/** Every file, directory and socket with its mode: `-rw------- /run/…`, but for the test's own. */
function modes(bed: Bed): readonly string[] {
  const found = bed.host.sh(
    `find /run /var/lib /tmp -mindepth 1 -not -path '/run/bed*' -not -path '/run/netns*' -printf '%M %p\\n'`,
  );
  return found.trim().split("\n").filter(Boolean).sort();
}

/** A configuration of each kind that leaves files: as it is, and the same by iptables. */
function configsOf(program: string): readonly Config[] {
  const config = workingConfig(program);
  const { ipam } = config as { readonly ipam?: Config };
  const reclaiming = ipam && { ...config, ipam: { ...ipam, reclaimAfterReboot: true } };
  const byIptables = { portmap: { backend: "iptables" }, firewall: { backend: "iptables" } };
  const other = byIptables[program as keyof typeof byIptables];
  return [reclaiming ?? config, ...(other ? [{ ...config, ...other }] : [])];
}

/** What there is after ADD on a machine of its own. */
function filesOf(program: string, umask: string): readonly string[] {
  const bed = createBed();
  try {
    equip(bed, program);
    for (const config of configsOf(program)) {
      const container = bed.container();
      container.sh("ip link set lo up");
      const call = { command: "ADD", container, config, as: under(umask) };
      expect(bed.exec(program, { ...call, ifName: nameFor(program) })).toSucceed();
      if (program === "portmap") expect(bed.exec(program, { ...call, command: "DEL" })).toSucceed();
    }
    return modes(bed);
  } finally {
    bed.dispose();
  }
}

/** The link that is there already, for plugins that need one. */
function nameFor(program: string): string {
  return program === "loopback" || program === "tuning" ? "lo" : "eth0";
}

const keepers = [
  "bridge",
  "dhcp",
  "dummy",
  "host-device",
  "host-local",
  "macvlan",
  "ptp",
  "tuning",
  "flannel",
  "vxlan-overlay",
  "tap",
  "ipvlan",
  "vlan",
];

describe("a runtime with another umask changes no mode", () => {
  for (const { name: program } of plugins()) {
    itWorks(program)(`of what ${program} makes`, () => {
      const wanted = filesOf(program, usual);
      if (keepers.includes(program)) expect(wanted.length).toBeGreaterThan(1);
      for (const umask of odd) expect(filesOf(program, umask), `umask ${umask}`).toEqual(wanted);
    });
  }
});

it.for(odd)("nobody but root can ask a daemon started with umask %s", async (umask, { bed }) => {
  const config = workingConfig("vxlan-overlay");
  bed.write("/run/net.conf", JSON.stringify(config));
  const socket = `/run/weft/${config.name}/overlay.sock`;
  const seen = async (mask: string) => {
    const log = `/tmp/log${mask}`;
    bed.host.sh(
      `umask ${mask}; ${bed.bin}/vxlan-overlay daemon /run/net.conf >${log} 2>&1 </dev/null &
       echo $! >>/run/bed/background; echo $! >/run/bed/daemon`,
    );
    await waitUntil("the daemon's socket", () =>
      bed.host.succeeds(`${bed.bin}/vxlan-overlay status /run/net.conf`),
    );
    const found = modes(bed).filter((line) => line.includes("/run/weft"));
    const asks = `setpriv --reuid=65534 --clear-groups ${bed.bin}/vxlan-overlay status /run/net.conf`;
    expect(bed.host.succeeds(asks)).toBe(false);
    bed.host.sh("kill $(cat /run/bed/daemon)");
    bed.host.until(`! kill -0 $(cat /run/bed/daemon) 2>/dev/null`);
    bed.host.sh("rm -rf /run/weft");
    return found;
  };
  const wanted = await seen(usual);
  expect(wanted.some((line) => line.startsWith("srwxr-xr-x") && line.endsWith(socket))).toBe(true);
  expect(await seen(umask)).toEqual(wanted);
});

it.for([usual, ...odd])("a delegate inherits umask %s", (umask, { bed }) => {
  const script = `#!/bin/sh\numask >/tmp/seen\nexec ${bed.bin}/host-local\n`;
  bed.write("/run/bed/fakes/addresses", script);
  bed.host.sh("chmod 755 /run/bed/fakes/addresses");
  const { ipam, ...config } = workingConfig("bridge") as Config & { readonly ipam: Config };
  const call = { command: "ADD", container: bed.container(), as: under(umask) };
  const delegated = { ...config, ipam: { ...ipam, type: "addresses" } };
  expect(bed.exec("bridge", { ...call, config: delegated })).toSucceed();
  expect(Number(bed.read("/tmp/seen"))).toBe(Number(umask));
});
