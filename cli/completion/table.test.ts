import { describe, expect, it } from "vitest";
import type { Page } from "../pages/page.ts";
import { tableOf } from "./table.ts";

const page = (more: Partial<Page>): Page => ({
  name: "see",
  synopsis: ["weft see"],
  summary: "shows",
  text: [],
  options: [],
  examples: [],
  ...more,
});

/** What may stand at the places of a command that is called so. */
function placesOf(...synopsis: readonly string[]) {
  const flags = ["--json", "--data-dir DIR", "--yes"].map((each) => ({ flags: each, what: "" }));
  const [entry] = tableOf([page({ synopsis, options: flags })]);
  const texts = entry?.places.map(({ kinds, words }) => [...kinds, ...words].join(" "));
  return entry?.isOpen ? [...(texts ?? []), "..."] : texts;
}

describe("the places behind a command", () => {
  it.each([
    [["weft see"], []],
    [["weft see NETWORK NETNS [OPTION...]"], ["networks", "netns"]],
    [["weft see [NETWORK [CONTAINERID [IFNAME]]] [--json]"], ["networks", "containers", ""]],
    [["weft see --yes NETWORK"], ["networks"]],
    [["weft see [--data-dir DIR] FILE"], ["files"]],
    [["weft see --data-dir DIR NETWORK"], ["networks"]],
    [["weft see [FILE...]"], ["files", "..."]],
    [["weft see LIST"], ["networks files"]],
    [["weft see bash|zsh [DIR]"], ["bash zsh", "directories"]],
    [
      ["weft see NETWORK NETNS", "weft see --data-dir DIR NETNS"],
      ["networks", "netns"],
    ],
    [["weft see COMMAND"], ["see"]],
    [["weft seek NETWORK", "weft see OWNER"], ["containers"]],
  ])("of %j are %j", (synopsis, places) => {
    expect(placesOf(...synopsis)).toEqual(places);
  });
});

describe("commands of two words", () => {
  const ls = page({
    name: "ipam ls",
    synopsis: ["weft ipam ls [NETWORK]"],
    summary: "lists",
    options: [{ flags: "--json", what: "prints JSON; all of it" }],
  });
  const free = page({
    name: "ipam free",
    synopsis: ["weft ipam free NETWORK ADDRESS"],
    options: [{ flags: "--json", what: "prints JSON" }],
  });

  it("are one command, whose second word is at its first place", () => {
    const table = tableOf([ls, free]);
    expect(table.map(({ name, summary }) => [name, summary])).toEqual([["ipam", "lists"]]);
    expect(table[0]?.places).toEqual([
      { title: "", kinds: [], words: ["ls", "free"] },
      { title: "NETWORK", kinds: ["networks"], words: [] },
      { title: "ADDRESS", kinds: [], words: [] },
    ]);
    expect(table[0]?.choices.map(({ spelling }) => spelling)).toEqual(["--json"]);
  });
});

describe("options", () => {
  it("are a choice for each spelling, with what may follow", () => {
    const options = [
      { flags: "--to FILE, -t FILE", what: "where to" },
      { flags: "--box ID", what: "whose: his", values: "container" as const },
      { flags: "--kind KIND", what: "which", values: ["a", "b"] },
      { flags: "--all", what: "all" },
    ];
    const [entry] = tableOf([page({ options })]);
    const file = { title: "FILE", kinds: ["files"], words: [] };
    expect(entry?.choices).toEqual([
      { spelling: "--to", what: "where to", value: file },
      { spelling: "-t", what: "where to", value: file },
      {
        spelling: "--box",
        what: "whose",
        value: { title: "ID", kinds: ["containers"], words: [] },
      },
      { spelling: "--kind", what: "which", value: { title: "KIND", kinds: [], words: ["a", "b"] } },
      { spelling: "--all", what: "all", value: undefined },
    ]);
  });
});
