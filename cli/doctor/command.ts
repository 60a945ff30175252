/** Commands of a shell in an advice, which somebody may copy as they are. */

/** A command line, in which a word that a shell would read otherwise is in quotation marks. */
export function command(...words: readonly string[]): string {
  return words.map(shellWord).join(" ");
}

/** Names of links and files may be anybody's. */
function shellWord(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** What sets a sysctl, by its path below /proc/sys. */
export function setting(path: string, value: string): string {
  return command("sysctl", "-w", `${path}=${value}`);
}
