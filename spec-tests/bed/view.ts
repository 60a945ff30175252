import type { Ended, Job } from "./keeper.ts";
import { programsInBed } from "./paths.ts";
import { answerTime, waitUntil } from "./patience.ts";
import { expectNoneMissing, shell } from "./programs.ts";

/** One entry of what `ip -json` and its relatives print. */
export type Entry = Readonly<Record<string, unknown>>;

/** A network namespace as an onlooker sees it, with the system's own tools. */
export class View {
  readonly #run: (job: Job) => Ended;

  /** `run` runs a program there. */
  constructor(run: (job: Job) => Ended) {
    this.#run = run;
  }

  /** Runs a shell script here and returns what it printed; throws if it fails. */
  sh(script: string): string {
    return printed(script, this.#spawn(script));
  }

  /** Whether a shell script succeeds here. */
  succeeds(script: string): boolean {
    return this.#spawn(script).status === 0;
  }

  /** Waits until a shell script succeeds here. */
  until(script: string): void {
    waitUntil(`"${script}"`, () => this.succeeds(script));
  }

  /** `ip` with JSON output: `ip("route show table all")`, `ip("-6 route")`. */
  ip(command: string): readonly Entry[] {
    return json(this.#tool(`ip -json -details ${command}`));
  }

  /** `bridge` with JSON output: `bridge("vlan show")`. */
  bridge(command: string): readonly Entry[] {
    return json(this.#tool(`bridge -json -details ${command}`));
  }

  /** `tc` with JSON output: `tc("qdisc show")`. */
  tc(command: string): readonly Entry[] {
    return json(this.#tool(`tc -json ${command}`));
  }

  /** The whole nftables ruleset as text. */
  nft(): string {
    return this.#tool("nft list ruleset");
  }

  /** The names of all links. */
  links(): readonly string[] {
    return this.ip("link show").map((link) => String(link.ifname));
  }

  /** The one link of that name; throws if there is none. */
  link(name: string): Entry {
    return this.ip(`link show dev ${name}`)[0] ?? {};
  }

  /** The addresses of a link that somebody gave it, as `address/prefix`. */
  addresses(link: string): readonly string[] {
    const entries = this.ip(`address show dev ${link} scope global`);
    const addresses = (entries[0]?.addr_info ?? []) as readonly Entry[];
    const own = addresses.filter(({ local }) => local !== undefined);
    return own.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  }

  /** The unicast routes of the main table, such as `default via 10.1.0.1 dev eth0`. */
  routes(family: "-4" | "-6" = "-4"): readonly string[] {
    const routes = this.ip(`${family} route show table main`);
    return routes.filter(({ dst }) => dst !== "fe80::/64").map(routeText);
  }

  /** The value of a sysctl of this namespace: `sysctl("net/ipv4/ip_forward")`. */
  sysctl(name: string): string {
    return this.sh(`cat /proc/sys/${name}`).trim();
  }

  /** Whether an address answers. */
  ping(address: string, options = ""): boolean {
    const wait = Math.ceil(answerTime(2));
    return this.succeeds(`ping -n -q -c 1 -W ${wait} ${options} ${address}`);
  }

  /** Whether each of these addresses answers; all are asked at the same time. */
  pingAll(addresses: readonly string[]): readonly boolean[] {
    const wait = Math.ceil(answerTime(2));
    const pings = addresses.map(
      (address) => `{ ping -n -q -c 1 -W ${wait} ${address} >/dev/null && echo ${address}; } &`,
    );
    const answering = this.sh(`${pings.join("\n")}\nwait`).split("\n");
    return addresses.map((address) => answering.includes(address));
  }

  /** A command without anything that only a shell understands needs none. */
  #tool(command: string): string {
    if (!/^[\w ./:@-]*$/.test(command)) return this.sh(command);
    const [program, ...words] = command.split(" ").filter(Boolean);
    return printed(command, this.#run({ words: [`${programsInBed}/${program}`, ...words] }));
  }

  #spawn(script: string) {
    const ended = this.#run({ words: shell(script) });
    expectNoneMissing(`${ended.stderr}`);
    return ended;
  }
}

function printed(what: string, { status, stdout, stderr }: Ended): string {
  if (status !== 0) throw new Error(`"${what}" failed: ${stderr}`);
  return `${stdout}`;
}

function routeText({ dst, gateway, dev }: Entry): string {
  return gateway === undefined ? `${dst} dev ${dev}` : `${dst} via ${gateway} dev ${dev}`;
}

function json(text: string): readonly Entry[] {
  if (text.trim() === "") return [];
  const entries = JSON.parse(text) as readonly Entry[];
  return entries.filter((entry) => Object.keys(entry).length > 0);
}
