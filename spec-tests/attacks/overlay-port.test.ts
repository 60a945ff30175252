/** A user of the host who takes the overlay's UDP port before the overlay has it. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect } from "vitest";
import { it } from "../bed/it.ts";
import { Node } from "../bed/nodes.ts";

/** An unprivileged user's program that has the port, in one family. */
const take = (family: "AF_INET" | "AF_INET6", address: string) => `
import os, signal, socket
signal.alarm(3600)
os.setgroups([]); os.setgid(65534); os.setuid(65534)
s = socket.socket(socket.${family}, socket.SOCK_DGRAM)
s.bind(("${address}", 8472))
open("/tmp/taken", "w").close()
signal.pause()
`;

it.for([
  ["of both families", take("AF_INET6", "::")],
  ["of IPv4", take("AF_INET", "0.0.0.0")],
  ["of IPv4 on one address", take("AF_INET", "192.0.2.1")],
] as const)("a user who has taken the port %s is named, and what to do", ([, program], { bed }) => {
  const node = new Node(bed, 1);
  const pid = node.view
    .sh(`
      python3 -c '${program}' </dev/null >/dev/null 2>&1 &
      echo $! | tee -a /run/bed/background`)
    .trim();
  node.view.until("rm /tmp/taken");
  const container = bed.container();
  const config = node.config([]);
  const { error } = node.run({ command: "ADD", config, container });
  expect(error).toMatchObject({ code: 100 });
  expect(error.msg).toMatch(
    new RegExp(
      `^Cannot use UDP port 8472 for "weft.1", process ${pid} \\(python3[^)]*\\) of user 65534 has it ` +
        `\\(end it, and start the overlay's daemon before users and their programs\\): EADDRINUSE$`,
    ),
  );
  node.write("net.conf", config);
  const daemon = node.call("daemon /run/weft/pods/net.conf --once");
  expect(daemon.ok).toBe(false);
  expect(daemon.text).toContain(`process ${pid} `);
  expect(node.view.links()).not.toContain("weft.1");

  node.view.sh(`kill ${pid}`);
  node.view.until("! ss -Huln sport = 8472 | grep -q .");
  expect(node.run({ command: "ADD", config, container })).toSucceed();
});

it("a user who comes later than the overlay is refused the port", ({ bed }) => {
  const node = new Node(bed, 1);
  node.pod(node.config([]));
  const program = take("AF_INET", "0.0.0.0");
  expect(node.view.succeeds(`python3 -c '${program}'`)).toBe(false);
});

it("the unit in the examples starts before users may log in", () => {
  const file = resolve(import.meta.dirname, "../../examples/vxlan-overlay.service");
  expect(readFileSync(file, "utf8")).toMatch(/^Before=.*systemd-user-sessions\.service/m);
});
