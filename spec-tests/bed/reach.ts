/** Who reaches whom, asked all at once (prober.c). */
import type { Bed } from "./bed.ts";
import { inBed } from "./c-programs.ts";

/** A namespace that packets leave, or come to, under its addresses. */
export interface End {
  readonly name: string;
  /** The path of the namespace; undefined is the bed's own host. */
  readonly netns?: string;
  /** One of each family, IPv4 first. */
  readonly addresses: readonly [string, string];
}

/** A connection from a port of one end to a port of another, which listens. */
export interface Way {
  readonly from: End;
  readonly to: End;
  readonly family: 4 | 6;
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly port: number;
  readonly sourcePort: number;
}

/** `+` it came, and its answer came back; `-` it did not come; `?` its answer did not; `!` it was refused. */
export type Sign = "+" | "-" | "?" | "!";

/** The addresses of a way. */
export function addressesOf({ from, to, family }: Way): { from: string; to: string } {
  const at = family === 4 ? 0 : 1;
  return { from: from.addresses[at], to: to.addresses[at] };
}

/** `x/a > y/b TCP 80 (IPv6)` */
export function wayText({ from, to, family, protocol, port }: Way): string {
  return `${from.name} > ${to.name} ${protocol} ${port} (IPv${family})`;
}

/** Asks for all of them, and returns a sign for each. */
export function reach(bed: Bed, ways: readonly Way[]): readonly Sign[] {
  const ends = [...new Set(ways.flatMap(({ from, to }) => [from, to]))];
  const numbers = new Map(ends.map((end, i) => [end, i]));
  const lines = ways.map((way) => {
    const { from, to } = addressesOf(way);
    const [sender, receiver] = [numbers.get(way.from), numbers.get(way.to)];
    const ports = `${way.sourcePort} ${way.port}`;
    return `ask ${sender} ${from} ${receiver} ${to} ${way.protocol.toLowerCase()} ${ports}`;
  });
  const file = `${bed.folder("reach")}/plan`;
  const places = ends.map(({ netns = "/proc/self/ns/net" }) => `end ${netns}`);
  bed.write(file, `${[...places, ...lines].join("\n")}\n`);
  return [...bed.host.sh(`${inBed("prober")} <${file}`).trim()] as Sign[];
}
