/**
 * Completion for bash (bash(1), "Programmable Completion"). The script knows commands and options;
 * for names of this host it asks weft, and what it gets it compares and quotes, and never expands.
 */

import type { Entry, Offer } from "./table.ts";

/** The script for the commands of a table. */
export function bashScript(table: readonly Entry[]): string {
  const values = table.flatMap(({ name, choices }) =>
    choices.flatMap(({ spelling, value }): readonly Arm[] =>
      value ? [{ pattern: `"${name} ${spelling}"`, offer: offerWords(value) }] : [],
    ),
  );
  const options = table.map(({ name, choices }) => {
    const spellings = [...choices.map(({ spelling }) => spelling), "--help"];
    return { pattern: name, offer: spellings.join(" ") };
  });
  return [
    head,
    caseFunction("_weft_value", "$1 $2", values),
    caseFunction("_weft_options", "$1", options),
    caseFunction("_weft_place", "$1 $2", table.flatMap(placeArms)),
    body.replace("COMMANDS", table.map(({ name }) => name).join(" ")),
  ].join("\n");
}

interface Arm {
  readonly pattern: string;
  readonly offer: string;
}

/** What is looked up has a "=" before it; words cannot. */
function offerWords({ kinds, words }: Offer): string {
  return [...words, ...kinds.map((kind) => `=${kind}`)].join(" ");
}

/** The last place of an open command is that of all further words. */
function placeArms({ name, places, isOpen }: Entry): readonly Arm[] {
  return places.map((place, i) => {
    const isRest = isOpen && i === places.length - 1;
    return { pattern: isRest ? `"${name} "*` : `"${name} ${i}"`, offer: offerWords(place) };
  });
}

/** A function that sets `offer` by its arguments, or fails. */
function caseFunction(name: string, subject: string, arms: readonly Arm[]): string {
  const offers = [...new Set(arms.map(({ offer }) => offer))];
  const lines = offers.map((offer) => {
    const patterns = arms.filter((arm) => arm.offer === offer).map(({ pattern }) => pattern);
    return `    ${patterns.join(" | ")}) offer=(${offer}) ;;\n`;
  });
  return `${name}() {\n  case "${subject}" in\n${lines.join("")}    *) return 1 ;;\n  esac\n}\n`;
}

const head = `# Completion of weft for bash, as "weft completion bash" prints it.

# Offers what of some lines begins with what is typed. Lines are quoted: whatever a network or a
# container is called, nothing of it is run.
_weft_lines() {
  local line quoted
  while IFS= read -r line; do
    [[ -n $line && $line == "$typed"* ]] || continue
    printf -v quoted %q "$line"
    COMPREPLY+=("$quoted")
  done <<<"$1"
}

# In the next three: what is offered behind an option, as options, and at a place of a command.`;

const body = `_weft() {
  local program=$1 typed=\${2//\\\\/} command= option= place=0 i word each
  local -a offer=()
  COMPREPLY=()
  [[ $typed != "=" ]] || typed=
  typed=\${typed#[\\"\\']}
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $option ]]; then
      [[ $word == "=" ]] || option=
    elif [[ -z $command ]]; then
      command=$word
    elif _weft_value "$command" "$word"; then
      option=$word
    elif [[ $word != -* ]]; then
      place=$((place + 1))
    fi
  done
  offer=()
  if [[ -z $command ]]; then
    offer=(COMMANDS)
  elif [[ -n $option ]]; then
    _weft_value "$command" "$option"
  elif [[ $typed == -* ]]; then
    _weft_options "$command"
  else
    _weft_place "$command" "$place"
  fi
  for each in "\${offer[@]}"; do
    case $each in
      =files) compopt -o default 2>/dev/null ;;
      =directories) compopt -o dirnames 2>/dev/null ;;
      =*) _weft_lines "$("$program" completion --words "\${each#=}" 2>/dev/null)" ;;
      *) _weft_lines "$each" ;;
    esac
  done
  [[ " \${offer[*]} " != *" =netns "* ]] || compopt -o default 2>/dev/null
}

complete -F _weft weft
`;
