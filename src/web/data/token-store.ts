import { ExternalStore } from "./external-store.ts";
import { readStored, writeStored } from "./stored-preference.ts";

const KEY = "petit.token";

type TokenState = {
  readonly token: string | null;
  /** True after petit refused a request because its token was missing or wrong. */
  readonly isRequired: boolean;
};

/** Stores the API token for this tab, in session storage only. */
class TokenStore extends ExternalStore<TokenState> {
  constructor() {
    super({ token: readStored("session", KEY), isRequired: false });
  }

  /** Records that petit refused the current token, or requires one. */
  refuse(): void {
    if (!this.get().isRequired) this.set({ ...this.get(), isRequired: true });
  }

  save(token: string): void {
    writeStored("session", KEY, token);
    this.set({ token, isRequired: false });
  }
}

export const tokenStore = new TokenStore();
