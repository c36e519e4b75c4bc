const NEVER = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Blocks the thread for `ms`, so that nothing else of petit runs meanwhile. */
export const pauseThread = (ms: number): void => {
  Atomics.wait(NEVER, 0, 0, ms);
};
