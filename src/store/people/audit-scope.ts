import { AsyncLocalStorage } from "node:async_hooks";
import type { AuditFacts } from "../../domain/people/audit.ts";
import type { Clock } from "../../lib/clock.ts";

/**
 * - `open`: it is not stored yet.
 * - `stored`: the open or a committed transaction has it. A rollback opens it again.
 * - `closed`: its request has ended, or it turned out to change nothing.
 */
type EntryState = "open" | "stored" | "closed";

/** An action in progress. It becomes a row of the audit log in the first durable transaction within its scope. */
export class AuditEntry {
  readonly #clock: Pick<Clock, "now">;
  #facts: AuditFacts;
  #state: EntryState = "open";
  #isDeferred = false;
  #isHidden = false;

  constructor(facts: AuditFacts, clock: Pick<Clock, "now">) {
    this.#facts = facts;
    this.#clock = clock;
  }

  get facts(): AuditFacts {
    return this.#facts;
  }

  /** The wall clock in ms since the Unix epoch. */
  get now(): number {
    return this.#clock.now();
  }

  /** True if the next durable transaction stores it. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** True if its transaction is repeated until the database accepts it, also after the answer. */
  get isDeferred(): boolean {
    return this.#isDeferred;
  }

  /** True if it was to be done to something that exists, but not for the person. */
  get isHidden(): boolean {
    return this.#isHidden;
  }

  /** Something that it is to be done to does not exist for the person. */
  hide(): void {
    this.#isHidden = true;
  }

  /** Adds to what is known, as long as it is not stored. */
  note(known: Partial<AuditFacts>): void {
    this.#facts = { ...this.#facts, ...known };
  }

  /** The open transaction has stored it. */
  stored(): void {
    this.#state = "stored";
  }

  /** The transaction that has stored it was rolled back. */
  undone(): void {
    if (this.#state === "stored") this.#state = "open";
  }

  /** Its transaction will be repeated until the database accepts it. */
  defer(): void {
    this.#isDeferred = true;
  }

  /** From now on no transaction stores it, but for one that is repeated. */
  close(): void {
    if (this.#state === "open" && !this.#isDeferred) this.#state = "closed";
  }
}

const scope = new AsyncLocalStorage<AuditEntry | null>();

/** Calls `work`, and what it starts, within the scope of an action. */
export const withinAction = <T>(entry: AuditEntry, work: () => T): T => scope.run(entry, work);

/** Calls `work` outside of any scope. It is for what an action does not do itself, such as work of others that it only starts. */
export const outsideAction = <T>(work: () => T): T =>
  (scope.getStore() ?? null) === null ? work() : scope.run(null, work);

/** Returns the action in whose scope this is called; null if there is none. */
export const currentAction = (): AuditEntry | null => scope.getStore() ?? null;

/** Adds to what is known about the action in whose scope this is called. */
export const noteAction = (known: Partial<AuditFacts>): void => {
  const entry = scope.getStore() ?? null;
  if (entry?.isOpen) entry.note(known);
};

/** What the action in whose scope this is called is to be done to exists, but not for the person. */
export const noteHidden = (): void => scope.getStore()?.hide();

/** The request in whose scope this is called changes nothing, although others to its route do. */
export const noteNoAction = (): void => scope.getStore()?.close();
