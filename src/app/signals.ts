const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
export type Signal = (typeof SIGNALS)[number];

/** Calls `handle` for each signal. Disposing of the result restores the default actions. */
export const onSignal = (handle: (signal: Signal) => void): Disposable => {
  const listeners = SIGNALS.map((signal) => ({ signal, listener: () => handle(signal) }));
  for (const { signal, listener } of listeners) process.on(signal, listener);
  return {
    [Symbol.dispose]: () => {
      for (const { signal, listener } of listeners) process.off(signal, listener);
    },
  };
};
