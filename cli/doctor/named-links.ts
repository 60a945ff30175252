/** Links of this host that networks name: they have to be there, and of the kind that is meant. */

import { findLink } from "../../lib/net/link.ts";
import { command } from "./command.ts";
import type { Check, Examined, Finding } from "./finding.ts";
import { member, type Network, networksOf } from "./networks.ts";

export const namedLinks: Check = (examined) =>
  networksOf(examined).flatMap((network) => [
    ...bridgeFinding(examined, network),
    ...masterFinding(examined, network),
  ]);

function bridgeFinding({ links }: Examined, { name, bridge }: Network): readonly Finding[] {
  const link = links.find((each) => each.name === bridge);
  if (!link || link.kind === "bridge") return [];
  return [
    {
      ...{ id: "bridge-kind", level: "error" },
      finding: `Network "${name}" is to use bridge "${bridge}", but the link of that name is ${link.kind === "" ? "a device" : `of kind ${link.kind}`}`,
      advice: "Name another bridge in the list, or rename the link",
    },
  ];
}

/** A master in the container is nobody's to see here; without a name it is that of the default route. */
function masterFinding({ host }: Examined, { name, main }: Network): readonly Finding[] {
  const master = member(main, "master");
  const isHere =
    typeof master === "string" && master !== "" && member(main, "linkInContainer") !== true;
  const link = isHere ? findLink(host, master) : undefined;
  if (!isHere || link?.isUp) return [];
  return [
    {
      ...{ id: "master-missing", level: "error" },
      finding: `Network "${name}" is above link "${master}", which ${link ? "is down" : "is not there"}`,
      advice: link
        ? `Run: ${command("ip", "link", "set", link.name, "up")}`
        : "Name a link of this host in the list",
    },
  ];
}
