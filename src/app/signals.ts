const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
export type Signal = (typeof SIGNALS)[number];

/** Calls `handle` for each signal that comes; the signals do what they do by default again when the answer is disposed of. */
export const onSignal = (handle: (signal: Signal) => void): Disposable => {
  const listeners = SIGNALS.map((signal) => ({ signal, listener: () => handle(signal) }));
  for (const { signal, listener } of listeners) process.on(signal, listener);
  return {
    [Symbol.dispose]: () => {
      for (const { signal, listener } of listeners) process.off(signal, listener);
    },
  };
};
