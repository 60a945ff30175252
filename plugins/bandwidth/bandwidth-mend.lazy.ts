/** What limits the rates of a container, made again where somebody has deleted it. */

import { type Made, mending, type Part, type Sides } from "../../lib/cni/mend.ts";
import { allOrNothing } from "../../lib/cni/undo.ts";
import type { Link } from "../../lib/net/link.ts";
import * as shaping from "../../lib/net/shaping.ts";
import * as schema from "./bandwidth.schema.json";
import { type BandwidthConfig, parseBandwidthConfig } from "./config.ts";
import { findShaper, hostEnd, limitOutput, makeShaper, shapes } from "./shaped.ts";

type Call = Made<BandwidthConfig>;

/** An attachment that is shaped. */
interface Shaped extends Sides {
  readonly call: Call;
  readonly outside: Link;
}

function partsOf(call: Call, sides: Sides): readonly Part[] {
  const { ingress, egress } = call.config;
  if (!ingress && !egress) return [];
  const outside = hostEnd(call, sides.host, sides.container);
  const [ingressShape, egressShape] = shapes(call, outside, () => {});
  const shaped = { ...sides, call, outside };
  return [
    ...(ingressShape ? [ingressPart(shaped, ingressShape)] : []),
    ...(egressShape ? [shaperPart(shaped, egressShape), wayPart(shaped, egressShape)] : []),
  ];
}

function ingressPart({ host, outside }: Shaped, shape: shaping.Shape): Part {
  return {
    what: "rate to the container",
    fault: () => shaping.findOutputFault(host, outside, shape),
    make: () => allOrNothing((undo) => limitOutput(host, outside, { shape, undo })),
  };
}

/** The device by which the container sends, with its bucket. One that is whole is not touched. */
function shaperPart({ call, host, outside }: Shaped, shape: shaping.Shape): Part {
  return {
    what: "rate from the container",
    fault: () => {
      const shaper = findShaper(call, host);
      if (!shaper) return "it has no ifb";
      if (!shaper.isUp) return `ifb "${shaper.name}" is down`;
      return shaping.findOutputFault(host, shaper, shape);
    },
    make: () =>
      allOrNothing((undo) => {
        const found = findShaper(call, host);
        const shaper = found?.isUp ? found : makeShaper(call, host, { outside, undo });
        limitOutput(host, shaper, { shape, undo });
      }),
  };
}

function wayPart({ call, host, outside }: Shaped, shape: shaping.Shape): Part {
  return {
    what: "way from the container through its ifb",
    fault: () => {
      const shaper = findShaper(call, host);
      return shaper ? shaping.findInputFault(host, outside, shaper) : "it has no ifb";
    },
    make: () => {
      const shaper = findShaper(call, host);
      if (shaper) shaping.shapeInput(host, outside, { shaper, shape });
    },
  };
}

export const mend = mending<BandwidthConfig>(
  { name: "bandwidth", schema, parseConfig: parseBandwidthConfig },
  partsOf,
);
