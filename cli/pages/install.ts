/** What is said of `weft install`. */

import type { Page } from "./page.ts";

export const install: Page = {
  name: "install",
  synopsis: [
    "weft install [DIR] [--conflist FILE] [--conf-dir DIR] [--conf-name NAME]",
    "weft install --uninstall [DIR] [--conflist FILE] [--conf-dir DIR] [--conf-name NAME]",
  ],
  summary: "puts this image and its names where runtimes look",
  text: [
    "Copies the running image into DIR, /opt/cni/bin unless given, under all of its names, and then, last, a list of plugins to where runtimes look for networks. Each name changes in one step, and running plugins go on. The second time there is nothing to do.",
    "Other plugins of the same names are kept beside, as .weft-before.NAME, and come back with --uninstall, which takes away only what is of this image.",
  ],
  options: [
    { flags: "--conflist FILE", what: "a list of plugins to put in place", values: "file" },
    { flags: "--conf-dir DIR", what: "where to, /etc/cni/net.d unless given", values: "directory" },
    { flags: "--conf-name NAME", what: "under which name, 10-flannel.conflist unless given" },
    { flags: "--uninstall", what: "take away what install put there" },
  ],
  examples: [
    { command: "weft install", what: "the plugins only, into /opt/cni/bin" },
    {
      command: "weft install /host/bin --conflist cni-conf.json --conf-dir /host/net.d",
      what: "as the init container of a DaemonSet does",
    },
  ],
};
