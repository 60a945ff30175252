/** `weft inventory`: all that a network, a container or an attachment has on this machine. */

import { isPlainName, LONGEST_NAME } from "../lib/cni/environment.ts";
import { CniError, oneLine } from "../lib/cni/error.ts";
import {
  type Directories,
  inventoryOf,
  inventoryOfOwner,
  type Possession,
  usualDirectories,
} from "../lib/inventory/inventory.ts";
import { ownNetns } from "../lib/net/netns.ts";

/** What is to be printed where. */
export interface Said {
  readonly stream: "stdout" | "stderr";
  readonly lines: readonly string[];
}

/** The words behind `inventory`; undefined if they are no right ones. */
export function inventory(words: readonly string[]): Said | undefined {
  const question = parse(words);
  if (!question) return undefined;
  try {
    const things = find(question);
    const lines = question.isJson ? [JSON.stringify(things, null, 2)] : things.map(lineOf);
    return { stream: "stdout", lines };
  } catch (cause) {
    return { stream: "stderr", lines: [oneLine(`weft: ${CniError.from(cause).message}`)] };
  }
}

const FOLDER = "--data-dir";

interface Question {
  readonly network: string;
  readonly containerID: string | undefined;
  readonly ifName: string | undefined;
  readonly directories: Directories;
  readonly isJson: boolean;
}

/** Names in their order, and options anywhere among them. */
function parse(words: readonly string[]): Question | undefined {
  const isJson = words.includes("--json");
  const { names, folders } = sorted(words.filter((word) => word !== "--json"));
  const [network = "", containerID, ifName, ...more] = names;
  const isWrong =
    ![network, ...(containerID === undefined ? [] : [containerID])].every(isName) ||
    (ifName !== undefined && !/^[^-]/.test(ifName)) ||
    folders.includes("") ||
    more.length > 0;
  if (isWrong) return undefined;
  const leases = [...new Set([...usualDirectories.leases, ...folders])];
  return { network, containerID, ifName, directories: { ...usualDirectories, leases }, isJson };
}

/** Words that are names, and what follows `--data-dir`, as the next word or behind a `=`. */
function sorted(words: readonly string[]) {
  const names: string[] = [];
  const folders: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const [word = "", next = ""] = words.slice(i, i + 2);
    if (word.startsWith(`${FOLDER}=`)) folders.push(word.slice(FOLDER.length + 1));
    else if (word !== FOLDER) names.push(word);
    else {
      folders.push(next);
      i++;
    }
  }
  return { names, folders };
}

function isName(word: string): boolean {
  return isPlainName(word) && word.length <= LONGEST_NAME;
}

function find(question: Question): readonly Possession[] {
  const { network, containerID, ifName, directories } = question;
  const host = ownNetns();
  if (containerID !== undefined && ifName !== undefined) {
    return inventoryOfOwner(host, { network, containerID, ifName }, directories);
  }
  const all = inventoryOf(host, network, { directories });
  return containerID === undefined ? all : all.filter((each) => each.containerID === containerID);
}

function lineOf({ what, mark, containerID, ifName }: Possession): string {
  if (containerID === undefined) return oneLine(`${what} marked "${mark}"`);
  const of = ifName === undefined ? "" : ` of ${ifName}`;
  return oneLine(`${what}${of} of container ${containerID}`);
}
