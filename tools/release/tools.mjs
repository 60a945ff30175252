// What several parts of a release need: running programs, writing trees with fixed modes, times.
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Runs a program, whose words for people are shown; its output. */
export function run(program, args, options = {}) {
  const env = { ...process.env, LC_ALL: "C", TZ: "UTC", ...options.env };
  const stdio = ["ignore", "pipe", "inherit"];
  return execFileSync(program, args, { maxBuffer: 64 << 20, stdio, ...options, env });
}

/** Debian's and Go's name of the processor that an ELF file is for (elf.h: e_machine). */
export function architectureOf(program) {
  const machine = readFileSync(program).readUInt16LE(18);
  const architecture = { 62: "amd64", 183: "arm64" }[machine];
  if (!architecture)
    throw new Error(`Cannot release "${program}": processor ${machine} is unknown`);
  return architecture;
}

/**
 * The time of everything in a release, in seconds since 1970: SOURCE_DATE_EPOCH, or the date of the
 * version in CHANGELOG.md, or, for a trial, that of the last commit.
 */
export function dateOf(root, version) {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined) return wholeSeconds(given);
  const changelog = readFileSync(join(root, "CHANGELOG.md"), "utf8");
  const heading = `## [${version}] - `;
  const line = changelog.split("\n").find((each) => each.startsWith(heading));
  const date = /^\d{4}-\d\d-\d\d$/.exec(line?.slice(heading.length) ?? "")?.[0];
  if (date) return Date.parse(`${date}T00:00:00Z`) / 1000;
  console.error(
    `CHANGELOG.md has no date for ${version}: a trial, with the time of the last commit`,
  );
  return wholeSeconds(run("git", ["-C", root, "log", "-1", "--format=%ct"]).toString().trim());
}

function wholeSeconds(text) {
  if (!/^\d{1,12}$/.test(text)) throw new Error(`Cannot date a release: "${text}" are no seconds`);
  return Number(text);
}

/** A time as RFC 3339 has it. */
export function timestamp(seconds) {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

/** Writes a file with a text, or a copy of a file, whatever the umask is. */
export function put(path, { text, from, mode = 0o644 }) {
  mkdirSync(dirname(path), { recursive: true });
  if (from === undefined) writeFileSync(path, text);
  else copyFileSync(from, path);
  chmodSync(path, mode);
}

/** A tar file of one entry of a folder, which does not depend on who makes it, where and when. */
export function tar(output, { folder, names, seconds }) {
  run("chmod", ["-R", "u=rwX,go=rX", folder]);
  const fixed = ["--format=ustar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"];
  run("tar", [...fixed, `--mtime=@${seconds}`, "-C", folder, "-cf", output, "--", ...names]);
}
