import { describe, expect, it } from "vitest";
import { parseRule, comment as ruleComment } from "./rule.ts";
import { heldBy, ruleMark, withoutNote } from "./rule-notes.ts";

const comment = "net box eth0";
const holder = "br0,veth1 /run/netns/box 4026532345";

describe("the comments of a rule", () => {
  it("tell the owner, and where it is found", () => {
    const rule = `-A CNI-FORWARD -s 10.1.2.3/32 ${ruleMark({ comment, holder })} -j ACCEPT`;
    expect(heldBy(parseRule(rule))).toEqual({ comment, holder });
    const plain = `-A CNI-FORWARD -s 10.1.2.3/32 ${ruleComment(comment)} -j ACCEPT`;
    expect(withoutNote(rule)).toBe(plain);
    expect(withoutNote(plain)).toBe(plain);
  });

  it("of earlier versions, and of others, have no note", () => {
    expect(heldBy(parseRule(`-A X ${ruleComment(comment)}`))).toEqual({
      comment,
      holder: undefined,
    });
    const other = `-A X ${ruleComment(comment)} ${ruleComment("my own words")}`;
    expect(heldBy(parseRule(other))).toEqual({ comment, holder: undefined });
    expect(heldBy(parseRule("-A X -s 10.1.2.3/32 -j ACCEPT"))).toBeUndefined();
  });

  it("leave out a note that iptables would refuse", () => {
    const room = 255 - "at ".length;
    const [fits, not] = [room, room + 1].map((length) =>
      ruleMark({ comment, holder: "/".repeat(length) }),
    );
    expect(fits).toContain("at /");
    expect(not).toBe(ruleComment(comment));
  });
});
