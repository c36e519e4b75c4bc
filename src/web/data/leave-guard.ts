type Ask = (leave: () => void) => void;

/** Lets a view ask before the user leaves it. The back button of the browser can't be held up. */
class LeaveGuard {
  #ask: Ask | null = null;

  /** Has `ask` called with each navigation instead of it. Returns a function that ends that. */
  protect(ask: Ask): () => void {
    this.#ask = ask;
    return () => {
      if (this.#ask === ask) this.#ask = null;
    };
  }

  /** Navigates, or has the view ask first. */
  readonly leave = (navigate: () => void): void => {
    if (this.#ask === null) navigate();
    else this.#ask(navigate);
  };
}

export const leaveGuard = new LeaveGuard();
