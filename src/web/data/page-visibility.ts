// A browser opens at most six connections to petit for all tabs together. A hidden page closes its streams so that other
// tabs can use the connections, and catches up when it is visible again.

const isVisible = (): boolean => document.visibilityState !== "hidden";

/** Resolves when the page is visible or `signal` is aborted. */
export const untilVisible = (signal: AbortSignal): Promise<void> => until(isVisible, signal);

/**
 * Returns a signal that is aborted when the page is hidden, unless `signal` is aborted first. Always abort `signal` in the
 * end: a listener stays until then.
 */
export const hiddenSignal = (signal: AbortSignal): AbortSignal => {
  const controller = new AbortController();
  void until(() => !isVisible(), signal).then(() => {
    if (!signal.aborted) controller.abort();
  });
  return controller.signal;
};

const until = (condition: () => boolean, signal: AbortSignal): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const listening = new AbortController();
  const check = (): void => {
    if (!condition() && !signal.aborted) return;
    listening.abort();
    resolve();
  };
  document.addEventListener("visibilitychange", check, { signal: listening.signal });
  signal.addEventListener("abort", check, { signal: listening.signal });
  check();
  return promise;
};
