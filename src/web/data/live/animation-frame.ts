/** Maximum delay in ms: a hidden page has no animation frames. */
const MAX_DELAY_MS = 250;

/** Calls `run` before the next animation frame, or after 250 ms. */
export const inNextFrame = (run: () => void): void => {
  const once = (): void => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    run();
  };
  const frame = requestAnimationFrame(once);
  const timer = setTimeout(once, MAX_DELAY_MS);
};
