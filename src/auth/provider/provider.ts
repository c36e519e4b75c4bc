import { createHash } from "node:crypto";
import type { ProviderSettings } from "../../domain/people/sign-in.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/error-message.ts";
import type { Log } from "../../lib/log.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Configuration } from "./openid.ts";
import { PENDING_MS, PendingLogins } from "./pending-login.ts";
import { neededClaims, type ProviderPerson, personOf, type RefusedPerson } from "./person.ts";

export type ProviderOptions = {
  readonly settings: ProviderSettings;
  /** Returns the secret of the client; null if it has none. */
  readonly clientSecret: () => string | null;
  readonly request: Runtime["request"];
};

type Tools = { readonly clock: Clock; readonly log: Log };

/** A login that failed, and where the person wanted to go. The problem is for the log. */
export type FailedLogin = RefusedPerson & { readonly returnTo: string };

export type BegunLogin = {
  /** Where the browser logs in. */
  readonly url: string;
  /** What the browser keeps until it comes back. */
  readonly pending: string;
};

export type CompletedLogin = { readonly person: ProviderPerson; readonly returnTo: string };

/** How long petit uses what the provider said about itself, in ms. */
const FRESH_MS = 3_600_000;

/** How many answers of the provider are checked at once. */
const MAX_ANSWERS = 32;

/** Logs people in at an OpenID provider. petit starts without it, and asks it only when somebody logs in. */
export class Provider {
  readonly settings: ProviderSettings;
  /** The SHA-256 of the settings by which people are let in, but for roles, which are looked up with each request. */
  readonly basis: string;
  readonly #options: ProviderOptions;
  readonly #tools: Tools;
  readonly #pending = new PendingLogins();
  #known: { readonly configuration: Configuration; readonly at: number } | null = null;
  #discovery: Promise<Configuration> | null = null;
  #problem: string | null = null;
  #answers = 0;

  constructor(options: ProviderOptions, tools: Tools) {
    const { settings } = options;
    const { issuer, clientId, user, groups, allow } = settings;
    this.settings = settings;
    this.basis = createHash("sha256")
      .update(JSON.stringify([issuer, clientId, user, groups, allow]))
      .digest("hex");
    this.#options = options;
    this.#tools = tools;
  }

  get host(): string {
    return new URL(this.settings.issuer).host;
  }

  /** Why nobody could begin a login at the last attempt; null if it was possible, or if nobody has tried. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Begins a login. `redirectUri` is where the provider sends the browser, `returnTo` the path of petit that the person comes back to. */
  async begin(redirectUri: string, returnTo: string): Promise<BegunLogin | FailedLogin> {
    try {
      const { begin } = await import("./openid.ts");
      const { url, ...login } = await begin(await this.#discover(), { redirectUri, scopes: this.settings.scopes });
      const until = this.#tools.clock.now() + PENDING_MS;
      return { url: url.href, pending: this.#pending.seal({ ...login, redirectUri, returnTo, until }) };
    } catch (error) {
      return { failed: "unreachable", name: null, problem: errorMessage(error), returnTo };
    }
  }

  /** Ends a login: `query` is that of the answer, with its "?", `pending` what the browser has kept. */
  async complete(query: string, pending: string | null): Promise<CompletedLogin | FailedLogin> {
    const login = pending === null ? null : this.#pending.take(pending, this.#tools.clock.now());
    if (login === null)
      return { failed: "expired", name: null, problem: "the browser has no login that has begun", returnTo: "/" };
    const { redirectUri, returnTo, state, nonce, verifier } = login;
    if (this.#answers >= MAX_ANSWERS)
      return { failed: "unreachable", name: null, problem: "too many logins at once", returnTo };
    this.#answers++;
    const { complete, failureOf } = await import("./openid.ts");
    try {
      const url = new URL(`${redirectUri}${query}`);
      const needed = neededClaims(this.settings);
      const claims = await complete(await this.#discover(), { url, state, nonce, verifier, needed });
      const person = personOf(claims, this.settings);
      return "failed" in person ? { ...person, returnTo } : { person, returnTo };
    } catch (error) {
      return { failed: failureOf(error), name: null, problem: errorMessage(error), returnTo };
    } finally {
      this.#answers--;
    }
  }

  /** Asks the provider what it offers, unless it is known. If it does not answer again, what it said before counts. */
  async #discover(): Promise<Configuration> {
    const { clock } = this.#tools;
    if (this.#known !== null && clock.monotonic() - this.#known.at < FRESH_MS) return this.#known.configuration;
    this.#discovery ??= this.#ask().finally(() => {
      this.#discovery = null;
    });
    try {
      return await this.#discovery;
    } catch (error) {
      if (this.#known !== null) return this.#known.configuration;
      throw error;
    }
  }

  async #ask(): Promise<Configuration> {
    const { issuer, clientId } = this.settings;
    const { clientSecret, request } = this.#options;
    const { discover } = await import("./openid.ts");
    try {
      const configuration = await discover({ issuer: new URL(issuer), clientId, clientSecret, request });
      this.#known = { configuration, at: this.#tools.clock.monotonic() };
      this.#problem = null;
      return configuration;
    } catch (error) {
      this.#problem = problemText(error);
      this.#tools.log.warn({ issuer }, `the OpenID provider can't be used: ${this.#problem}`);
      throw error;
    }
  }
}

/** The message of a failed request is often in its cause. */
const problemText = (error: unknown): string => {
  const message = errorMessage(error);
  const cause = error instanceof Error && error.cause instanceof Error ? errorMessage(error.cause) : "";
  return (cause === "" || message.includes(cause) ? message : `${message}: ${cause}`).slice(0, 300);
};
