/** Text from outside as it may stand in a picture. */

import { oneLine } from "../../lib/cni/error.ts";

/** Bidirectional and other invisible controls, separators of lines, and what is no character. */
const INVISIBLE =
  /[\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff\ud800-\udfff]/gu;

/** A text without what a terminal obeys, and without what would change how its neighbours look. */
export function plain(text: string): string {
  return oneLine(text).replace(INVISIBLE, (character) => {
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
  });
}

/** The beginning of a text that is longer than so many characters. */
export function cut(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`;
}
