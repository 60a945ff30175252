/** The structure of a JSON text that has been parsed before: what an object does not keep. */

/** The brackets, colons, commas and strings of a JSON text; long strings are cut short. */
export function* tokensOf(text: string): Generator<string> {
  const next = /[{}[\]:,"]/g;
  for (let found = next.exec(text); found; found = next.exec(text)) {
    if (found[0] !== '"') {
      yield found[0];
      continue;
    }
    const end = endOfString(text, found.index + 1);
    next.lastIndex = end + 1;
    yield text.slice(found.index, Math.min(end + 1, found.index + 4096));
  }
}

/** Where the quotation mark is that ends a string: the first with an even number of \ before it. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from); end >= 0; end = text.indexOf('"', end + 1)) {
    let first = end;
    while (first > from && text[first - 1] === "\\") first--;
    if ((end - first) % 2 === 0) return end;
  }
  return text.length;
}
