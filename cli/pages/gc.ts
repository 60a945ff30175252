import { conf, places, timeout } from "./list-options.ts";
import type { Page } from "./page.ts";

export const gc: Page = {
  name: "gc",
  synopsis: ["weft gc NETWORK [--yes] [OPTION...]", "weft gc --conf FILE [--yes] [OPTION...]"],
  summary: "detaches what is left of containers that are gone",
  text: [
    "Tells of each attachment whether it lives, and why. Nothing is changed without --yes.",
    "One lives if its namespace can be opened, its host end is there, or some namespace has an " +
      "interface with its MAC; so does what is less than 10 minutes old and not kept yet.",
    "With --yes, what is gone gets DEL by the list it had; then, from version 1.1.0, every plugin " +
      "gets GC with those that live. A list that says disableGC is left alone.",
  ],
  options: [
    { flags: "--yes", what: "detach what is gone" },
    conf,
    timeout,
    {
      flags: "--json",
      what: "print a list of { network, containerID, ifName, netns, isAlive, why }",
    },
  ],
  variables: places,
  examples: [
    { command: "weft gc pods", what: "tells what would be detached" },
    { command: "weft gc pods --yes", what: "detaches it" },
  ],
};
