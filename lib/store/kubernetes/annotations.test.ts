import { describe, expect, it } from "vitest";
import { annotationNames } from "./annotations.ts";

describe("the prefix of annotations", () => {
  it.each([
    ["flannel.alpha.coreos.com", "flannel.alpha.coreos.com/"],
    ["org.com/9", "org.com/9-"],
    ["org.com/9-", "org.com/9-"],
    ["org.com/", "org.com/"],
  ])("%s is as flannel's", (prefix, start) => {
    expect(annotationNames(prefix)).toEqual({
      managed: `${start}kube-subnet-manager`,
      type: `${start}backend-type`,
      data: `${start}backend-data`,
      dataV6: `${start}backend-v6-data`,
      publicIP: `${start}public-ip`,
      publicIPv6: `${start}public-ipv6`,
      overwrite: `${start}public-ip-overwrite`,
      overwriteV6: `${start}public-ipv6-overwrite`,
      nodePublicIP: `${start}node-public-ip`,
      nodePublicIPv6: `${start}node-public-ipv6`,
    });
  });

  it.each(["", "word", "a.b/c/d", "A.b", "a.b/C", "a b.c"])("%j is refused", (prefix) => {
    expect(() => annotationNames(prefix)).toThrow(
      `Cannot use the annotation prefix "${prefix}": it must be a domain, or a domain and a word`,
    );
  });
});
