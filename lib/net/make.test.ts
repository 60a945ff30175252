import { describe, expect, it, vi } from "vitest";
import { EEXIST, EINVAL, EOPNOTSUPP, EPERM } from "../host/errno.ts";
import type { Outcome } from "../netlink/connection.ts";
import { isRefusal, NetlinkError } from "../netlink/error.ts";
import { getLink } from "../netlink/link.ts";
import { type Request, say } from "../netlink/message.ts";
import { addLink, kindFault, type NewLink, onceLoaded } from "./make.ts";
import { Netns } from "./netns.ts";

const lazy = vi.hoisted(() => ({ module: {} }));
vi.mock("host", () => ({ load: () => lazy.module, random: () => 0 }));
lazy.module = await import("./parent-fault.lazy.ts");

/** A namespace whose kernel refuses everything with an error number, 0 for nothing. */
function kernel(errno: number, fd = -1) {
  const asked: Request[] = [];
  const ns = new Netns(fd, "");
  ns.route.attempt = (...requests) =>
    requests.map((request): Outcome => {
      asked.push(request);
      const error = new NetlinkError(say(request.what), errno);
      return { what: request.what, bodies: [], ...(errno === 0 ? {} : { error }) };
    });
  const attributes = () =>
    (asked[0]?.value as { readonly attributes: object } | undefined)?.attributes;
  return { ns, asked, attributes };
}

const parent = { index: 7, name: "uplink0", mtu: 1500 };
const link = { name: "eth0", kind: { kind: "macvlan" }, mtu: 0, mac: undefined };

describe("a link above none", () => {
  it("is asked for where it is to be, and nothing more is said than its name and kind", () => {
    const [host, container] = [kernel(0), kernel(0, 5)];
    addLink(host.ns, { ...link, netns: container.ns });
    expect(host.asked).toEqual([]);
    expect(container.attributes()).toEqual({ name: "eth0", linkInfo: { own: link.kind } });
  });
});

describe("a link above another", () => {
  it("is asked for where its parent is, and told where it is to be", () => {
    const [host, container] = [kernel(0), kernel(0, 5)];
    const mac = Uint8Array.of(2, 0, 0, 0, 0, 7);
    addLink(host.ns, { ...link, netns: container.ns, parent, mtu: 1400, mac });
    expect(container.asked).toEqual([]);
    expect(host.attributes()).toMatchObject({ link: 7, netnsFd: 5, mtu: 1400, address: mac });
  });

  it("stays where the process is, if that is where it is to be", () => {
    const { ns, attributes } = kernel(0);
    addLink(ns, { ...link, netns: ns, parent });
    expect(attributes()).not.toHaveProperty("netnsFd");
  });
});

describe("a name that is taken where the parent is", () => {
  /** A kernel before 6.14, which looks there unless the link is asked for by its index. */
  const former = () => {
    const found = kernel(EEXIST);
    const { attempt } = found.ns.route;
    found.ns.route.attempt = (...requests) =>
      attempt(...requests).map((outcome, i) => {
        const value = requests[i]?.value as
          | { readonly header: { readonly index: number } }
          | undefined;
        return value?.header.index ? { ...outcome, error: undefined } : outcome;
      });
    return found;
  };

  it("is no hindrance: the link is asked for by an index that none has", () => {
    const { ns, asked } = former();
    addLink(ns, { ...link, netns: ns, parent });
    expect(asked).toHaveLength(2);
    expect(asked[1]?.value).toMatchObject({ attributes: { name: "eth0", link: 7 } });
  });

  it("is one where the link is to be, as for a link above none", () => {
    const { ns, asked } = former();
    expect(() => addLink(ns, { ...link, netns: ns })).toThrow("EEXIST");
    expect(asked).toHaveLength(1);
  });
});

describe("a kind whose module is just being loaded, since another asked a moment before", () => {
  it("is asked for once more", () => {
    const { ns, asked } = kernel(0);
    const { attempt } = ns.route;
    const refused = new NetlinkError("", EOPNOTSUPP);
    ns.route.attempt = (...requests) => {
      const outcomes = attempt(...requests);
      return asked.length > 1 ? outcomes : outcomes.map((each) => ({ ...each, error: refused }));
    };
    addLink(ns, { ...link, netns: ns, parent });
    const names = asked.map(({ value }) => (value as { attributes: { name: string } }).attributes);
    expect(names.map(({ name }) => name)).toEqual(["eth0", "weft/probe", "eth0"]);
  });

  it("is not asked for again where the kernel has none, nor for another reason", () => {
    for (const [errno, count] of [
      [EOPNOTSUPP, 2],
      [EPERM, 1],
    ] as const) {
      const { ns, asked } = kernel(errno);
      const make = () => onceLoaded(ns, "ifb", () => ns.route.perform(getLink("a")));
      expect(make).toThrow();
      expect(asked).toHaveLength(count);
    }
  });
});

describe("a refusal", () => {
  const refusal = (errno: number, more: Partial<NewLink> = {}) => {
    const { ns } = kernel(errno);
    try {
      addLink(ns, { ...link, netns: ns, ...more });
    } catch (cause) {
      return cause as Error;
    }
    return undefined;
  };

  it("of a name that is taken is the kernel's own", () => {
    expect(isRefusal(refusal(EEXIST), EEXIST)).toBe(true);
  });

  it("of an unknown kind names the kind, and what may help", () => {
    expect(refusal(EOPNOTSUPP)?.message).toMatch(
      /^Cannot create macvlan "eth0": .*no links of kind macvlan.*modprobe macvlan/,
    );
  });

  it("of an MTU larger than the parent's names both, and no other is taken for it", () => {
    const text = refusal(EINVAL, { parent, mtu: 9000 })?.message;
    expect(text).toContain('above "uplink0": the MTU 9000 is larger than that of "uplink0", 1500');
    expect(isRefusal(refusal(EINVAL, { parent, mtu: 1500 }), EINVAL)).toBe(true);
    expect(isRefusal(refusal(EPERM, { parent, mtu: 9000 }), EPERM)).toBe(true);
  });
});

describe("a kind", () => {
  it("is there if the kernel refuses the name, and not if it refuses the kind", () => {
    expect(kindFault(kernel(EINVAL).ns, "dummy")).toBeUndefined();
    expect(kindFault(kernel(EOPNOTSUPP).ns, "dummy")).toContain("no links of kind dummy");
    expect(kindFault(kernel(EOPNOTSUPP).ns, "vlan")).toContain("modprobe 8021q");
  });

  it("cannot be told by whoever may not ask", () => {
    expect(() => kindFault(kernel(EPERM).ns, "dummy")).toThrow("EPERM");
  });
});
