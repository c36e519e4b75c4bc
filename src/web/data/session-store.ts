import type { DetailsBody } from "../../api/shapes/error-details.ts";
import { ExternalStore } from "./external-store.ts";

/** What one can log in with. */
export type OfferedWays = Extract<DetailsBody, { readonly reason: "not_logged_in" }>;

type SessionState = {
  /** True after petit refused a request because it requires a token or a login. */
  readonly isRequired: boolean;
  /** What petit offers besides tokens; null if it does not say. */
  readonly ways: OfferedWays | null;
  /** Number of logins since the page was loaded, in any tab. */
  readonly logins: number;
};

/** Connects the tabs of the browser. */
const channel = new BroadcastChannel("petit.session");

/** For how long after a login refusals are ignored, in ms: they answer requests that were sent before it. */
const LATE_REFUSALS_MS = 10_000;

/** Whether the page must log in. The session itself is a cookie that scripts can't read. */
class SessionStore extends ExternalStore<SessionState> {
  /** When the page learned of the last login, as `performance.now()` says it. */
  #acceptedAt = Number.NEGATIVE_INFINITY;

  constructor() {
    super({ isRequired: false, ways: null, logins: 0 });
    channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (data === "in") this.#accept();
      // Removes the data that the page shows.
      else location.reload();
    };
  }

  /** Records that petit refused a request. */
  refuse(ways: OfferedWays | null): void {
    if (performance.now() - this.#acceptedAt < LATE_REFUSALS_MS) return;
    const { isRequired, ways: known } = this.get();
    if (isRequired && (ways === null || JSON.stringify(ways) === JSON.stringify(known))) return;
    this.set({ ...this.get(), isRequired: true, ways });
  }

  /** Records a login, for all tabs. */
  noteLogin(): void {
    channel.postMessage("in");
    this.#accept();
  }

  /** Records a logout, for all tabs. */
  noteLogout(): void {
    channel.postMessage("out");
    location.reload();
  }

  #accept(): void {
    this.#acceptedAt = performance.now();
    this.set({ isRequired: false, ways: null, logins: this.get().logins + 1 });
  }
}

export const sessionStore = new SessionStore();
