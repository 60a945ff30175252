/**
 * Completion for zsh (zshcompsys(1)). For names of this host it asks weft; `compadd` quotes what it
 * is given, and expands none of it.
 */

import type { Entry, Offer } from "./table.ts";

/** The script for the commands of a table, for a folder of `fpath` or to be sourced. */
export function zshScript(table: readonly Entry[]): string {
  const commands = table.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}\n`);
  const arms = table.map((entry) => {
    const specs = specsOf(entry).map((spec) => ` \\\n        ${quoted(spec)}`);
    return `    ${entry.name})\n      _arguments${specs.join("")}\n      ;;\n`;
  });
  return `#compdef weft
# Completion of weft for zsh, as "weft completion zsh" prints it.

_weft_words() {
  local -a names
  names=(\${(f)"$(command weft completion --words $1 2>/dev/null)"})
  compadd -a names
}

_weft() {
  local -a weft_commands
  weft_commands=(
${commands.join("")}  )
  if (( CURRENT == 2 )); then
    _describe command weft_commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${arms.join("")}  esac
}

if [[ $funcstack[1] == _weft ]]; then
  _weft "$@"
else
  compdef _weft weft
fi
`;
}

/** What \`_arguments\` takes: options that may come again, then places. */
function specsOf({ choices, places, isOpen }: Entry): readonly string[] {
  const options = choices.map(({ spelling, what, value }) => {
    const after = value ? `:${value.title}:${action(value)}` : "";
    return `*${spelling}[${escaped(what)}]${after}`;
  });
  const names = places.map((place, i) => {
    const isRest = isOpen && i === places.length - 1;
    return `${isRest ? "*" : i + 1}:${place.title || "word"}:${action(place)}`;
  });
  return [...options, "--help[tells how it is used]", ...names];
}

/** A leading space keeps \`_arguments\` from adding words of its own. */
function action({ kinds, words }: Offer): string {
  const calls = kinds.map((kind) => {
    if (kind === "files") return "_files";
    return kind === "directories" ? "_files -/" : `_weft_words ${kind}`;
  });
  if (kinds.includes("netns")) calls.push("_files");
  if (words.length > 0 && calls.length === 0) return `(${words.join(" ")})`;
  const all = words.length > 0 ? [...calls, `compadd -- ${words.join(" ")}`] : calls;
  return all.length > 1 ? `{${all.join("; ")}}` : ` ${all.join("")}`;
}

function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, "\\$&");
}

function quoted(text: string): string {
  return `'${text.replace(/'/g, "'\\''")}'`;
}
