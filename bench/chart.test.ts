/** The chart that README shows: everything on it is inside it, whatever is measured. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

/** The tools are JavaScript, of which the type checker of the product knows nothing. */
const { drawChart } = (await import("./chart.mjs" as string)) as {
  readonly drawChart: (rows: readonly object[], machine: object) => string;
};

const machine = { cpu: "AMD EPYC", cores: 2, kernel: "Linux", weft: "0.1.0", reference: "1.1.1" };
const figures = { ours: { median: 1, p90: 1, runs: 1 }, reference: { median: 2, p90: 2, runs: 1 } };

/** Titles of rows, as long as somebody may make them. */
const titles = [
  "VERSION",
  "host-local ADD, 30,000 reservations, first after a foreign change",
  "ADD of a list: bridge with ipMasq, portmap of 3 ports, bandwidth",
  "W".repeat(90),
];

/** The texts of a chart with the place that each takes in a wide font. */
function textsOf(svg: string) {
  const width = Number(/viewBox="0 0 (\d+) /.exec(svg)?.[1]);
  return Array.from(
    svg.matchAll(/<text (class="\w+" )?x="([\d.]+)"[^>]*?(text-anchor="end")?>([^<]*)</g),
    ([, kind = "", x = "", anchor, text = ""]) => {
      const size = kind.includes("title") ? 16 : kind.includes("small") ? 11 : 13;
      const length = text.length * size * 0.6;
      const from = anchor ? Number(x) - length : Number(x);
      return { text, width, from, to: from + length };
    },
  );
}

function cutIn(svg: string): readonly string[] {
  return textsOf(svg).flatMap(({ text, width, from, to }) =>
    from < 0 || to > width ? [text] : [],
  );
}

describe("the chart", () => {
  it("has room for every label", () => {
    const rows = titles.map((title) => ({ id: title, title, unit: "ns", figures }));
    const svg = drawChart(rows, machine);
    expect(textsOf(svg).map(({ text }) => text)).toContain("VERSION");
    expect(cutIn(svg)).toEqual([]);
  });

  it("that README shows has no label that is cut", () => {
    const svg = readFileSync(`${import.meta.dirname}/results.svg`, "utf8");
    expect(textsOf(svg).length).toBeGreaterThan(20);
    expect(cutIn(svg)).toEqual([]);
  });
});
