/**
 * weft: the suite's own command line, for people.
 *
 *   weft list                   the commands in this image
 *   weft version                the suite's version
 *   weft validate [FILE…]       what is wrong with network configurations, before pods find out
 */

import * as host from "host";
import { validateFile } from "./validate.ts";

/** Set by the build from package.json. */
declare const WEFT_VERSION: string;

const usage = `usage: weft list | version | validate [FILE...]

  list        the commands in this image
  version     the version of the suite
  validate    checks network configurations (.conf, .conflist; stdin without FILE)
`;

/** Runs the command line and ends the process. */
export function main(): void {
  const [, command = "", ...files] = host.args();
  host.exit(run(command, files));
}

function run(command: string, files: readonly string[]): number {
  switch (command) {
    case "list":
      return say(1, `${host.commands().sort().join("\n")}\n`);
    case "version":
      return say(1, `weft ${WEFT_VERSION}\n`);
    case "validate":
      return validate(files.length > 0 ? files : ["-"]);
    case "help":
    case "--help":
    case "-h":
      return say(1, usage);
    default:
      say(2, usage);
      return 1;
  }
}

function say(fd: number, text: string): number {
  host.write(fd, host.encode(text));
  return 0;
}

/** One line per fault, a last one per file; 1 if any file has an error. */
function validate(files: readonly string[]): number {
  const faulty = files.filter((file) => {
    const { errors, warnings } = validateFile(file);
    for (const line of errors) say(1, `${file}: error: ${line}\n`);
    for (const line of warnings) say(1, `${file}: warning: ${line}\n`);
    if (errors.length === 0) say(1, `${file}: valid\n`);
    return errors.length > 0;
  });
  return faulty.length > 0 ? 1 : 0;
}
