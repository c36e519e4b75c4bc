/**
 * Whether somebody sees the page. A browser keeps six connections to a petit, all tabs together: one that nobody sees leaves
 * its streams to the others, and catches up when it is looked at again.
 */
export const isSeen = (): boolean => document.visibilityState !== "hidden";

/** Until somebody sees the page, or `ending` is aborted. */
export const seen = (ending: AbortSignal): Promise<void> => changed(isSeen, ending);

/** Aborted when nobody sees the page any more, unless `ending` was before. Abort that in any case: it listens until then. */
export const unseen = (ending: AbortSignal): AbortSignal => {
  const controller = new AbortController();
  void changed(() => !isSeen(), ending).then(() => {
    if (!ending.aborted) controller.abort();
  });
  return controller.signal;
};

const changed = (is: () => boolean, ending: AbortSignal): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const ended = new AbortController();
  const look = (): void => {
    if (!is() && !ending.aborted) return;
    ended.abort();
    resolve();
  };
  document.addEventListener("visibilitychange", look, { signal: ended.signal });
  ending.addEventListener("abort", look, { signal: ended.signal });
  look();
  return promise;
};
