import { randomUUID } from "node:crypto";
import { isSuccessor } from "../../domain/workers/process.ts";
import type { Hello, HelloAnswer } from "../../domain/workers/protocol.ts";
import { PROTOCOL } from "../../domain/workers/protocol.ts";
import type { RefusedHello, WorkerState } from "../../domain/workers/worker.ts";
import type { StoredWorker, WorkerGreeting } from "../../store/workers/workers.ts";
import type { RemoteContext } from "./remote-context.ts";

/** Workers say hello this often, in ms, or more often if `lost_after` is short. */
const HELLO_MS = 10_000;

/** How many hellos may be missing before a worker is unreachable. */
const MISSING_HELLOS = 2.5;

/** How long a process of a worker may take to answer when another one says hello in its place, in ms, and how often it is asked. */
const CHALLENGE_MS = 5_000;
const ASK_MS = 1_000;

/** How long a refused copy of a worker is shown after its last hello, in ms. */
const COPY_MS = 600_000;

/** A process that wants to take the place of another one, which may still run. */
type Challenge = { readonly id: string; readonly since: number; askedAt: number };

/** A copy of a worker, which was refused. */
type Copy = {
  readonly address: string;
  /** In ms since the Unix epoch. */
  readonly since: number;
  /** Its last hello, in ms of the monotonic clock. */
  readonly at: number;
};

/** The last hello of a worker. */
export type Contact = {
  readonly hello: Hello;
  /** Ms of the monotonic clock. */
  readonly at: number;
  readonly refused: HelloAnswer["refused"];
  /** Since when it is refused for that reason, in ms since the Unix epoch; null if it is not. */
  readonly refusedSince: number | null;
  /** The longest `lost_after` by which its lease may count, in ms. */
  readonly lostAfterMs: number;
  /** The label sets that it knows. */
  readonly sets: ReadonlySet<string>;
};

/** The last reported state of a worker. */
type Report = "connected" | "unreachable" | "lost" | "left";

/**
 * Tracks which workers are in contact. Time without contact counts only while petit itself is connected to NATS. It starts again from zero
 * when petit connects, and after petit was suspended.
 */
export class Presence {
  readonly #context: RemoteContext;
  readonly #ask: (worker: string) => void;
  /** By name; the instance that has the name. */
  readonly #contacts = new Map<string, Contact>();
  readonly #reported = new Map<string, Report>();
  readonly #challenges = new Map<string, Challenge>();
  readonly #copies = new Map<string, Copy>();
  /** The id of the process of each worker before the current one. */
  readonly #retired = new Map<string, string>();
  /** When petit connected to NATS, in ms of the monotonic clock; null without a connection. */
  #connectedSince: number | null = null;
  #session: string = randomUUID();
  readonly unreachableMs: number;

  /** `ask` asks the processes of a worker for a hello. */
  constructor(context: RemoteContext, ask: (worker: string) => void) {
    this.#context = context;
    this.#ask = ask;
    this.unreachableMs = MISSING_HELLOS * Math.min(HELLO_MS, context.lostAfterMs / 4);
  }

  setConnected(isConnected: boolean): void {
    this.#connectedSince = isConnected ? this.#context.clock.monotonic() : null;
    if (isConnected) this.#session = randomUUID();
  }

  /** Identifies the connection of petit. */
  get session(): string {
    return this.#session;
  }

  /** Restarts the count of time without contact, because petit may have missed messages. */
  restart(): void {
    if (this.#connectedSince !== null) this.#connectedSince = this.#context.clock.monotonic();
  }

  /** For how long petit has been connected to NATS, in ms. */
  get connectedMs(): number {
    return this.#connectedSince === null ? 0 : this.#context.clock.monotonic() - this.#connectedSince;
  }

  /** After how many ms without contact any worker has ended what may be started elsewhere. */
  get longestLostAfterMs(): number {
    return Math.max(
      this.#context.lostAfterMs,
      ...this.#context.store.workers.list().map(({ lostAfterMs }) => lostAfterMs),
    );
  }

  /** Returns for how long an instance of a worker has sent no hello, in ms. Counts only since petit's own connection. */
  silentMs(name: string, instance: string): number {
    if (this.#connectedSince === null) return 0;
    const contact = this.find(name, instance);
    return this.#context.clock.monotonic() - Math.max(this.#connectedSince, contact?.at ?? 0);
  }

  /**
   * Returns after how many ms without contact a worker is lost. That is not before its lease is over: the worker may not know yet that
   * `lost_after` has become shorter.
   */
  lostAfterMs(name: string): number {
    const known = this.#contacts.get(name) ?? this.#context.store.workers.find(name);
    return Math.max(this.#context.lostAfterMs, known?.lostAfterMs ?? 0);
  }

  /** Returns the last hello of an instance of a worker, since the start. */
  find(name: string, instance: string): Contact | null {
    const contact = this.#contacts.get(name);
    return contact?.hello.instance === instance ? contact : null;
  }

  /** Returns a copy of a worker that was refused lately, or null. */
  findCopy(name: string): Copy | null {
    const copy = this.#copies.get(name);
    return copy !== undefined && this.#context.clock.monotonic() - copy.at < COPY_MS ? copy : null;
  }

  /** The last hello of each worker since the start, by name. */
  get contacts(): ReadonlyMap<string, Contact> {
    return this.#contacts;
  }

  /** Returns why a worker gets no work, or null. `undecided`: whether it may take the place of another process turns out soon. */
  judge(name: string, hello: Hello): RefusedHello | "undecided" | null {
    const { instance, protocol, trusts, cannotStore } = hello;
    if (this.#isInUse(name, instance)) return "name_in_use";
    const successor = this.#judgeProcess(name, hello);
    if (successor !== null) return successor;
    if (protocol !== PROTOCOL) return "protocol";
    const { signingKeys } = this.#context;
    if (trusts !== undefined && !signingKeys.some(({ publicKey }) => trusts.includes(publicKey))) return "untrusted";
    return cannotStore === undefined ? null : "storage";
  }

  /** Returns whether another instance that may still be running has the name. */
  #isInUse(name: string, instance: string): boolean {
    const { store, clock } = this.#context;
    const lostAfterMs = this.lostAfterMs(name);
    const contact = this.#contacts.get(name);
    if (contact !== undefined)
      return (
        contact.hello.instance !== instance &&
        contact.hello.leaving !== true &&
        this.silentMs(name, contact.hello.instance) < lostAfterMs
      );
    const stored = store.workers.find(name);
    if (stored === null || stored.instance === instance || stored.leaving) return false;
    return clock.now() - stored.lastContactAt < lostAfterMs && this.silentMs(name, stored.instance) < lostAfterMs;
  }

  /**
   * Decides whether a process may take the place of the previous one of the same worker. After a restart it holds the lock that the previous
   * one held. Otherwise the machine was booted anew, or is a clone of another one. Only the previous process can tell: it is asked, and keeps
   * its place if it answers.
   */
  #judgeProcess(name: string, { instance, process, address }: Hello): "copied" | "undecided" | null {
    const contact = this.#contacts.get(name);
    const { clock, store } = this.#context;
    const owner = contact?.hello ?? store.workers.find(name);
    if (process === undefined || owner === null || owner.process == null) return null;
    if (owner.instance !== instance || owner.leaving === true || owner.process.id === process.id) return null;
    // Its last messages may arrive after those of the next process.
    if (this.#retired.get(name) === process.id && isSuccessor(process, owner.process)) return "undecided";
    if (isSuccessor(process, owner.process)) return null;
    const now = clock.monotonic();
    const known = this.#challenges.get(name);
    const challenge =
      known?.id === process.id ? known : { id: process.id, since: now, askedAt: Number.NEGATIVE_INFINITY };
    this.#challenges.set(name, challenge);
    if (contact !== undefined && contact.at > challenge.since) {
      this.#challenges.delete(name);
      this.#copies.set(name, { address, since: this.findCopy(name)?.since ?? clock.now(), at: now });
      return "copied";
    }
    if (now - Math.max(challenge.since, this.#connectedSince ?? now) >= CHALLENGE_MS) return null;
    if (now - challenge.askedAt >= ASK_MS) {
      challenge.askedAt = now;
      this.#ask(name);
    }
    return "undecided";
  }

  /** Notes a hello of the instance that has the name. */
  note(name: string, hello: Hello, { refused, sets }: Pick<Contact, "refused" | "sets">): void {
    const { clock, store, log } = this.#context;
    // Whether this answer reaches the worker is unknown until its next hello.
    const lostAfterMs = Math.max(this.#context.lostAfterMs, hello.lostAfterMs ?? this.lostAfterMs(name));
    const before = this.#contacts.get(name);
    const since = before?.refused === refused ? before.refusedSince : clock.now();
    const refusedSince = refused === null ? null : since;
    if (before?.hello.process !== undefined && before.hello.process.id !== hello.process?.id)
      this.#retired.set(name, before.hello.process.id);
    this.#contacts.set(name, { hello, at: clock.monotonic(), refused, refusedSince, sets, lostAfterMs });
    try {
      store.workers.greet({ ...greetingOf(name, hello, clock.now()), lostAfterMs }, clock.now());
    } catch (error) {
      log.debug({ err: error, worker: name }, "cannot store the hello of a worker");
    }
    this.#report(name, hello.leaving === true ? "left" : "connected");
  }

  /** Forgets a worker. */
  forget(name: string): void {
    for (const each of [this.#contacts, this.#reported, this.#challenges, this.#copies, this.#retired])
      each.delete(name);
  }

  /** Reports the workers that have become unreachable. */
  reportMissing(): void {
    if (this.#connectedSince === null) return;
    for (const { name, instance, leaving } of this.#context.store.workers.list()) {
      if (leaving) continue;
      const silentMs = this.silentMs(name, instance);
      if (silentMs >= this.lostAfterMs(name)) this.#report(name, "lost");
      else if (silentMs >= this.unreachableMs) this.#report(name, "unreachable");
    }
  }

  stateOf({ name, instance, leaving }: StoredWorker): WorkerState {
    if (this.#connectedSince === null) return "unknown";
    if (leaving) return "gone";
    const silentMs = this.silentMs(name, instance);
    if (silentMs >= this.lostAfterMs(name)) return "lost";
    if (silentMs >= this.unreachableMs) return "unreachable";
    const contact = this.find(name, instance);
    if (contact === null) return "unknown";
    return contact.refused === null ? "connected" : "refused";
  }

  #report(name: string, status: Report): void {
    if (this.#reported.get(name) === status) return;
    const { store, clock, log } = this.#context;
    this.#reported.set(name, status);
    try {
      store.events.record({ type: "worker", now: clock.now(), worker: name, status });
    } catch (error) {
      log.debug({ err: error, worker: name }, "cannot store the state of a worker");
    }
  }
}

const greetingOf = (name: string, hello: Hello, now: number): Omit<WorkerGreeting, "lostAfterMs"> => ({
  name,
  instance: hello.instance,
  process: hello.process ?? null,
  labels: hello.labels,
  slots: hello.slots,
  version: hello.version,
  protocol: hello.protocol,
  address: hello.address,
  draining: hello.draining,
  leaving: hello.leaving === true,
  clockDifferenceMs: hello.now === null ? null : Math.round(hello.now - now),
});
