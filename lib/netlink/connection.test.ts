/** A connection whose kernel answers nonsense, or not at all. */
import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { vector } from "../../tools/vector.ts";
import { Connection, decodeReply, NETLINK_NETFILTER, NETLINK_ROUTE } from "./connection.ts";
import { NetlinkError } from "./error.ts";
import { getLink, linkMessage, listLinks } from "./link.ts";

/** What the stand-in for the kernel has still to say; without a word left it is silent. */
const kernel = vi.hoisted(() => ({ answers: [] as Uint8Array[], asked: 0, waited: 0 }));

vi.mock("host", () => ({
  setOption: () => 0,
  close: () => 0,
  poll: () => (kernel.answers.length > 0 ? 1 : 0),
  send(_: number, bytes: Uint8Array) {
    kernel.asked++;
    return bytes.length;
  },
  receive(_: number, into: Uint8Array) {
    const answer = kernel.answers.shift();
    kernel.waited++;
    if (!answer) return -11;
    into.set(answer.subarray(0, into.length));
    return answer.length;
  },
  decode: (bytes: Uint8Array) => Buffer.from(bytes).toString(),
}));

function connect(...answers: readonly Uint8Array[]): Connection {
  kernel.answers = [...answers];
  return new Connection(NETLINK_ROUTE, () => 3);
}

/** A captured answer as the one to the first request. */
function answer(name: string): Uint8Array<ArrayBuffer> {
  const bytes = vector(name);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 16 <= bytes.length; at += (view.getUint32(at, true) + 3) & ~3) {
    view.setUint32(at + 8, 1, true);
  }
  return bytes;
}

/** NLMSG_ERROR without an error, or NLMSG_DONE. */
function end(type: 2 | 3, sequence = 1): Uint8Array {
  const bytes = new Uint8Array(36);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 36, true);
  view.setUint16(4, type, true);
  view.setUint32(8, sequence, true);
  return bytes;
}

function thrownBy(body: () => unknown): unknown {
  try {
    body();
  } catch (cause) {
    return cause;
  }
  throw new Error("nothing was thrown");
}

beforeEach(() => Object.assign(kernel, { answers: [], asked: 0, waited: 0 }));

describe("a connection", () => {
  it("reads captured answers", () => {
    const links = connect(answer("link-list"), end(3)).dump(listLinks(), linkMessage);
    expect(links.map(({ attributes }) => attributes?.name)).toEqual(["lo", "veth1", "br0"]);
    const link = connect(answer("link-show"), end(2)).get(getLink("veth1"), linkMessage);
    expect(link.attributes?.mtu).toBe(1400);
  });

  it("gives the kernel's refusal with its error number", () => {
    const cause = thrownBy(() => connect(answer("link-add-taken")).perform(getLink("br0")));
    expect(cause).toMatchObject({ errno: 17, settled: true });
  });

  it("takes a refusal that a request tolerates for done, but not in a transaction", () => {
    const [EEXIST, ENOENT] = [17, 2];
    const taken = { ...getLink("br0"), tolerates: [ENOENT, EEXIST] };
    const [outcome] = connect(answer("link-add-taken")).perform(taken);
    expect(outcome?.error).toBeUndefined();
    const best = { ...getLink("br0"), tolerates: "any" as const };
    expect(connect(answer("link-add-taken")).perform(best)[0]?.error).toBeUndefined();
    const other = { ...getLink("br0"), tolerates: [ENOENT] };
    const refused = { errno: EEXIST, settled: true };
    expect(thrownBy(() => connect(answer("link-add-taken")).perform(other))).toMatchObject(refused);
    expect(connect(answer("link-add-taken")).attempt(other)[0]?.error).toMatchObject(refused);
    const batch = [taken, getLink("last")];
    const transaction = () => connect(answer("link-add-taken")).transaction(batch);
    expect(thrownBy(transaction)).toMatchObject(refused);
  });

  it("throws for a refusal what the request says of it, and for nothing else", () => {
    const explain = ({ errno }: NetlinkError) => new Error(`explained ${errno}`);
    const request = { ...getLink("br0"), explain };
    const explained = thrownBy(() => connect(answer("link-add-taken")).perform(request));
    expect(explained).toEqual(new Error("explained 17"));
    expect(connect(answer("link-add-taken")).attempt(request)[0]?.error).toMatchObject({
      errno: 17,
    });
    expect(thrownBy(() => connect().perform(request))).toMatchObject({ errno: 110 });
  });

  it("takes the one answer of nfnetlink to whoever may not use it as that to all", () => {
    const denied = end(2);
    new DataView(denied.buffer).setInt32(16, -1, true);
    kernel.answers = [denied];
    const netfilter = new Connection(NETLINK_NETFILTER, () => 3);
    const outcomes = netfilter.attempt(getLink("a"), getLink("b"), getLink("c"));
    expect(outcomes.map(({ error }) => [error?.errno, error?.settled])).toEqual(
      Array(3).fill([1, true]),
    );
    expect(kernel.waited).toBe(1);
  });

  it("does not take the refusal of one request as that of all", () => {
    const denied = end(2);
    new DataView(denied.buffer).setInt32(16, -1, true);
    kernel.answers = [denied, end(2, 2)];
    const netfilter = new Connection(NETLINK_NETFILTER, () => 3);
    const outcomes = netfilter.attempt(getLink("a"), getLink("b"));
    expect(outcomes.map(({ error }) => error?.errno)).toEqual([1, undefined]);
  });

  it("does not wait for ever for an answer that does not come", () => {
    for (const answers of [[], [end(2, 99)], [answer("link-show")]]) {
      const cause = thrownBy(() => connect(...answers).perform(getLink("eth0")));
      expect(cause).toMatchObject({ errno: 110, settled: false });
    }
    const cause = thrownBy(() => connect(answer("link-list")).dump(listLinks(), linkMessage));
    expect(cause).toMatchObject({ errno: 110, settled: false });
  });

  it("says that an answer is none, and that it does not know what became of the request", () => {
    const garbled = answer("link-show").fill(0xff, 0, 4);
    const cause = thrownBy(() => connect(garbled).perform(getLink("eth0")));
    expect(cause).toMatchObject({ errno: 74, settled: false, kernelText: expect.any(String) });
    const tooLong = new Uint8Array(40_000);
    expect(thrownBy(() => connect(tooLong).perform(getLink("eth0")))).toMatchObject({ errno: 74 });
    const [outcome] = connect(end(2)).perform(getLink("eth0"));
    expect(thrownBy(() => decodeReply(outcome, linkMessage))).toMatchObject({ errno: 74 });
  });

  it("ends with an answer or an error, whatever comes", () => {
    const parts = [answer("link-show"), answer("link-list"), answer("link-add-taken")];
    const datagram = fc
      .record({
        part: fc.constantFrom(...parts, end(2), end(3)),
        damages: fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 0, max: 255 })), {
          maxLength: 3,
        }),
        length: fc.option(fc.nat(2000)),
      })
      .map(({ part, damages, length }) => {
        const bytes = part.slice();
        for (const [at, byte] of damages) bytes[at % bytes.length] = byte;
        return bytes.subarray(0, length ?? bytes.length);
      });
    const property = fc.property(fc.array(datagram, { maxLength: 4 }), (answers) => {
      for (const ask of [
        (to: Connection) => to.dump(listLinks(), linkMessage),
        (to: Connection) => to.get(getLink("eth0"), linkMessage),
      ]) {
        kernel.waited = 0;
        try {
          ask(connect(...answers));
        } catch (cause) {
          expect(cause).toBeInstanceOf(NetlinkError);
        }
        expect(kernel.waited).toBeLessThan(20);
      }
    });
    fc.assert(property, { seed: 20_260_417, numRuns: 500 });
  });
});
