/** Things in words, for findings of which there may be thousands. */

/** So many are named. */
const NAMED = 5;

/** The first ones, and how many there are besides. */
export function few(words: readonly string[]): string {
  const more = words.length - NAMED;
  return `${words.slice(0, NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** `1 thing`, `2 things`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

/** An attachment of a network that is known from around it. */
export function attachmentInWords(owner: {
  readonly containerID: string;
  readonly ifName: string;
}): string {
  return `${owner.ifName} of container ${owner.containerID}`;
}
