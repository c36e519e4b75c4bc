import { statSync } from "node:fs";
import type { ApiToken } from "../../domain/people/token.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/error-message.ts";
import type { Log } from "../../lib/log.ts";
import { readTokens, type TokenOptions, tokenFileOf } from "./token.ts";

type TokenSourceOptions = TokenOptions & { readonly clock: Clock; readonly log: Log };

/** How soon a change of the token file is noticed. */
const POLL_MS = 1_000;

type Listener = (tokens: readonly ApiToken[]) => void;

/** The tokens of the API, which are read again when their file changes. A file that can't be used keeps the last good tokens. */
export class TokenSource implements Disposable {
  readonly #options: TokenSourceOptions;
  readonly #file: string | null;
  readonly #listeners: Listener[] = [];
  #tokens: readonly ApiToken[];
  #seen: string | null;
  #error: string | null = null;
  #cancelTimer: () => void = () => {};

  /** Throws `invalid_request` if the named source has no valid token. */
  constructor(options: TokenSourceOptions) {
    this.#options = options;
    this.#file = tokenFileOf(options);
    this.#seen = stampOf(this.#file);
    this.#tokens = readTokens(options);
    if (this.#file !== null && this.#tokens.length > 0) this.#poll();
  }

  get tokens(): readonly ApiToken[] {
    return this.#tokens;
  }

  /** Calls `listener` with all tokens after each change. */
  readonly follow = (listener: Listener): void => void this.#listeners.push(listener);

  /** Reads the tokens again. Logs errors. */
  reload(): void {
    const { log } = this.#options;
    this.#seen = stampOf(this.#file);
    const tokens = this.#read();
    if (tokens === null || JSON.stringify(tokens) === JSON.stringify(this.#tokens)) return;
    this.#tokens = tokens;
    for (const listener of this.#listeners) listener(tokens);
    log.info({ tokens: tokens.length }, `the tokens of the API have changed: ${tokens.length} in use`);
  }

  [Symbol.dispose](): void {
    this.#cancelTimer();
  }

  /** Returns null if there is no valid token any more: an API that was protected is never opened. */
  #read(): readonly ApiToken[] | null {
    const error = "the tokens of the API can't be read again; the last ones stay in use";
    try {
      const tokens = readTokens(this.#options);
      if (tokens.length > 0 || this.#tokens.length === 0) {
        this.#error = null;
        return tokens;
      }
      this.#report(error, "the file is gone");
    } catch (cause) {
      this.#report(error, errorMessage(cause));
    }
    return null;
  }

  /** The same error is logged once. */
  #report(what: string, why: string): void {
    if (this.#error !== why) this.#options.log.error({}, `${what}: ${why}`);
    this.#error = why;
  }

  #poll(): void {
    this.#cancelTimer = this.#options.clock.setTimeout(() => {
      if (stampOf(this.#file) !== this.#seen) this.reload();
      this.#poll();
    }, POLL_MS);
  }
}

const stampOf = (file: string | null): string | null => {
  if (file === null) return null;
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return null;
  }
};
