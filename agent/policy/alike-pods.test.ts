import { describe, expect, it } from "vitest";
import { AlikePods } from "./alike-pods.ts";
import { type Pod, readPod } from "./objects.ts";
import type { PodChoice } from "./policy.ts";
import { readSelector } from "./selector.ts";

const pod = (namespace: string, name: string, labels: object) =>
  readPod({ metadata: { namespace, name, labels } });

const choice = (matchLabels: object, namespace?: string): PodChoice => ({
  namespace,
  namespaces: undefined,
  pods: readSelector({ matchLabels }, "it"),
});

/** A hundred namespaces with two pods each, of which one is alone in having a label. */
function cluster(): { all: AlikePods; last: Pod } {
  const all = new AlikePods();
  for (let i = 0; i < 100; i++) {
    for (const name of ["p", "q"]) all.add(pod(`n${i}`, name, { app: name }));
  }
  const last = pod("n7", "r", { app: "p", only: "here" });
  all.add(last);
  return { all, last };
}

function chosen(all: AlikePods, of: PodChoice) {
  const asked: string[] = [];
  const isIn = (namespace: string) => {
    asked.push(namespace);
    return of.namespace === undefined || of.namespace === namespace;
  };
  const found = [...all.chosenBy(of, isIn)].flatMap(({ pods }) => [...pods]);
  return { asked, names: found.map(({ namespace, name }) => `${namespace}/${name}`) };
}

describe("pods that are alike", () => {
  it("are looked at only if a selector may choose them", () => {
    const { all } = cluster();
    expect(chosen(all, choice({ only: "here" }))).toEqual({ asked: ["n7"], names: ["n7/r"] });
    expect(chosen(all, choice({ app: "p" }, "n7")).names).toEqual(["n7/p", "n7/r"]);
    expect(chosen(all, choice({ app: "p" }, "n7")).asked.length).toBe(3);
    expect(chosen(all, choice({ app: "nobody" })).asked).toEqual([]);
    expect(chosen(all, choice({})).names.length).toBe(201);
  });

  it("share their labels, and are forgotten with the last one", () => {
    const { all, last } = cluster();
    const again = pod("n7", "s", { app: "p", only: "here" });
    const shared = { ...again, labels: all.labelsFor(again) };
    expect(shared.labels).not.toBe(again.labels);
    all.add(shared);
    all.delete(last);
    expect(chosen(all, choice({ only: "here" })).names).toContain("n7/s");
    all.delete(shared);
    expect(chosen(all, choice({ only: "here" }))).toEqual({ asked: [], names: [] });
  });
});
