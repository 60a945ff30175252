import type { Page } from "./page.ts";

export const list: Page = {
  name: "list",
  synopsis: ["weft list"],
  summary: "lists the plugins and programs in this image",
  text: ["One name a line. All of them are one file, which does what the name says it is run by."],
  options: [],
  examples: [{ command: "weft list", what: "prints bandwidth, bridge and so on" }],
};
