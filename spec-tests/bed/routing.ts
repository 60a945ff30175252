/** Routing rules and tables, as `ip` shows them, in lines that can be compared. */
import type { View } from "./view.ts";

/** The rules that somebody made, oldest first: `from 10.1.2.2 lookup 100`. */
export function ruleLines(view: View): readonly string[] {
  const lines = view.sh("ip rule show; ip -6 rule show").trim().split("\n");
  const rules = lines.map((line) => {
    const [number = "", ...words] = line.split(/:?\s+/);
    return { number: Number(number), text: words.join(" ").replace(/ proto 87$/, "") };
  });
  return rules
    .filter(({ text }) => !/^from all lookup (local|main|default|\[l3mdev-table\])$/.test(text))
    .sort((a, b) => b.number - a.number)
    .map(({ text }) => text);
}

const details = / (proto|scope|metric|pref) \S+| (onlink|linkdown)\b/g;

/** The routes of a table, both families, each sorted: `default via 10.1.2.1 dev eth0`. */
export function tableLines(view: View, table: string): readonly string[] {
  return ["-4", "-6"].flatMap((family) => {
    const text = view.sh(`ip ${family} route show table ${table} 2>/dev/null || true`);
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.map((line) => line.replace(details, "").trim()).sort();
  });
}
