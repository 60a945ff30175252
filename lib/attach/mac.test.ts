import { expect, it } from "vitest";
import { formatMac } from "../ip/mac.ts";
import { containerMac, macAt } from "./mac.ts";

const [a, b, c, d] = [
  "02:00:00:00:00:01",
  "02:00:00:00:00:02",
  "02:00:00:00:00:03",
  "02:00:00:00:00:04",
];

it.each([
  [[a, b, c, d], a],
  [["", b, c, d], b],
  [["", "", c, d], c],
  [[undefined, undefined, c, d], c],
  [["", "", "", d], d],
  [["", "", "", ""], undefined],
  [[undefined, undefined, undefined, undefined], undefined],
])(
  "of %j, the runtime's, args', CNI_ARGS' and its own, the first that is one counts",
  (of, wanted) => {
    const [runtime = null, args = null, variable, usualMac] = of;
    const json = { runtimeConfig: { mac: runtime }, args: { cni: { mac: args } } };
    const variables = variable === undefined ? {} : { MAC: variable };
    const mac = containerMac({ mac: macAt(json), usualMac }, variables);
    expect(mac && formatMac(mac)).toBe(wanted);
  },
);

it("of a group, or none at all, is refused", () => {
  for (const mac of ["03:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "02:00"]) {
    expect(() => containerMac({ mac }, {})).toThrow("mac must be a hardware address");
  }
});
