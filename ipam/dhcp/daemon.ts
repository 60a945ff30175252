/**
 * The daemon: one thread that sleeps until a plugin asks, a server answers, a link changes, or a
 * client's time has come.
 *
 *   /run/cni/dhcp.sock ──▶ LineServer ──▶ Daemon ──▶ a Keeper for each attachment ──▶ Client
 *                                       ▲                  ▲
 *   links of all namespaces ────────────┘                  └── packet sockets, while it is asking
 */

import { readConfig } from "../../lib/cni/calls.ts";
import { CniError, Code } from "../../lib/cni/error.ts";
import { unconfirmed } from "../../lib/cni/verdict.ts";
import { Client } from "../../lib/dhcp/client.ts";
import type { Timing } from "../../lib/dhcp/timing.ts";
import {
  bootMilliseconds,
  catchSignals,
  EPOLLIN,
  EventLoop,
  SIGINT,
  SIGTERM,
} from "../../lib/host/epoll.ts";
import { randomFraction } from "../../lib/host/random.ts";
import { findLink, type Link, setLinkUp } from "../../lib/net/link.ts";
import { type NamespaceEvent, NamespaceEvents, numberOf } from "../../lib/net/namespace-events.ts";
import { isOwnNetns, type Netns, ownNetns } from "../../lib/net/netns.ts";
import { identifyNetns } from "../../lib/net/netns-identity.ts";
import { inWords } from "./ask.ts";
import { clientKey, optionsToSend, parseDhcpConfig } from "./config.ts";
import * as schema from "./dhcp.schema.json";
import { Journal, type Log } from "./journal.ts";
import { Keeper, type Kept } from "./keeper.ts";
import type { AddQuestion, Answer, Question } from "./messages.ts";
import { isSamePlace, type Place, withNetns, withPlace } from "./place.ts";
import { serveQuestions } from "./questions.ts";
import { deleteRecord } from "./record-files.ts";
import { type LeaseRecord, listRecords } from "./records.ts";

/** What the command line says. */
export interface Settings {
  readonly listener: number;
  /** The directory of the leases' records. */
  readonly records: string;
  /** What paths of namespaces are to begin with. */
  readonly prefix: string;
  readonly broadcast: boolean;
  readonly timing: Timing;
}

/** A link that a lease is for. */
interface Seat {
  readonly place: Place;
  readonly nsid: number;
  readonly link: Link;
}

/** All leases of a host. */
export class Daemon {
  readonly #settings: Settings;
  readonly #log: Log;
  readonly #journal: Journal;
  readonly #own = ownNetns();
  readonly #keepers = new Map<string, Keeper>();
  readonly #loop = new EventLoop(
    () => this.#tellTime(),
    (cause) => this.#journal.tell("problem", CniError.from(cause).message),
  );

  constructor(settings: Settings, log: Log) {
    this.#settings = settings;
    this.#log = log;
    this.#journal = new Journal(log);
  }

  /** Returns after SIGTERM or SIGINT; throws if it cannot hear of what happens. */
  run(): void {
    const signals = catchSignals(SIGTERM, SIGINT);
    this.#loop.watch(signals, EPOLLIN, () => this.#loop.end());
    const events = new NamespaceEvents();
    this.#loop.watch(events.descriptor, EPOLLIN, () => this.#heed(events.read()));
    this.#restoreAll();
    serveQuestions(this.#loop, this.#settings.listener, (question, answer) =>
      this.#serve(question, answer),
    );
    this.#log("started", `${this.#keepers.size} leases are kept`);
    this.#loop.run(() => this.#loop.wakeAt(this.#nextTime()));
  }

  #nextTime(): number | undefined {
    let next = Number.POSITIVE_INFINITY;
    for (const keeper of this.#keepers.values()) next = Math.min(next, keeper.wakeAt);
    return Number.isFinite(next) ? next : undefined;
  }

  #tellTime(): void {
    const now = bootMilliseconds();
    for (const keeper of [...this.#keepers.values()]) {
      if (keeper.wakeAt <= now) keeper.handle({ kind: "time" });
    }
  }

  /** What happened to links and namespaces; if some of it was lost, all are looked at. */
  #heed(events: readonly NamespaceEvent[] | undefined): void {
    if (!events) this.#lookAtAll();
    for (const event of events ?? []) {
      const isAbout = ({ kept }: Keeper) =>
        kept.nsid === event.nsid && (event.kind === "gone" || kept.place.index === event.index);
      for (const keeper of [...this.#keepers.values()].filter(isAbout)) keeper.heed(event);
    }
  }

  #lookAtAll(): void {
    for (const keeper of [...this.#keepers.values()]) {
      const { place, nsid } = keeper.kept;
      const link = withPlace(place, (ns) => findLink(ns, place.index));
      if (!link) keeper.abandon("its link or namespace is gone");
      else keeper.heed({ ...link, kind: "link", nsid });
    }
  }

  /* ---- questions ---- */

  #serve(question: Question, answer: (answer: Answer) => void): () => void {
    switch (question.command) {
      case "ADD":
        return this.#add(question, answer);
      case "CHECK":
        answer({ lease: this.#check(question.attachment) });
        return nothing;
      case "DEL":
        this.#delete(question.attachment);
        break;
      case "GC":
        this.#collect(question);
    }
    answer({});
    return nothing;
  }

  /** A lease that is there already is told again: a runtime may have missed the answer. */
  #add(question: AddQuestion, answer: (answer: Answer) => void): () => void {
    const { attachment } = question;
    const seat = this.#findSeat(question);
    const known = this.#keepers.get(clientKey(attachment));
    if (known && isSamePlace(known.kept.place, seat.place)) {
      if (known.isAwaited) throw refused(question, Code.tryAgain, "another ADD of it is under way");
      const lease = known.reading();
      if (lease) {
        answer({ lease });
        return nothing;
      }
    }
    known?.release();
    const keeper = this.#keeperOf(question, seat, { within: question.within });
    keeper.start(answer);
    return () => keeper.isAwaited && keeper.release();
  }

  #check(attachment: AddQuestion["attachment"]) {
    const keeper = this.#keepers.get(clientKey(attachment));
    const lease = keeper?.isAwaited ? undefined : keeper?.reading();
    if (lease) return lease;
    const fault = keeper ? "it has run out, and is asked for again" : "the daemon keeps none";
    throw unconfirmed(`the lease of ${inWords(attachment)}`, fault);
  }

  #delete(attachment: AddQuestion["attachment"]): void {
    this.#keepers.get(clientKey(attachment))?.release();
    deleteRecord(this.#settings.records, attachment);
  }

  #collect({ network, valid }: Extract<Question, { command: "GC" }>): void {
    const kept = new Set(valid.map((each) => clientKey({ ...each, network })));
    const failures: unknown[] = [];
    for (const [key, keeper] of [...this.#keepers]) {
      if (keeper.kept.question.attachment.network !== network || kept.has(key)) continue;
      try {
        keeper.release();
      } catch (cause) {
        failures.push(cause);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  /* ---- keepers ---- */

  /** The link of an ADD, set up; throws CniError if it cannot be one. */
  #findSeat(question: AddQuestion): Seat {
    const netns = this.#settings.prefix + question.netns;
    return withNetns(netns, (ns) => {
      if (isOwnNetns(ns)) {
        throw refused(question, Code.sameNetns, `"${netns}" is the daemon's own namespace`);
      }
      const { ifName } = question.attachment;
      const link = findLink(ns, ifName);
      if (!link) {
        const state = `there is no link "${ifName}" in "${netns}", which has to be there before`;
        throw refused(question, Code.environment, state);
      }
      const place = { netns, identity: identifyNetns(ns), index: link.index };
      if (!link.isUp) setLinkUp(ns, link);
      return { place, link, nsid: numberOf(this.#own, ns) };
    });
  }

  #keeperOf(
    question: AddQuestion,
    seat: Seat,
    { within, reported }: { readonly within: number; readonly reported?: string },
  ): Keeper {
    const kept = this.#keptOf(question, seat, within);
    const key = clientKey(question.attachment);
    const around = {
      loop: this.#loop,
      log: this.#log,
      records: this.#settings.records,
      forget: () => this.#keepers.delete(key),
    };
    const keeper = new Keeper(around, kept, reported);
    this.#keepers.set(key, keeper);
    return keeper;
  }

  #keptOf(question: AddQuestion, seat: Seat, within: number): Kept {
    const plugin = { name: "dhcp", schema, parseConfig: parseDhcpConfig };
    const config = readConfig(plugin, question.config, true);
    const { timing, broadcast } = this.#settings;
    const client = new Client(
      {
        mac: seat.link.mac,
        provide: optionsToSend(config, question.attachment, question.args),
        request: config.request,
        broadcast: broadcast || config.broadcast,
        detectsConflicts: config.detectsConflicts,
        timing: Number.isFinite(within)
          ? { ...timing, resendTimeout: Math.min(timing.resendTimeout, within) }
          : { ...timing, resendTimeout: within },
      },
      randomFraction,
    );
    return { question, ...seat, client, priority: config.priority };
  }

  /* ---- after a restart ---- */

  #restoreAll(): void {
    for (const [name, record] of listRecords(this.#settings.records)) {
      try {
        if (record) this.#restore(record);
        else this.#log("forgotten", `record "${name}" cannot be read`);
      } catch (cause) {
        this.#log("problem", `record "${name}": ${CniError.from(cause).message}`);
      }
    }
  }

  /** One that ran out meanwhile is asked for again, however long that takes. */
  #restore({ question, place, reported, lease }: LeaseRecord): void {
    const { attachment } = question;
    const seat = withPlace(place, (ns) => this.#seatAgain(ns, place));
    if (!seat) {
      this.#log("forgotten", `${inWords(attachment)}: its link or namespace is gone`);
      deleteRecord(this.#settings.records, attachment);
      return;
    }
    const forever = { within: Number.POSITIVE_INFINITY, reported };
    const keeper = this.#keeperOf(question, seat, forever);
    keeper.handle(lease ? { kind: "restore", lease } : { kind: "start" });
    keeper.heed({ ...seat.link, kind: "link", nsid: seat.nsid });
  }

  #seatAgain(ns: Netns, place: Place): Seat | undefined {
    const link = findLink(ns, place.index);
    return link && { place, link, nsid: numberOf(this.#own, ns) };
  }
}

const nothing = () => undefined;

function refused({ attachment }: AddQuestion, code: number, state: string): CniError {
  return new CniError(code, `Cannot lease an address for ${inWords(attachment)}: ${state}`);
}
