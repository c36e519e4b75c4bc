import { type AuditDetails, type AuditFacts, auditFacts, DENIED_PER_MINUTE } from "../../domain/people/audit.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/error-message.ts";
import type { Log } from "../../lib/log.ts";
import type { AuditStore } from "../../store/people/audit.ts";

export type DenialsOptions = {
  readonly audit: Pick<AuditStore, "addDenied">;
  readonly clock: Clock;
  readonly log: Log;
};

const MINUTE_MS = 60_000;

/** Delay in ms between the answer to a denied request and its entry. The time of the answer then doesn't show that there is an entry. */
const LATER_MS = 250;

type Later = { readonly facts: AuditFacts; readonly at: number };

/** How many addresses are counted on their own at once. All others share the bound of one. */
const MAX_ADDRESSES = 1_000;

/** What an address was denied since its minute began. */
type Minute = {
  readonly address: string | null;
  rows: number;
  /** How many requests have no row, by their action. */
  readonly counted: Map<string, number>;
  cancel: () => void;
};

/**
 * Stores denied requests: the first of an address in a minute each, the rest as one row with their count when the minute has passed. Whoever
 * guesses tokens can't fill the disk.
 */
export class Denials {
  readonly #options: DenialsOptions;
  readonly #minutes = new Map<string, Minute>();
  /** What is stored soon. */
  readonly #later: Later[] = [];
  #cancelLater: () => void = () => {};

  constructor(options: DenialsOptions) {
    this.#options = options;
  }

  add(facts: AuditFacts): void {
    this.#add({ facts, at: this.#options.clock.now() });
  }

  /** Adds a denied request after its answer. The time of the answer then doesn't show that there is an entry. */
  addLater(facts: AuditFacts): void {
    const { clock } = this.#options;
    this.#later.push({ facts, at: clock.now() });
    if (this.#later.length === 1) this.#cancelLater = clock.setTimeout(() => this.#addAll(), LATER_MS);
  }

  #addAll(): void {
    this.#cancelLater();
    for (const each of this.#later.splice(0)) this.#add(each);
  }

  #add({ facts, at }: Later): void {
    const minute = this.#minuteOf(facts.address);
    if (minute.rows < DENIED_PER_MINUTE) {
      minute.rows++;
      if (this.#store(facts, 1, at)) return;
    }
    minute.counted.set(facts.action, (minute.counted.get(facts.action) ?? 0) + 1);
  }

  /** Stores what is counted. */
  flush(): void {
    this.#addAll();
    for (const [key, minute] of [...this.#minutes]) {
      minute.cancel();
      this.#end(key, minute);
    }
  }

  #minuteOf(address: string | null): Minute {
    const key = keyOf(address);
    const isShared = this.#minutes.size >= MAX_ADDRESSES && !this.#minutes.has(key);
    const present = this.#minutes.get(isShared ? SHARED : key);
    if (present !== undefined) return present;
    return this.#begin(isShared ? SHARED : key, isShared ? null : address);
  }

  #begin(key: string, address: string | null): Minute {
    const minute: Minute = { address, rows: 0, counted: new Map(), cancel: () => {} };
    this.#minutes.set(key, minute);
    this.#wait(key, minute);
    return minute;
  }

  #wait(key: string, minute: Minute): void {
    minute.cancel = this.#options.clock.setTimeout(() => this.#end(key, minute), MINUTE_MS);
  }

  #end(key: string, minute: Minute): void {
    const { counted, address } = minute;
    const count = counted.values().reduce((sum, each) => sum + each, 0);
    const details: AuditDetails = { actions: Object.fromEntries(counted) };
    const facts = auditFacts({ how: "anonymous", action: "requests.denied", address, details });
    if (count === 0 || this.#store(facts, count)) this.#minutes.delete(key);
    else this.#wait(key, minute);
  }

  /** Returns false if the database can't be written: health and the log say so. */
  #store(facts: AuditFacts, count: number, now = this.#options.clock.now()): boolean {
    const { audit, log } = this.#options;
    try {
      audit.addDenied(facts, { now, count });
      return true;
    } catch (error) {
      log.debug({ problem: errorMessage(error) }, "a denied request could not be stored in the audit log");
      return false;
    }
  }
}

const SHARED = "others";

const LOOPBACK = "127.0.0.1";

/**
 * Returns what counts as one address. A host has 2^64 addresses in a network of IPv6, and each process of this machine has those of
 * 127.0.0.0/8.
 */
const keyOf = (address: string | null): string => {
  if (address === null) return "unknown";
  if (!address.includes(":")) return address.startsWith("127.") ? LOOPBACK : address;
  const [head = "", tail] = address.split("::");
  const parts = head.split(":");
  const missing = tail === undefined ? 0 : 8 - parts.length - tail.split(":").length;
  return [...parts, ...Array.from({ length: Math.max(0, missing) }, () => "0"), ...(tail?.split(":") ?? [])]
    .slice(0, 4)
    .join(":");
};
