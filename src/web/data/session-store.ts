import { ExternalStore } from "./external-store.ts";

type SessionState = {
  /** True after petit refused a request because it requires a token. */
  readonly isRequired: boolean;
  /** Number of logins since the page was loaded, in any tab. */
  readonly logins: number;
};

/** Connects the tabs of the browser. */
const channel = new BroadcastChannel("petit.session");

/** Whether the page must log in. The session itself is a cookie that scripts can't read. */
class SessionStore extends ExternalStore<SessionState> {
  constructor() {
    super({ isRequired: false, logins: 0 });
    channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (data === "in") this.#accept();
      // Removes the data that the page shows.
      else location.reload();
    };
  }

  /** Records that petit refused a request. */
  refuse(): void {
    if (!this.get().isRequired) this.set({ ...this.get(), isRequired: true });
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
    this.set({ isRequired: false, logins: this.get().logins + 1 });
  }
}

export const sessionStore = new SessionStore();
