/** Ms after which it is done in any case: a page that nobody looks at has no frames. */
const AT_LATEST_MS = 250;

/** Runs something before the next frame is drawn, so that a burst of changes is drawn once. */
export const inNextFrame = (run: () => void): void => {
  const once = (): void => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    run();
  };
  const frame = requestAnimationFrame(once);
  const timer = setTimeout(once, AT_LATEST_MS);
};
