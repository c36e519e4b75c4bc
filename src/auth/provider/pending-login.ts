import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { forgetOldest } from "../../lib/forget-oldest.ts";

/** A login that has begun and that the provider has not answered yet. */
export type PendingLogin = {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** Where the provider sends the browser. */
  readonly redirectUri: string;
  /** The path of petit that the person comes back to. */
  readonly returnTo: string;
  /** Until when the answer counts, in ms since the Unix epoch. */
  readonly until: number;
};

/** How long a person may take to log in at the provider. */
export const PENDING_MS = 10 * 60_000;

/** How many logins that have ended are remembered, so that none ends twice. The provider accepts each code once, too. */
const MAX_USED = 10_000;

/**
 * Logins that have begun. Each is in a cookie of its browser, encrypted with a key that only this process has, so that those
 * which never end cost nothing. A restart of petit ends them.
 */
export class PendingLogins {
  readonly #key = randomBytes(32);
  readonly #used = new Map<string, true>();

  /** Returns the value of the cookie. */
  seal(login: PendingLogin): string {
    const iv = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.#key, iv);
    const sealed = Buffer.concat([cipher.update(JSON.stringify(login), "utf8"), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString("base64url");
  }

  /** Returns the login of a cookie, once. Returns null if the value is not from this process, or expired, or was used. */
  take(value: string, now: number): PendingLogin | null {
    const login = this.#open(value);
    if (login === null || login.until <= now || this.#used.has(login.state)) return null;
    this.#used.set(login.state, true);
    forgetOldest(this.#used, MAX_USED);
    return login;
  }

  #open(value: string): PendingLogin | null {
    const bytes = Buffer.from(value, "base64url");
    if (bytes.length < 29) return null;
    try {
      const decipher = createDecipheriv("aes-256-gcm", this.#key, bytes.subarray(0, 12), { authTagLength: 16 });
      decipher.setAuthTag(bytes.subarray(12, 28));
      const text = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString("utf8");
      return JSON.parse(text);
    } catch {
      return null;
    }
  }
}
