// @ts-check
// What there is on a host of the benchmark of pods, so that what they leave can be counted, and what its
// runtime has spent on programs.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./machine.mjs";

/** Where plugins and libcni keep files; the runtime's own are elsewhere. */
const FILES = "/var/lib/cni";
const NS_PER_TICK = 1e7;

/**
 * A line for each thing of a host: links, addresses, routes, rules, elements of sets, files of the network.
 * Counters and other numbers that go on counting are left out.
 * @param {{ readonly network: string, readonly netns: string }} host
 * @returns {readonly string[]}
 */
export function thingsOf({ network, netns }) {
  const inside = (/** @type {readonly string[]} */ ...words) =>
    run("nsenter", [`--net=${netns}`, ...words]).split("\n");
  const links = inside("ip", "-o", "link", "show").map((line) => line.split(": ")[1] ?? "");
  const addresses = inside("ip", "-o", "address", "show").map((line) => line.replace(/\s+/g, " "));
  const routes = ["-4", "-6"].flatMap((family) =>
    inside("ip", family, "route", "show", "table", "all"),
  );
  const rules = rulesOf(inside("nft", "--json", "list", "ruleset").join(""));
  const files = existsSync(FILES) ? readdirSync(FILES, { recursive: true, encoding: "utf8" }) : [];
  const own = files.filter((file) => file.split(/[/-]/).includes(network));
  return [...links, ...addresses, ...routes, ...rules, ...own].filter((line) => line !== "");
}

/**
 * Chains, rules and elements of nftables, among which are those made by `iptables` where that is
 * iptables-nft, each without its number and its counter.
 * @param {string} json
 */
function rulesOf(json) {
  /** @type {readonly Record<string, Record<string, unknown>>[]} */
  const all = JSON.parse(json).nftables;
  return all.flatMap((each) =>
    Object.entries(each).flatMap(([kind, { handle: _, elem, ...rest }]) => {
      const name = `${kind} ${plain(rest)}`;
      const elements = Array.isArray(elem) ? elem.map((one) => `${name} ${plain(one)}`) : [];
      return kind === "metainfo" ? [] : [name, ...elements];
    }),
  );
}

/** @param {unknown} value */
function plain(value) {
  return JSON.stringify(value, (key, each) => (key === "counter" ? "counter" : each));
}

/**
 * How many things are there that were not before; of equal ones, how many more.
 * @param {readonly string[]} before
 * @param {readonly string[]} after
 */
export function countNew(before, after) {
  const there = new Map();
  for (const line of before) there.set(line, (there.get(line) ?? 0) + 1);
  return after.filter((line) => {
    const count = there.get(line) ?? 0;
    there.set(line, count - 1);
    return count <= 0;
  }).length;
}

/**
 * The processor time, in ns, of all programs that a process has run and that have ended.
 * @param {number} pid
 */
export function timeOfChildren(pid) {
  const stat = readFileSync(join("/proc", String(pid), "stat"), "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * NS_PER_TICK;
}
