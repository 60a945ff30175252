/** Tracked connections, as conntrack writes and the kernel tells them. */
import { expect, it } from "vitest";
import { vector } from "../../tools/vector.ts";
import { read } from "../bytes/layout.ts";
import { deleteFlow, flowMessage, listFlows, listFlowsFrom } from "./conntrack.ts";
import { encodeRequests, splitMessages } from "./message.ts";

const localhost = Uint8Array.of(127, 0, 0, 1);
const original = {
  addresses: { source4: localhost, destination4: localhost },
  ports: { protocol: 17, source: 40_000, destination: 5353 },
};

function flowsIn(datagram: Uint8Array) {
  return splitMessages(datagram).map(({ type, body }) => ({ type, ...read(flowMessage, body) }));
}

it("the kernel tells of a connection: where it came from, and where answers come from", () => {
  const [found] = flowsIn(vector("flow-list"));
  expect(found?.attributes).toMatchObject({
    original,
    reply: { ports: { source: 5353, destination: 40_000 } },
    id: expect.any(Number),
  });
});

it("conntrack deletes by what we delete by, and more", () => {
  const [theirs] = flowsIn(vector("flow-delete"));
  const [found] = flowsIn(vector("flow-list"));
  const { id = 0 } = found?.attributes ?? {};
  const request = deleteFlow({ family: 4, original, id, zone: undefined });
  const [ours] = flowsIn(encodeRequests([request], 1));
  expect(ours?.type).toBe(theirs?.type);
  expect(ours?.header).toEqual(theirs?.header);
  expect(theirs?.attributes).toMatchObject({ original });
  expect(ours?.attributes).toEqual({ original, id });
});

it("an echo is deleted by what it has in place of ports", () => {
  const ports = { protocol: 1, icmpId: 7, icmpType: 8, icmpCode: 0 };
  const echo = { ...original, ports };
  const request = deleteFlow({ family: 4, original: echo, id: 5, zone: undefined });
  const [ours] = flowsIn(encodeRequests([request], 1));
  expect(ours?.attributes).toEqual({ original: echo, id: 5 });
});

it("a list is always one of a protocol and a port", () => {
  const [ours] = flowsIn(
    encodeRequests([listFlows({ family: 6, protocol: 17, destinationPort: 53 })], 1),
  );
  expect(ours?.header?.family).toBe(10);
  expect(ours?.attributes).toEqual({
    original: { ports: { protocol: 17, destination: 53 } },
    filter: { original: 0x28, reply: 0 },
  });
});

it("a list of what an address has begun is filtered by its source alone", () => {
  const source = Uint8Array.of(10, 1, 2, 3);
  const [ours] = flowsIn(encodeRequests([listFlowsFrom(source)], 1));
  expect(ours?.header?.family).toBe(2);
  expect(ours?.attributes).toEqual({
    original: { addresses: { source4: source } },
    filter: { original: 1, reply: 0 },
  });
});

it("a list of what an IPv6 address has begun is of the whole family, since kernels filter it wrongly", () => {
  const source = Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
  const [ours] = flowsIn(encodeRequests([listFlowsFrom(source)], 1));
  expect(ours?.header?.family).toBe(10);
  expect(ours?.attributes).toEqual({});
});
