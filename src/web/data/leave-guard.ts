type Ask = (leave: () => void) => void;

/** Lets a view ask before the user leaves it. */
class LeaveGuard {
  #ask: Ask | null = null;
  #page = "";

  /** Has `ask` called with each navigation away from the present page instead of it. Returns a function that ends that. */
  protect(ask: Ask): () => void {
    this.#ask = ask;
    this.#page = location.href;
    return () => {
      if (this.#ask === ask) this.#ask = null;
    };
  }

  /** Navigates, or has the view ask first. */
  readonly leave = (navigate: () => void): void => {
    if (this.#ask === null) navigate();
    else this.#ask(navigate);
  };

  /**
   * Has the view ask when the user has gone back or forward in the history. The browser is there already: the page becomes a new entry, so that
   * one step back from it is where the user wanted to go. Listen before the router does, which must not see where the browser was.
   */
  readonly onPop = (event: PopStateEvent): void => {
    if (this.#ask === null || location.pathname === new URL(this.#page).pathname) return;
    event.stopImmediatePropagation();
    history.pushState(null, "", this.#page);
    this.#ask(() => {
      this.#ask = null;
      history.back();
    });
  };
}

export const leaveGuard = new LeaveGuard();
