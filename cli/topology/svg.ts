/**
 * The picture for people, one file of SVG that needs no other: the host is a box, in it what its
 * containers hang on, and at its right edge the ways out, each beside what it leads to.
 *
 *   ┌ host node1 ───────────────────────────────┐
 *   │ bridge cni0    point to point   uplink eth0 ── gateway
 *   │  c001 …         c003 …              ┊     │
 *   │ masqueraded    led to …         overlay … ── other hosts
 *   └───────────────────────────────────────────┘
 *
 * Nothing in it runs, or is fetched; every text from outside is escaped.
 */

import { type Drawn, drawTree, line, type Place, SHOULDER, textAt, wrapped } from "./cards.ts";
import type { Device, Topology } from "./model.ts";
import type { Branch } from "./tree.ts";

/** Columns from left to right: two of groups, the ways out, and, outside the host, where they lead. */
const WIDTH = 300;
const LEFT = 40;
const COLUMNS = [LEFT, LEFT + WIDTH + 20];
const WAYS = LEFT + 2 * (WIDTH + 20) + 30;
const EDGE = WAYS + WIDTH + 20;
const OUTSIDE = EDGE + 40;
const ALL = OUTSIDE + WIDTH + 20;
/** From top to bottom: the title, groups, and what is below the host's box. */
const TOP = 64;
const BETWEEN = 24;
const LINE = 16;

/** The picture; of many things of a kind as many are shown as `most` says. */
export function svgOf(
  topology: Topology,
  forest: readonly Branch[],
  most: number | undefined,
): string {
  const leads = waysOut(topology, forest);
  const inner = drawColumns(
    forest.filter((branch) => !leads.some((way) => way.branch === branch)),
    most,
  );
  const ways = drawWays(topology, leads, most);
  const bottom = Math.max(inner.height, ways.height, TOP + 60);
  const notes = drawNotes(topology.unseen, bottom + 44);
  return [
    ...head(topology.hostname, notes.height + 20),
    `<rect class="host" x="20" y="20" width="${EDGE - 20}" height="${bottom}" rx="12"/>`,
    textAt(LEFT, 48, { text: `host ${topology.hostname}`, look: "title" }),
    ...[...inner.marks, ...ways.marks, ...notes.marks],
    "</svg>",
  ].join("\n");
}

function head(hostname: string, height: number): readonly string[] {
  const size = `width="${ALL}" height="${height}" viewBox="0 0 ${ALL} ${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">`,
    textAt(0, 0, { text: `Topology of host ${hostname}`, look: "title" }).replace(
      /^<text[^>]*>(.*)<\/text>$/,
      "<title>$1</title>",
    ),
    `<style>${STYLE}</style>`,
    `<rect class="page" width="${ALL}" height="${height}"/>`,
  ];
}

/* ---- what is in the host ---- */

/** Each group goes to the column that is shorter. */
function drawColumns(branches: readonly Branch[], most: number | undefined): Drawn {
  const ends = COLUMNS.map(() => TOP);
  const marks = branches.flatMap((branch) => {
    const column = ends.indexOf(Math.min(...ends));
    const [x = LEFT, y = TOP] = [COLUMNS[column], ends[column]];
    const group = drawTree(branch, { x, y, width: WIDTH }, most);
    ends[column] = y + group.height + BETWEEN;
    return group.marks;
  });
  return { marks, height: Math.max(...ends) - BETWEEN };
}

/* ---- the ways out ---- */

/** An uplink or overlay, without the peers, which are drawn outside. */
interface Way {
  readonly branch: Branch;
  readonly device: Device;
}

function waysOut({ devices }: Topology, forest: readonly Branch[]): readonly Way[] {
  return forest.flatMap((branch) => {
    const device = devices.find(({ id }) => id === branch.id);
    return device && (device.isUplink || device.overlay) ? [{ branch, device }] : [];
  });
}

function drawWays({ edges }: Topology, ways: readonly Way[], most: number | undefined): Drawn {
  const marks: string[] = [];
  const places = new Map<string, number>();
  let y = TOP;
  for (const way of ways) {
    const drawn = drawWay(way, { x: WAYS, y, width: WIDTH }, most);
    places.set(way.device.id, y + SHOULDER);
    marks.push(...drawn.marks);
    y += drawn.height + BETWEEN;
  }
  const carried = edges.flatMap(({ from, to, how }) => {
    const ends = [places.get(from), places.get(to)];
    return how === "carries" && ends.every((end) => end !== undefined) ? [ends] : [];
  });
  const brackets = carried.map(([from, to], i) => {
    return line(`M${WAYS} ${from}H${WAYS - 14 - 5 * (i % 5)}V${to}H${WAYS}`, " carries");
  });
  return { marks: [...brackets, ...marks], height: y - BETWEEN };
}

function drawWay({ branch, device }: Way, place: Place, most: number | undefined): Drawn {
  const isPeer = ({ kind }: Branch) => kind === "peers";
  const own = branch.branches.filter((each) => !isPeer(each));
  const inside = drawTree({ ...branch, branches: own }, place, most);
  const beyond = beyondOf(device, branch.branches.filter(isPeer));
  const outside = drawTree(beyond, { ...place, x: OUTSIDE }, most);
  const y = place.y + SHOULDER;
  const look = device.isUplink ? "" : " carries";
  return {
    marks: [
      line(`M${place.x + place.width} ${y}H${OUTSIDE}`, look),
      ...inside.marks,
      ...outside.marks,
    ],
    height: Math.max(inside.height, outside.height),
  };
}

function beyondOf({ name, gateways }: Device, peers: readonly Branch[]): Branch {
  const cells = [
    `beyond ${name}`,
    gateways.length > 0 ? `default gateway ${gateways.join(" ")}` : "",
    peers.length > 0 ? `${peers.length} other host${peers.length === 1 ? "" : "s"}` : "",
  ];
  return { kind: "outside", cells, branches: peers };
}

/* ---- what could not be seen ---- */

function drawNotes(sentences: readonly string[], top: number): Drawn {
  const lines = sentences.flatMap((sentence) => wrapped([sentence], ALL - 60));
  const marks = lines.map((text, i) => textAt(LEFT, top + 6 + i * LINE, { text, look: "words" }));
  return { marks, height: top + lines.length * LINE };
}

/** Every color stands on one of its own, in light and in dark. */
const STYLE = `
text { font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2933 }
.name { font-weight: bold }
.title { font-size: 15px; font-weight: bold }
.words { fill: #52606d }
.page { fill: #ffffff }
.host { fill: #f5f7fa; stroke: #9aa5b1; stroke-width: 1.5 }
.card { fill: #ffffff; stroke: #7b8794 }
.device { fill: #dceefb; stroke: #4098d7 }
.containers { fill: #e3f9e5; stroke: #57ae5b }
.outside, .peers { fill: #fff3c4; stroke: #cb6e17 }
.rest { fill: none; stroke-dasharray: 3 3 }
.gone { fill: #eef0f2; stroke: #7b8794; stroke-dasharray: 6 3 }
.line { fill: none; stroke: #7b8794; stroke-width: 1.5 }
.carries { stroke-dasharray: 5 3; stroke: #cb6e17 }
@media (prefers-color-scheme: dark) {
text { fill: #e4e7eb }
.words { fill: #9fb3c8 }
.page { fill: #15191e }
.host { fill: #1f262d }
.card { fill: #15191e }
.device { fill: #123047 }
.containers { fill: #12331a }
.outside, .peers { fill: #3d2a0b }
.rest { fill: none }
.gone { fill: #262c33 }
}
`;
