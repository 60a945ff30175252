/** `weft install`: this image where runtimes look for plugins, and then a list where they look for networks. */

import * as host from "host";
import { CniError, oneLine } from "../lib/cni/error.ts";
import { absolutePath } from "../lib/host/file-status.ts";
import { type ListPlace, placeList, removeList, requireList } from "./install/list.ts";
import { placeImage, removeImage } from "./install/place.ts";
import { sortWords, type Words } from "./see/words.ts";

const known = {
  flags: ["--uninstall"],
  values: ["--conflist", "--conf-dir", "--conf-name"],
};

/** The words behind `install`; 1 if it could not be done, undefined if they are wrong. */
export function run(words: readonly string[]): number | undefined {
  const sorted = sortWords(words, known);
  if (
    !sorted ||
    sorted.names.length > 1 ||
    !/^[^/]+$/.test(optionOf(sorted, "--conf-name") ?? "x")
  ) {
    return undefined;
  }
  const directory = trimmed(sorted.names[0] ?? "/opt/cni/bin");
  const list = listOf(sorted);
  try {
    if (sorted.flags.length > 0) {
      if (list) removeList(list, tell);
      removeImage(directory, tell);
    } else {
      if (list) requireList(list);
      placeImage(directory, tell);
      if (list) placeList(list, tell);
    }
    return 0;
  } catch (cause) {
    print(2, `weft: ${CniError.from(cause).message}`);
    return 1;
  }
}

function listOf(words: Words): ListPlace | undefined {
  const file = optionOf(words, "--conflist");
  if (file === undefined) return undefined;
  const directory = trimmed(optionOf(words, "--conf-dir") ?? "/etc/cni/net.d");
  return { file, directory, name: optionOf(words, "--conf-name") ?? "10-flannel.conflist" };
}

function optionOf({ options }: Words, wanted: string): string | undefined {
  return options.filter(([name]) => name === wanted).at(-1)?.[1];
}

function trimmed(directory: string): string {
  return absolutePath(directory).replace(/(.)\/+$/, "$1");
}

function tell(line: string): void {
  print(1, line);
}

function print(fd: number, line: string): void {
  host.write(fd, host.encode(`${oneLine(line)}\n`));
}
