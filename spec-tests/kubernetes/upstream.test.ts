/** Kubernetes' own tests of network policies: another part of them each day, or all by WEFT_PART=1/1. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kernelHas } from "../bed/kernel.ts";
import { notHereTitle } from "../bed/not-here.ts";
import { partOf } from "../bed/part.ts";
import type { Cluster } from "./cluster.ts";
import { startEnforcing } from "./enforcing.ts";
import { rareImages } from "./images.ts";
import { failureOf, namesOfTests } from "./network-tests.ts";

/** What talks SCTP needs sockets for it. */
const lacks = (name: string) => name.includes("[Feature:SCTPConnectivity]") && !kernelHas("SCTP");

describe("Kubernetes' own tests", () => {
  const names = partOf(namesOfTests());
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startEnforcing();
    for (const node of cluster.nodes) node.give(rareImages.agnhost);
  });
  afterAll(() => cluster?.dispose());

  // Most of their time is waiting for packets that do not come.
  it.concurrent.for(names.filter((name) => !lacks(name)))("%s", async (name, { expect }) => {
    expect(await failureOf(cluster, name)).toBe("");
  });

  it.skip.for(names.filter(lacks).map((name) => notHereTitle(name, "SCTP")))("%s", () => undefined);

  it("leave no link of a pod behind", async () => {
    const links = () => cluster.nodes.flatMap(({ machine }) => machine.view.links());
    await cluster.until("their end", () => !links().some((name) => name.startsWith("veth")));
    expect(cluster.agents.every(({ isReady }) => isReady)).toBe(true);
  });
});
