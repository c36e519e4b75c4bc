const EVENTS = ["uncaughtException", "unhandledRejection"] as const;

/**
 * Calls `handle` for errors that nothing else in the process handles, such as those of a timer. Without it, the runtime would
 * print them in a format of its own, and nothing else would show them. Disposing of the result restores that.
 */
export const onUnhandledError = (handle: (error: Error) => void): Disposable => {
  const listener = (thrown: unknown): void => handle(thrown instanceof Error ? thrown : new Error(String(thrown)));
  for (const event of EVENTS) process.on(event, listener);
  return {
    [Symbol.dispose]: () => {
      for (const event of EVENTS) process.off(event, listener);
    },
  };
};
