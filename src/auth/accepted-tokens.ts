import { timingSafeEqual } from "node:crypto";
import type { Role } from "../domain/people/role.ts";
import { type JobScope, limitOf } from "../domain/people/scope.ts";
import { type ApiToken, type StoredToken, tokenStateOf } from "../domain/people/token.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Store } from "../store/store.ts";
import { digestOf, needsStoredToken } from "./stored-tokens.ts";

/** A token that petit accepts. */
export type AcceptedToken = {
  /** Stays the same as long as it is accepted. */
  readonly key: string;
  readonly name: string | null;
  readonly role: Role;
  readonly scope: JobScope;
  readonly source:
    | { readonly kind: "given"; readonly token: ApiToken }
    | { readonly kind: "stored"; readonly id: number; readonly expiresAt: number | null };
};

/** Why a token is refused. Only somebody who has it learns more than that it is wrong. */
export type RefusedToken =
  | { readonly refused: "wrong" }
  | { readonly refused: "expired"; readonly id: number; readonly name: string; readonly at: number }
  | { readonly refused: "revoked"; readonly name: string; readonly at: number };

export type AcceptedTokensOptions = {
  /** The tokens of the token file or the variable. */
  readonly tokens: readonly ApiToken[];
  /** Calls a listener with all of these whenever they change. Missing if they never do. */
  readonly followTokens?: (listener: (tokens: readonly ApiToken[]) => void) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, "tokens">;
};

/** How soon a token is noticed that another process has stored or revoked, and one that expires. */
const POLL_MS = 500;

/** How often the last use of a token is stored. */
const NOTE_MS = 60_000;

/** The tokens that petit accepts now: those of the token file, and those that it stores. Reads them again when they change. */
export class AcceptedTokens implements Disposable {
  readonly #options: AcceptedTokensOptions;
  readonly #listeners: (() => void)[] = [];
  readonly #uses = new Map<number, { readonly at: number; readonly address: string | null }>();
  readonly #refusals = new Map<
    number,
    { readonly at: number; readonly address: string | null; readonly count: number }
  >();
  #given: readonly { readonly accepted: AcceptedToken; readonly digest: Buffer }[] = [];
  #stored: ReadonlyMap<string, StoredToken> = new Map();
  #isStoredNeeded = false;
  #dataVersion: number;
  #notedAt: number;
  #cancelTimer: () => void = () => {};

  constructor(options: AcceptedTokensOptions) {
    const { tokens, followTokens, clock, store } = options;
    this.#options = options;
    this.#notedAt = clock.monotonic();
    this.#dataVersion = store.tokens.readDataVersion();
    this.#setGiven(tokens);
    this.#readStored();
    followTokens?.((changed) => {
      this.#setGiven(changed);
      this.#tell();
    });
    this.#poll();
  }

  /** Whether there is any token, also one that has expired. */
  get isNeeded(): boolean {
    return this.#given.length > 0 || this.#isStoredNeeded;
  }

  /** Whether any token is limited to some jobs, also one that has expired. */
  get hasLimits(): boolean {
    return this.#stored
      .values()
      .some(({ jobs, tags, revokedAt }) => revokedAt === null && limitOf(jobs, tags) !== null);
  }

  /** Calls `listener` when tokens may have changed or expired. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  find(text: string): AcceptedToken | RefusedToken {
    const digest = digestOf(text);
    const stored = this.#stored.get(digest);
    if (stored !== undefined) return this.#judge(stored);
    const bytes = Buffer.from(digest, "hex");
    // Digests have the same length, so the time of the comparison reveals nothing about the token.
    return this.#given.find((each) => timingSafeEqual(bytes, each.digest))?.accepted ?? { refused: "wrong" };
  }

  /** Returns the stored token with an id; null if it is not accepted. */
  findStored(id: number): AcceptedToken | null {
    const stored = this.#stored.values().find((each) => each.id === id);
    const judged = stored === undefined ? null : this.#judge(stored);
    return judged === null || "refused" in judged ? null : judged;
  }

  get given(): readonly AcceptedToken[] {
    return this.#given.map(({ accepted }) => accepted);
  }

  /** Returns whether the token with a key is still accepted. */
  has({ key, source }: AcceptedToken): boolean {
    if (source.kind === "stored") return this.findStored(source.id) !== null;
    return this.#given.some(({ accepted }) => accepted.key === key);
  }

  /** Notes that a token was used. It is stored later. */
  noteUse({ source }: AcceptedToken, addressOf: () => string | null): void {
    if (source.kind === "stored") this.#uses.set(source.id, { at: this.#options.clock.now(), address: addressOf() });
  }

  /** Notes that a token was refused. Only uses of one that has expired are stored, later. */
  noteRefusal(token: RefusedToken, addressOf: () => string | null): void {
    if (token.refused !== "expired") return;
    const count = (this.#refusals.get(token.id)?.count ?? 0) + 1;
    this.#refusals.set(token.id, { at: this.#options.clock.now(), address: addressOf(), count });
  }

  /** Reads the stored tokens again. */
  reload(): void {
    const { log } = this.#options;
    const wasNeeded = this.isNeeded;
    this.#readStored();
    if (this.isNeeded && !wasNeeded) log.info({}, "the API requires a token from now on");
    if (!this.isNeeded && wasNeeded) log.warn({}, "the last token of the API was revoked");
    this.#tell();
  }

  /** Stores what was noted. A use that can't be stored is noted for the next time. */
  storeUses(): void {
    const { store, clock } = this.#options;
    this.#notedAt = clock.monotonic();
    try {
      if (this.#uses.size > 0) store.tokens.noteUses([...this.#uses].map(([id, use]) => ({ id, ...use })));
      this.#uses.clear();
      if (this.#refusals.size > 0)
        store.tokens.noteRefusals([...this.#refusals].map(([id, refusal]) => ({ id, ...refusal })));
      this.#refusals.clear();
    } catch {
      // The database can't be written: health and the log say so.
    }
  }

  [Symbol.dispose](): void {
    this.#cancelTimer();
    this.storeUses();
  }

  #judge(stored: StoredToken): AcceptedToken | RefusedToken {
    const { id, name, role, jobs, tags, expiresAt, revokedAt } = stored;
    const state = tokenStateOf(stored, this.#options.clock.now());
    if (state === "revoked") return { refused: state, name, at: revokedAt ?? 0 };
    if (state === "expired") return { refused: state, id, name, at: expiresAt ?? 0 };
    const scope = limitOf(jobs, tags);
    return { key: `stored ${id}`, name, role, scope, source: { kind: "stored", id, expiresAt } };
  }

  #setGiven(tokens: readonly ApiToken[]): void {
    this.#given = tokens.map((token) => {
      const digest = digestOf(token.token);
      const { name, role } = token;
      return {
        digest: Buffer.from(digest, "hex"),
        accepted: { key: `given ${digest}`, name, role, scope: null, source: { kind: "given", token } },
      };
    });
  }

  #readStored(): void {
    const tokens = this.#options.store.tokens.list();
    this.#stored = new Map(tokens.map(({ digest, ...token }) => [digest, token]));
    this.#isStoredNeeded = needsStoredToken(tokens);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #poll(): void {
    const { clock } = this.#options;
    this.#cancelTimer = clock.setTimeout(() => {
      this.#readChanges();
      // Needed even if nothing has changed, because tokens expire.
      this.#tell();
      if (clock.monotonic() - this.#notedAt >= NOTE_MS) this.storeUses();
      this.#poll();
    }, POLL_MS);
  }

  #readChanges(): void {
    const { store, log } = this.#options;
    try {
      const dataVersion = store.tokens.readDataVersion();
      if (dataVersion === this.#dataVersion) return;
      this.reload();
      this.#dataVersion = dataVersion;
    } catch (err) {
      log.debug({ err }, "the stored tokens can't be read; the last ones stay in use");
    }
  }
}
