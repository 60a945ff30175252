/** The client and servers of all kinds, without a wire and without waiting. */
import { describe, expect, it } from "vitest";
import {
  type Answer,
  answerFrame,
  CLIENT_MAC,
  fromServer,
  hex,
  ip,
  ips,
  readSent,
  SERVER_MAC,
  type Sent,
  u32,
} from "../../tools/dhcp-server.ts";
import { formatAddress } from "../ip/address.ts";
import { formatMac } from "../ip/mac.ts";
import { Client, type ClientEvent, type ClientSettings } from "./client.ts";
import type { Lease } from "./lease.ts";

const settings: ClientSettings = {
  mac: CLIENT_MAC,
  provide: new Map([
    [61, hex("00 63")],
    [12, hex("68")],
  ]),
  request: [1, 121, 3],
  broadcast: false,
  detectsConflicts: false,
  timing: { timeout: 4_000, resendMax: 62_000, resendTimeout: 208_000 },
};

const OTHER_MAC = hex("020000000099");

/** A client, what it has sent, and what it has said besides, at which second. */
class Lab {
  readonly client: Client;
  readonly sent: (Sent & { readonly at: number; readonly frame: Uint8Array })[] = [];
  readonly said: string[] = [];
  lease: Lease | undefined;
  now = 100_000;
  #chance = 0;

  /** Chance says about a half, but never twice the same. */
  constructor(change: Partial<ClientSettings> = {}) {
    const random = () => 0.5 + this.#chance++ / 2 ** 32;
    this.client = new Client({ ...settings, ...change }, random);
  }

  get seconds(): number {
    return Math.round((this.now - 100_000) / 100) / 10;
  }

  tell(event: ClientEvent): void {
    for (const action of this.client.handle(event, this.now)) {
      const { kind } = action;
      if (kind === "send") this.#note(action.frame);
      else if (kind === "bound" || kind === "renewed") this.lease = action.lease;
      if (kind === "bound") this.said.push(`bound ${formatAddress(action.lease.address)}`);
      if (kind === "renewed") this.said.push(action.isChanged ? "changed" : "renewed");
      if ("reason" in action) this.said.push(`${kind}: ${action.reason}`);
    }
    expect(this.client.wakeAt).toBeGreaterThan(this.now);
  }

  #note(frame: Uint8Array): void {
    if (frame[12] === 8 && frame[13] === 6)
      this.said.push(`probe ${formatAddress(frame.slice(38, 42))}`);
    else this.sent.push({ ...readSent(frame), at: this.seconds, frame });
  }

  start(): this {
    this.tell({ kind: "start" });
    return this;
  }

  /** Lets so many seconds pass, and tells the client whenever it wants to know. */
  pass(seconds: number): this {
    const end = this.now + seconds * 1000;
    for (let turns = 0; this.client.wakeAt <= end; turns++) {
      if (turns > 10_000) throw new Error("it never sleeps");
      this.now = Math.max(this.now, this.client.wakeAt);
      this.tell({ kind: "time" });
    }
    this.now = end;
    return this;
  }

  /** Lets the time pass until the client wants to know. */
  wake(): this {
    return this.pass((this.client.wakeAt - this.now) / 1000);
  }

  get last() {
    const last = this.sent[this.sent.length - 1];
    if (!last) throw new Error("nothing was sent");
    return last;
  }

  /** An answer to what was sent last, by the usual server. */
  answer(type: Answer["type"], change: Partial<Answer> = {}): this {
    const usual: Answer["options"] = [
      [1, ips("255.255.255.0")],
      [51, u32(100)],
    ];
    const { xid } = this.last.message;
    const options = [...(type === "nak" ? [] : usual), ...(change.options ?? [])];
    this.tell({ kind: "frame", frame: answerFrame({ type, xid, ...change, options }) });
    return this;
  }

  /** From the start to a lease of 10.1.0.20 for 100 s. */
  bind(change: Partial<Answer> = {}): this {
    return this.start().answer("offer", change).answer("ack", change);
  }

  /** Types of what was sent since then, with the seconds. */
  sentSince(count: number): readonly string[] {
    return this.sent.slice(count).map(({ type, at }) => `${type} ${at}`);
  }

  get held(): Lease {
    if (!this.lease) throw new Error("no lease");
    return this.lease;
  }
}

function option(sent: Sent, code: number): string | undefined {
  const value = sent.message.options.get(code);
  return value && Buffer.from(value).toString("hex");
}

/** All options of a message, in the order they were sent. */
function optionsOf(sent: Sent): Record<string, string | undefined> {
  return Object.fromEntries(
    [...sent.message.options.keys()].map((code) => [code, option(sent, code)]),
  );
}

describe("looking for a lease", () => {
  it("asks all servers", () => {
    const { last } = new Lab().start();
    expect(last).toMatchObject({ type: "discover", source: "0.0.0.0", target: "255.255.255.255" });
    expect(last.to).toBe("ff:ff:ff:ff:ff:ff");
    expect(optionsOf(last)).toEqual({ 12: "68", 53: "01", 55: "017903", 57: "05dc", 61: "0063" });
    expect(last.message).toMatchObject({ op: 1, secs: 0, flags: 0, chaddr: CLIENT_MAC });
    expect(formatAddress(last.message.ciaddr)).toBe("0.0.0.0");
  });

  it("asks for an answer by broadcast, and for nothing, if it is told to", () => {
    const { last } = new Lab({ broadcast: true, request: [] }).start();
    expect(last.message.flags).toBe(0x8000);
    expect(option(last, 55)).toBeUndefined();
  });

  it("asks again at once, then after 4, 8, 16, 32 and 62 s, under one number, and gives up after 208 s", () => {
    const lab = new Lab().start().pass(1000);
    const times = [0, 0.3, 4.3, 12.3, 28.3, 60.3, 122.3, 184.3];
    expect(lab.sentSince(0)).toEqual(times.map((at) => `discover ${at}`));
    expect(new Set(lab.sent.map(({ message }) => message.xid)).size).toBe(1);
    expect(lab.sent.map(({ message }) => message.secs)).toEqual(times.map(Math.floor));
    expect(lab.said).toEqual(["failed: no lease within 208 s: no server has answered"]);
    expect(lab.client).toMatchObject({ state: "over", wakeAt: Infinity, lease: undefined });
    expect(lab.client.listensTo).toEqual({ dhcp: false, arp: false });
  });

  it("takes the first offer, and asks for it under the same number", () => {
    const lab = new Lab().start().pass(5);
    const discover = lab.last;
    lab.answer("offer");
    expect(lab.last).toMatchObject({ type: "request", to: "ff:ff:ff:ff:ff:ff", source: "0.0.0.0" });
    expect(lab.last.message.xid).toBe(discover.message.xid);
    expect(lab.last.message.secs).toBe(discover.message.secs);
    expect(optionsOf(lab.last)).toEqual({
      ...{ 12: "68", 50: "0a010014", 53: "03", 54: "0a010001" },
      ...{ 55: "017903", 57: "05dc", 61: "0063" },
    });
    const { length } = lab.sent;
    lab.answer("offer", { server: "10.1.0.2", address: "10.1.0.30" });
    expect(lab.sent.length).toBe(length);
    lab.answer("ack");
    expect(lab.said).toEqual([
      "ignored: an offer of 10.1.0.30 from 10.1.0.2: another one has been taken",
      "bound 10.1.0.20",
    ]);
    expect(lab.client.state).toBe("bound");
    expect(lab.client.listensTo).toEqual({ dhcp: false, arp: false });
  });

  it("counts the lease from when it was asked for", () => {
    const lab = new Lab().start().answer("offer");
    lab.pass(3).answer("ack");
    expect(lab.held).toMatchObject({ acquiredAt: 100_000, rebindAt: 187_500, expiresAt: 200_000 });
    expect(lab.client.lease).toBe(lab.held);
    expect(lab.client.wakeAt).toBe(lab.held.renewAt);
    expect(formatMac(lab.held.serverMac)).toBe(formatMac(SERVER_MAC));
  });

  it("asks three times for an offer, and then for others", () => {
    const lab = new Lab().start().answer("offer").pass(29);
    expect(lab.sentSince(1)).toEqual([
      "request 0",
      "request 4",
      "request 12",
      "discover 28",
      "discover 28.3",
    ]);
    expect(lab.last.message.xid).not.toBe(lab.sent[0]?.message.xid);
    lab.pass(200);
    expect(lab.said).toEqual([
      "failed: no lease within 208 s: 10.1.0.1 does not acknowledge what it has offered",
    ]);
  });

  it("begins anew after a NAK, ever later", () => {
    const lab = new Lab().start();
    for (let turn = 0; turn < 4; turn++) {
      lab
        .answer("offer")
        .answer("nak", { options: [[56, hex("6e6f2100c3a4")]] })
        .pass(10);
    }
    const discovers = lab.sentSince(0).filter((line) => line.startsWith("discover"));
    const times = [0, 1, 1.3, 5.3, 12, 12.3, 16.3, 24, 24.3, 28.3, 38, 38.3];
    expect(discovers).toEqual(times.map((at) => `discover ${at}`));
    lab.pass(300);
    expect(lab.said).toEqual(["failed: no lease within 208 s: 10.1.0.1 refused 10.1.0.20: no!"]);
  });

  it("is begun once", () => {
    const lab = new Lab().start().start();
    lab.tell({ kind: "restore", lease: new Lab().bind().held });
    expect(lab.sentSince(0)).toEqual(["discover 0"]);
    expect(lab.client.lease).toBeUndefined();
  });

  it("does nothing before it is begun", () => {
    const lab = new Lab();
    lab.tell({ kind: "time" });
    lab.tell({ kind: "link", isUp: false });
    lab.tell({ kind: "link", isUp: true });
    lab.tell({ kind: "conflict" });
    lab.pass(1000);
    expect(lab.sent).toEqual([]);
    expect(lab.client.state).toBe("idle");
  });
});

describe("an answer is not heeded", () => {
  const offers: readonly (readonly [string, Partial<Answer>, string | undefined])[] = [
    ["to another question", { xid: 1 }, undefined],
    ["to another client", { mac: OTHER_MAC }, undefined],
    ["to another identifier", { options: [[61, hex("00 64")]] }, undefined],
    ["to a shorter identifier", { options: [[61, hex("00")]] }, undefined],
    [
      "from no server",
      { server: "" },
      "Cannot use an answer about 10.1.0.20: it does not say which server it is from",
    ],
    [
      "from a group of servers",
      { server: "224.0.0.1" },
      "Cannot use an answer about 10.1.0.20: it does not say which server it is from",
    ],
    [
      "about no host's address",
      { address: "255.255.255.255" },
      "Cannot use an answer about 255.255.255.255: it gives no host's address",
    ],
    [
      "about no address",
      { address: "0.0.0.0" },
      "Cannot use an answer about 0.0.0.0: it gives no host's address",
    ],
    [
      "of another type",
      { type: "discover" },
      "Cannot use an answer about 10.1.0.20: it is no offer, ACK or NAK",
    ],
    [
      "before its time",
      { type: "ack" },
      "an ACK of 10.1.0.20 from 10.1.0.1: nothing was asked for",
    ],
    ["that refuses nothing", { type: "nak" }, "a NAK from 10.1.0.1: nothing was asked for"],
    [
      "of a lease of no time",
      { options: [[51, u32(0)]] },
      "an offer of 10.1.0.20 from 10.1.0.1: its lease time is 0",
    ],
  ];

  it.each(offers)("%s, while an offer is looked for", (_what, change, reason) => {
    const lab = new Lab().start().answer("offer", change);
    expect(lab.client.state).toBe("selecting");
    expect(lab.said).toEqual(reason === undefined ? [] : [`ignored: ${reason}`]);
    lab.answer("offer").answer("ack");
    expect(lab.client.state).toBe("bound");
  });

  it.each([
    ["of another server", { server: "10.1.0.2" }, "from 10.1.0.2: 10.1.0.1 was asked"],
    [
      "about another address",
      { address: "10.1.0.21" },
      "of 10.1.0.21 from 10.1.0.1: 10.1.0.20 was asked for",
    ],
    ["of a lease of no time", { options: [[51, u32(0)]] }, "its lease time is 0"],
  ] as const)("%s, while one is asked for", (_what, change, reason) => {
    const lab = new Lab().start().answer("offer").answer("ack", change);
    expect(lab.client.state).toBe("requesting");
    expect(lab.said).toEqual([expect.stringContaining(reason)]);
    expect(lab.answer("ack").client.state).toBe("bound");
  });

  it("of another server, that refuses what was not asked of it", () => {
    const lab = new Lab().start().answer("offer").answer("nak", { server: "10.1.0.2" });
    expect(lab.said).toEqual(["ignored: a NAK from 10.1.0.2: 10.1.0.1 was asked"]);
    expect(lab.answer("ack").client.state).toBe("bound");
  });

  it("that came when its lease had ended", () => {
    const lab = new Lab().start().answer("offer").pass(3);
    lab.answer("ack", { options: [[51, u32(2)]] });
    expect(lab.said).toEqual([expect.stringContaining("its lease has ended already")]);
    expect(lab.client.lease).toBeUndefined();
  });

  it("that is no message", () => {
    const lab = new Lab().start();
    lab.tell({ kind: "frame", frame: new Uint8Array() });
    lab.tell({ kind: "frame", frame: lab.last.frame });
    expect(lab.said).toEqual([]);
    lab.tell({ kind: "frame", frame: fromServer(new Uint8Array(300), "10.1.0.1") });
    expect(lab.said).toEqual([
      "ignored: Cannot read a DHCP message: it has no DHCP options (magic cookie)",
    ]);
  });

  it("of any kind, while nothing is asked", () => {
    const lab = new Lab().bind();
    lab
      .answer("nak")
      .answer("ack", { options: [[51, u32(1)]] })
      .answer("offer");
    expect(lab.said).toEqual(["bound 10.1.0.20"]);
    expect(lab.client.lease).toBe(lab.held);
  });
});

describe("a lease", () => {
  it("is renewed at T1 by its server, and later by all", () => {
    const lab = new Lab().bind().pass(99.9);
    // T1 is 50 s less 2.5 %; what is left is halved, but no less than a sixtieth of the lease.
    expect(lab.sentSince(2)).toEqual([
      ...["request 48.7", "request 68.1", "request 77.8", "request 82.7", "request 85.1"],
      ...["request 86.7", "request 87.5", "request 93.8", "request 96.9", "request 98.5"],
    ]);
    const [first, second, third] = lab.sent.slice(2);
    const toServer = { source: "10.1.0.20", target: "10.1.0.1" };
    expect(first).toMatchObject({ ...toServer, to: formatMac(SERVER_MAC) });
    expect(second).toMatchObject({ ...toServer, to: "ff:ff:ff:ff:ff:ff" });
    expect(third).toMatchObject({ ...toServer, to: formatMac(SERVER_MAC) });
    const rebinding = lab.sent.find(({ at }) => at === 87.5);
    expect(rebinding).toMatchObject({ source: "10.1.0.20", target: "255.255.255.255" });
    for (const sent of [first, rebinding]) {
      if (!sent) throw new Error("not sent");
      expect(formatAddress(sent.message.ciaddr)).toBe("10.1.0.20");
      expect(optionsOf(sent)).toEqual({ 12: "68", 53: "03", 55: "017903", 57: "05dc", 61: "0063" });
    }
    expect(lab.client).toMatchObject({ state: "rebinding", lease: lab.held });
  });

  it("goes on when its server acknowledges it", () => {
    const lab = new Lab().bind().pass(50);
    expect(lab.client.state).toBe("renewing");
    expect(lab.client.listensTo.dhcp).toBe(true);
    lab.answer("ack");
    expect(lab.said).toEqual(["bound 10.1.0.20", "renewed"]);
    expect(lab.held.expiresAt).toBeCloseTo(248_750, -1);
    expect(lab.client).toMatchObject({ state: "bound", lease: lab.held });
  });

  it("goes on for as long as it is acknowledged, though each is short", () => {
    const short: Partial<Answer> = { options: [[51, u32(10)]] };
    const lab = new Lab().bind(short);
    for (let turn = 0; turn < 30; turn++) lab.wake().answer("ack", short);
    expect(lab.said).toEqual(["bound 10.1.0.20", ...new Array(30).fill("renewed")]);
    expect(lab.sent.length).toBe(32);
  });

  it("that has changed says so", () => {
    const lab = new Lab()
      .bind()
      .pass(50)
      .answer("ack", { options: [[3, ips("10.1.0.1")]] });
    expect(lab.said).toEqual(["bound 10.1.0.20", "changed"]);
  });

  it("is renewed by its own server only, and rebound by any", () => {
    const lab = new Lab().bind().pass(50).answer("ack", { server: "10.1.0.2" });
    expect(lab.client.state).toBe("renewing");
    lab.answer("nak", { server: "10.1.0.2" });
    expect(lab.client.state).toBe("renewing");
    lab.pass(40).answer("ack", { server: "10.1.0.2" });
    expect(lab.client.state).toBe("bound");
    expect(formatAddress(lab.held.server)).toBe("10.1.0.2");
  });

  it("is lost when it has ended, and the same address is asked for", () => {
    const lab = new Lab().bind();
    const count = lab.sent.length;
    lab.pass(101);
    expect(lab.said).toEqual(["bound 10.1.0.20", "lost: it has ended"]);
    expect(lab.client.lease).toBeUndefined();
    expect(lab.sentSince(count).slice(-2)).toEqual(["discover 100", "discover 100.3"]);
    expect(option(lab.last, 50)).toBe("0a010014");
    // Who had a lease once never gives up.
    lab.pass(10_000);
    expect(lab.client.state).toBe("selecting");
    lab.answer("offer").answer("ack");
    expect(lab.said.at(-1)).toBe("bound 10.1.0.20");
  });

  it.each(["renewing", "rebinding"])("is lost by a NAK while %s", (state) => {
    const lab = new Lab().bind().pass(state === "renewing" ? 50 : 90);
    expect(lab.client.state).toBe(state);
    lab.answer("nak");
    expect(lab.said).toEqual(["bound 10.1.0.20", "lost: 10.1.0.1 refused 10.1.0.20"]);
    expect(lab.last).toMatchObject({ type: "discover", source: "0.0.0.0" });
    expect(option(lab.last, 50)).toBeUndefined();
    expect(lab.client.lease).toBeUndefined();
  });

  it("without end is never renewed", () => {
    const lab = new Lab().bind({ options: [[51, u32(0xffffffff)]] }).pass(1e9);
    expect(lab.sent.length).toBe(2);
    expect(lab.client.wakeAt).toBe(Infinity);
  });

  it("has ended when the machine has slept for too long", () => {
    const lab = new Lab().bind();
    lab.now += 3_600_000;
    lab.answer("ack");
    expect(lab.said).toEqual(["bound 10.1.0.20", "lost: it has ended"]);
    expect(lab.client.state).toBe("selecting");
  });

  it("is given back to its server", () => {
    const lab = new Lab().bind();
    lab.tell({ kind: "release" });
    const toServer = { source: "10.1.0.20", target: "10.1.0.1", to: formatMac(SERVER_MAC) };
    expect(lab.last).toMatchObject({ type: "release", ...toServer });
    expect(formatAddress(lab.last.message.ciaddr)).toBe("10.1.0.20");
    expect(optionsOf(lab.last)).toEqual({ 53: "07", 54: "0a010001", 61: "0063" });
    expect(lab.client).toMatchObject({ state: "over", lease: undefined, wakeAt: Infinity });
    const count = lab.sent.length;
    lab.pass(1000).start();
    lab.tell({ kind: "release" });
    expect(lab.sent.length).toBe(count);
  });

  it("that was never had is not given back", () => {
    const lab = new Lab().start().answer("offer");
    lab.tell({ kind: "release" });
    expect(lab.sentSince(0)).toEqual(["discover 0", "request 0"]);
    expect(lab.client.state).toBe("over");
  });
});

describe("a lease from before a restart", () => {
  function restored(age = 10, lease = new Lab().bind().held): Lab {
    const lab = new Lab().pass(age);
    lab.tell({ kind: "restore", lease });
    return lab;
  }

  it("is asked about within a second, and usable meanwhile", () => {
    const lab = restored();
    expect(lab.client).toMatchObject({ state: "rebooting", lease: expect.anything() });
    expect(lab.sent).toEqual([]);
    lab.pass(1);
    expect(lab.last).toMatchObject({ type: "request", at: 10.5, source: "0.0.0.0" });
    expect(lab.last.target).toBe("255.255.255.255");
    expect(optionsOf(lab.last)).toEqual({
      ...{ 12: "68", 50: "0a010014", 53: "03", 55: "017903", 57: "05dc", 61: "0063" },
    });
    expect(formatAddress(lab.last.message.ciaddr)).toBe("0.0.0.0");
    lab.answer("ack", { server: "10.1.0.2" });
    expect(lab.said).toEqual(["renewed"]);
    expect(lab.client.state).toBe("bound");
  });

  it("is lost by a NAK", () => {
    const lab = restored().pass(1).answer("nak");
    expect(lab.said).toEqual(["lost: 10.1.0.1 refused 10.1.0.20"]);
    expect(lab.last.type).toBe("discover");
  });

  it("is kept for its time if nobody answers", () => {
    const lab = restored().pass(28);
    expect(lab.sentSince(0)).toEqual(["request 10.5", "request 14.5", "request 22.5"]);
    expect(lab.client.state).toBe("rebooting");
    expect(lab.pass(1).client.state).toBe("bound");
    expect(lab.pass(11).client.state).toBe("renewing");
    expect(lab.pass(40).client.state).toBe("rebinding");
    lab.pass(11);
    expect(lab.said).toEqual(["lost: it has ended"]);
  });

  it("is begun with once", () => {
    const lab = restored().start().pass(1).answer("ack");
    expect(lab.sentSince(0)).toEqual(["request 10.5"]);
  });

  it("is lost at once if it has ended meanwhile", () => {
    const lab = restored(100);
    expect(lab.said).toEqual(["lost: it ended while nobody kept it"]);
    expect(lab.last.type).toBe("discover");
    expect(option(lab.last, 50)).toBe("0a010014");
  });
});

describe("the link", () => {
  it("that is down sends nothing, and does not keep the time limit from coming", () => {
    const lab = new Lab();
    lab.tell({ kind: "link", isUp: false });
    lab.start().pass(207);
    expect(lab.sent).toEqual([]);
    lab.pass(2);
    expect(lab.client.state).toBe("over");
  });

  it("that comes up is asked by at once", () => {
    const lab = new Lab();
    lab.tell({ kind: "link", isUp: false });
    lab.start().pass(7);
    lab.tell({ kind: "link", isUp: true });
    lab.tell({ kind: "link", isUp: true });
    expect(lab.sentSince(0)).toEqual(["discover 7"]);
    expect(lab.answer("offer").answer("ack").client.state).toBe("bound");
  });

  it("that was down may be another one: the lease is asked about", () => {
    const lab = new Lab().bind();
    lab.tell({ kind: "link", isUp: false });
    expect(lab.client.lease).toBe(lab.held);
    lab.pass(60);
    expect(lab.sent.length).toBe(2);
    lab.tell({ kind: "link", isUp: true });
    expect(lab.client.state).toBe("rebooting");
    expect(lab.last).toMatchObject({ type: "request", at: 60, source: "0.0.0.0" });
    expect(lab.answer("ack").said).toEqual(["bound 10.1.0.20", "renewed"]);
  });

  it("that is down does not keep a lease from ending", () => {
    const lab = new Lab().bind();
    lab.tell({ kind: "link", isUp: false });
    expect(lab.client.wakeAt).toBe(lab.held.expiresAt);
    lab.pass(101);
    expect(lab.said).toEqual(["bound 10.1.0.20", "lost: it has ended"]);
    expect(lab.sent.length).toBe(2);
    lab.tell({ kind: "release" });
    expect(lab.sent.length).toBe(2);
  });

  it("that gets another hardware address is asked about by that", () => {
    const lab = new Lab().bind();
    lab.tell({ kind: "link", isUp: true, mac: CLIENT_MAC });
    expect(lab.sent.length).toBe(2);
    lab.tell({ kind: "link", isUp: true, mac: OTHER_MAC });
    expect(lab.last.message.chaddr).toEqual(OTHER_MAC);
    expect(lab.last.frame.slice(6, 12)).toEqual(OTHER_MAC);
    lab.answer("ack");
    expect(lab.client.state).toBe("rebooting");
    lab.answer("ack", { mac: OTHER_MAC });
    expect(lab.client.state).toBe("bound");
  });
});

/** An ARP frame that says that a hardware address has an address, or asks for one. */
function arp(
  operation: number,
  mac: Uint8Array,
  [sender, target]: readonly [string, string],
): Uint8Array {
  const head = [...hex("ffffffffffff"), ...mac, ...hex("0806 0001 0800 06 04 00"), operation];
  return Uint8Array.from([...head, ...mac, ...ip(sender), ...hex("000000000000"), ...ip(target)]);
}

describe("an address that is probed", () => {
  const probing = { detectsConflicts: true };

  it("is used if nobody answers for it", () => {
    const lab = new Lab(probing).bind();
    expect(lab.client).toMatchObject({ state: "probing", lease: undefined });
    expect(lab.client.listensTo).toEqual({ dhcp: false, arp: true });
    lab.pass(0.6);
    expect(lab.said).toEqual(["probe 10.1.0.20"]);
    lab.pass(3);
    expect(lab.said).toEqual(new Array(3).fill("probe 10.1.0.20"));
    lab.pass(2);
    expect(lab.said.slice(3)).toEqual(["bound 10.1.0.20"]);
    expect(lab.client.lease?.acquiredAt).toBe(100_000);
  });

  it("is not probed again when it is renewed", () => {
    const lab = new Lab(probing).bind().pass(50).answer("ack");
    expect(lab.said.slice(3)).toEqual(["bound 10.1.0.20", "renewed"]);
  });

  it.each([
    ["has it", arp(2, OTHER_MAC, ["10.1.0.20", "0.0.0.0"])],
    ["asks by it", arp(1, OTHER_MAC, ["10.1.0.20", "10.1.0.1"])],
    ["probes for it too", arp(1, OTHER_MAC, ["0.0.0.0", "10.1.0.20"])],
  ])("is declined if somebody %s", (_what, frame) => {
    const lab = new Lab(probing).bind().pass(1);
    lab.tell({ kind: "frame", frame });
    expect(lab.last).toMatchObject({
      type: "decline",
      source: "0.0.0.0",
      target: "255.255.255.255",
    });
    expect(optionsOf(lab.last)).toEqual({ 50: "0a010014", 53: "04", 54: "0a010001", 61: "0063" });
    const count = lab.sent.length;
    lab.pass(9.9);
    expect(lab.sent.length).toBe(count);
    lab.pass(0.2);
    expect(lab.sentSince(count)).toEqual(["discover 11"]);
    expect(option(lab.last, 50)).toBeUndefined();
    lab.pass(300);
    expect(lab.said.at(-1)).toBe(
      "failed: no lease within 208 s: 10.1.0.20: 02:00:00:00:00:99 uses it",
    );
  });

  it.each([
    ["the client itself", arp(1, CLIENT_MAC, ["0.0.0.0", "10.1.0.20"])],
    ["another address", arp(2, OTHER_MAC, ["10.1.0.21", "10.1.0.1"])],
    ["who looks for it", arp(1, OTHER_MAC, ["10.1.0.1", "10.1.0.20"])],
    ["a frame that is cut off", arp(2, OTHER_MAC, ["10.1.0.20", "0.0.0.0"]).slice(0, -1)],
    ["another protocol", arp(2, OTHER_MAC, ["10.1.0.20", "0.0.0.0"]).fill(9, 12, 14)],
    ["another kind of address", arp(2, OTHER_MAC, ["10.1.0.20", "0.0.0.0"]).fill(9, 18, 19)],
  ])("is not declined for %s", (_what, frame) => {
    const lab = new Lab(probing).bind().pass(1);
    lab.tell({ kind: "frame", frame });
    expect(lab.client.state).toBe("probing");
  });

  it("is given back if the client is released", () => {
    const lab = new Lab(probing).bind();
    lab.tell({ kind: "release" });
    expect(lab.last.type).toBe("release");
    expect(lab.pass(100).said).toEqual([]);
  });

  it("is asked for again if the link was down", () => {
    const lab = new Lab(probing).bind();
    lab.tell({ kind: "link", isUp: false });
    lab.tell({ kind: "link", isUp: true });
    expect(lab.last.type).toBe("discover");
    expect(option(lab.last, 50)).toBe("0a010014");
  });

  it("whose lease ends meanwhile is looked for anew", () => {
    const lab = new Lab(probing).bind({ options: [[51, u32(3)]] }).pass(6);
    expect(lab.said).not.toContain("bound 10.1.0.20");
    expect(lab.client.state).toBe("selecting");
  });

  it("is declined when it is found to be used later", () => {
    const lab = new Lab().bind().pass(20);
    lab.tell({ kind: "conflict" });
    expect(lab.said).toEqual(["bound 10.1.0.20", "lost: somebody else uses it"]);
    expect(lab.last.type).toBe("decline");
    expect(lab.client).toMatchObject({ state: "idle", lease: undefined });
    lab.pass(11);
    expect(lab.last.type).toBe("discover");
  });
});
