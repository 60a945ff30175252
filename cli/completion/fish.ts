/**
 * Completion for fish (complete(1) of fish). For names of this host it asks weft; fish escapes what
 * a command prints, and expands none of it.
 */

import type { Choice, Entry, Offer } from "./table.ts";

/** The script for the commands of a table. */
export function fishScript(table: readonly Entry[]): string {
  const takers = table.flatMap(({ name, choices }) =>
    choices.filter(({ value }) => value).map(({ spelling }) => quoted(`${name} ${spelling}`)),
  );
  const lines = table.flatMap((entry) => [
    `complete -c weft -n '__weft_has_no_command' -a ${entry.name} -d ${quoted(entry.summary)}`,
    ...entry.choices.map((choice) => optionLine(entry.name, choice)),
    ...placeLines(entry),
  ]);
  return `${head.replace("TAKERS", takers.join(" "))}\n${lines.join("\n")}\n`;
}

const head = `# Completion of weft for fish, as "weft completion fish" prints it.

# Options, behind their commands, that take the next word.
set -g __weft_takers TAKERS

function __weft_has_no_command
    test (count (commandline -opc)) -eq 1
end

function __weft_is
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test "$words[2]" = $argv[1]
end

# Whether a command is typed, and of its words, options apart, the cursor is at one from place to place.
function __weft_at
    __weft_is $argv[1]; or return 1
    set -l words (commandline -opc)
    set -l place 0
    set -l is_value 0
    for word in $words[3..-1]
        if test $is_value = 1
            set is_value 0
        else if contains -- "$argv[1] $word" $__weft_takers
            set is_value 1
        else if not string match -q -- '-*' "$word"
            set place (math $place + 1)
        end
    end
    test $is_value = 0; and test $place -ge $argv[2]; and test $place -le $argv[3]
end

complete -c weft -f
complete -c weft -l help -d 'tells how it is used'
`;

function optionLine(command: string, { spelling, what, value }: Choice): string {
  const name = spelling.startsWith("--") ? `-l ${spelling.slice(2)}` : `-s ${spelling.slice(1)}`;
  const after = value ? ` ${isOfFiles(value) ? "-r" : "-x"}${offered(value)}` : "";
  return `complete -c weft -n '__weft_is ${command}' ${name}${after} -d ${quoted(what)}`;
}

/** An open command has no last place. */
function placeLines({ name, places, isOpen }: Entry): readonly string[] {
  return places.flatMap((place, i) => {
    const last = isOpen && i === places.length - 1 ? 999 : i;
    const what = offered(place);
    return what === "" ? [] : [`complete -c weft -n '__weft_at ${name} ${i} ${last}'${what}`];
  });
}

function isOfFiles({ kinds }: Offer): boolean {
  return kinds.includes("files") || kinds.includes("netns");
}

function offered(offer: Offer): string {
  const lists = offer.kinds.flatMap((kind) => {
    if (kind === "files") return [];
    return kind === "directories"
      ? "(__fish_complete_directories)"
      : `(command weft completion --words ${kind})`;
  });
  const all = [...offer.words, ...lists];
  return `${isOfFiles(offer) ? " -F" : ""}${all.length > 0 ? ` -a ${quoted(all.join(" "))}` : ""}`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
