import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseNode } from "./skim.ts";

const names = { name: "a", uid: "u", resourceVersion: "7" };
const metadata = { ...names, annotations: { x: 'a"},"status":{' } };
const managedFields = [{ manager: "kubelet", fieldsV1: { "f:status": {} } }];
const spec = { podCIDR: "10.244.1.0/24", podCIDRs: ["10.244.1.0/24"], taints: [{ key: "k" }] };
const status = { conditions: [{ type: "Ready" }], images: [{ names: ["x"] }] };

const read = (node: object) => parseNode(JSON.stringify(node));

describe("a Node", () => {
  it("is read without its status and who changed it", () => {
    expect(read({ metadata: { ...metadata, managedFields }, spec, status })).toEqual({
      metadata,
      spec,
    });
    expect(read({ kind: "Node", metadata, spec, status })).toEqual({
      kind: "Node",
      metadata,
      spec,
    });
  });

  it.each<readonly [string, object]>([
    ["without a status", { metadata, spec }],
    ["without a spec", { metadata, status }],
    ["with its spec last", { metadata, status, spec }],
    ["without a name", { metadata: { annotations: {} }, spec, status }],
  ])("%s is read whole", (_, node) => {
    expect(read(node)).toEqual(node);
    expect(parseNode(JSON.stringify(node, null, 2))).toEqual(node);
  });

  it("whose annotations come last is read with them", () => {
    const node = { metadata: { ...names, managedFields, annotations: { x: "y" } }, spec, status };
    expect(read(node)).toMatchObject({ metadata: { annotations: { x: "y" } }, spec });
  });

  it.each(["", "{", "[]", "null", '{"metadata":{}},"status":{}'])("%s is none", (text) => {
    expect(parseNode(text)).toBeUndefined();
  });

  it("has the annotations and the spec that it is written with, whatever else it has", () => {
    const key = fc.constantFrom("metadata", "spec", "status", "managedFields", "annotations", "x");
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom<unknown>("a", ']},"spec":{', '},"status":{', 1, null),
        fc.array(tie("any"), { maxLength: 3 }),
        fc.dictionary(key, tie("any"), { maxKeys: 4 }),
      ),
    })).any;
    const part = fc.dictionary(key, value, { maxKeys: 4 });
    const texts = fc.dictionary(key, fc.constantFrom("a", '},"spec":{', '},"status":{'));
    const withTexts = fc
      .tuple(part, fc.option(texts, { nil: undefined }))
      .map(([each, annotations]) => ({ ...each, annotations }));
    fc.assert(
      fc.property(withTexts, part, part, fc.boolean(), (first, second, third, isNamed) => {
        const named = isNamed ? { ...names, ...first } : { ...first, ...names };
        const node = { metadata: named, spec: second, status: third };
        const { metadata: found, spec: foundSpec } = read(node) as typeof node;
        const { annotations } = found as Readonly<Record<string, unknown>>;
        expect(annotations).toEqual(first.annotations);
        expect(found).toMatchObject(names);
        expect(foundSpec).toEqual(second);
      }),
      { numRuns: 3000 },
    );
  });
});
