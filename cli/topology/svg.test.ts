/** The picture for people: what is in the file, and that nothing in it comes from elsewhere. */
import { describe, expect, it } from "vitest";
import { wrapped } from "./cards.ts";
import { attachment, bridged, factsOf, link } from "./example.ts";
import type { Facts } from "./facts.ts";
import { topologyOf } from "./model.ts";
import { svgOf } from "./svg.ts";
import { forestOf } from "./tree.ts";

/** With ten of a kind, or all. */
function draw(facts: Facts, isAll = false): string {
  const topology = topologyOf(facts);
  const most = isAll ? undefined : 10;
  return svgOf(topology, forestOf(topology, { isWhole: isAll }), most);
}

/** The texts that are shown, without those of the style sheet and the title. */
function texts(svg: string): readonly string[] {
  return Array.from(svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g), ([, text = ""]) => text);
}

/** Names of elements as they stand, each closed in its turn; throws where XML would be refused. */
function elements(svg: string): readonly string[] {
  const names: string[] = [];
  const open: string[] = [];
  const rest = svg.replace(/<(\/?)([a-z]+)((?: [\w:-]+="[^"<&]*")*)(\/?)>/g, (...found) => {
    const [, end, name, , isEmpty] = found as string[];
    if (end === "/" && open.pop() !== name) throw new Error(`</${name}> ends nothing`);
    if (end === "") names.push(`${name}`);
    if (end === "" && isEmpty === "") open.push(`${name}`);
    return "";
  });
  if (open.length > 0 || /[<>]|&(?!(?:amp|lt|gt|#\d+);)/.test(rest)) throw new Error(rest);
  return names;
}

interface Box {
  readonly look: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function boxes(svg: string): readonly Box[] {
  const form = /<rect class="([^"]*)" x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"/g;
  return Array.from(svg.matchAll(form), ([, look = "", ...numbers]) => {
    const [x = 0, y = 0, width = 0, height = 0] = numbers.map(Number);
    return { look, x, y, width, height };
  });
}

function isApart(a: Box, b: Box): boolean {
  const [isLeft, isRight] = [a.x + a.width <= b.x, b.x + b.width <= a.x];
  return isLeft || isRight || a.y + a.height <= b.y || b.y + b.height <= a.y;
}

const overlay = {
  ...{ device: "weft.1", vni: 1, port: 8472, local: "192.0.2.1", uplink: 2 },
  peers: [
    { publicIP: "192.0.2.2", subnets: ["10.244.2.0/24"], isDirect: false },
    { publicIP: "192.0.2.3", subnets: ["10.244.3.0/24"], isDirect: false },
  ],
};

describe("the picture in SVG", () => {
  it("is of few kinds of elements, none of which runs or is fetched", () => {
    const svg = draw(bridged(20));
    const kinds = new Set(elements(svg));
    expect([...kinds].sort()).toEqual(["path", "rect", "style", "svg", "text", "title"]);
    expect(svg).not.toMatch(/script|href|url\(|@import| on\w+=/);
  });

  it("has all cards apart, in the host but for those beyond it, and in the picture", () => {
    const base = bridged(25);
    const links = [...base.links, link(4, "weft.1", { kind: "vxlan" })];
    const svg = draw({ ...base, links, overlays: [overlay] });
    const [host, ...all] = boxes(svg);
    const [, width = 0, height = 0] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)?.map(Number) ?? [];
    const outside = all.filter(({ look }) => /outside|peers/.test(look));
    expect(outside).toHaveLength(4);
    for (const card of all) {
      if (!host) throw new Error("no host");
      expect(all.filter((other) => other !== card && !isApart(card, other))).toEqual([]);
      expect(isApart(card, host)).toBe(outside.includes(card));
      expect(card.x + card.width).toBeLessThan(width);
      expect(card.y + card.height).toBeLessThan(height);
    }
  });

  it("shows an overlay beside the hosts it leads to, by the uplink that carries it", () => {
    const links = [link(2, "eth0"), link(4, "weft.1", { kind: "vxlan" })];
    const defaults = [{ outputs: [2], gateways: ["192.0.2.254"] }];
    const svg = draw(factsOf({ links, defaults, overlays: [overlay] }));
    expect(texts(svg)).toEqual([
      ...["host node1", "uplink eth0", "default by 192.0.2.254"],
      ...["beyond eth0", "default gateway 192.0.2.254"],
      ...["overlay weft.1", "VNI 1 from 192.0.2.1 by eth0 port 8472"],
      ...["beyond weft.1", "2 other hosts"],
      ...["peer 192.0.2.2", "10.244.2.0/24", "peer 192.0.2.3", "10.244.3.0/24"],
    ]);
    expect(svg.match(/class="line carries"/g)).toHaveLength(2);
  });

  it("counts what is many, and shows all that is asked for", () => {
    expect(texts(draw(bridged(200))).join(" ")).toContain("… and 190 more containers");
    expect(texts(draw(bridged(200), true)).filter((each) => /^c\d+ eth0$/.test(each))).toHaveLength(
      200 + 200,
    );
  });

  it("shows apart what is gone, and no means where there is none", () => {
    const attachments = [attachment("c1", { isThere: false }), attachment("c2")];
    const svg = draw(factsOf({ attachments }));
    expect(boxes(svg).map(({ look }) => look)).toEqual([
      ...["host", "card section", "card containers gone", "card containers"],
    ]);
    expect(texts(svg).slice(2)).toEqual(["c1 eth0", "in pods, gone", "c2 eth0", "in pods"]);
  });

  it("tells what could not be looked at below", () => {
    const svg = draw(factsOf({ unseen: ["Leases cannot be shown: nobody may"] }));
    expect(texts(svg).at(-1)).toBe("Leases cannot be shown: nobody may");
  });

  it("escapes every text from outside", () => {
    const hostile = `</text><script>x()</script>&"'\x1b[2J\0\ufffe\ud800`;
    const unseen = [hostile];
    const links = [link(2, hostile, { kind: hostile, addresses: [hostile] })];
    const defaults = [{ outputs: [2], gateways: [hostile] }];
    const attachments = [attachment(hostile, { network: hostile, addresses: [hostile] })];
    const svg = draw(factsOf({ hostname: hostile, links, defaults, attachments, unseen }));
    expect(new Set(elements(svg))).not.toContain("script");
    expect(svg.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cs}\ufffe]/u);
    expect(texts(svg)[0]).toBe(
      "host &lt;/text&gt;&lt;script&gt;x()&lt;/script&gt;&amp;&#34;&#39;\\u001b[2J\\u0000\\ufffe\\ud800",
    );
  });
});

describe("lines of a card", () => {
  it.each([
    [["one", "two"], ["one, two"]],
    [
      ["one two", "three four"],
      ["one two", "three four"],
    ],
    [["one two three four"], ["one two", "three four"]],
    [["123456789012345"], ["123456789…"]],
    [[], []],
  ])("of %j are %j", (parts, lines) => {
    expect(wrapped(parts, 75)).toEqual(lines);
  });
});
