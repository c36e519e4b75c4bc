/** The output streams of a process that petit stores. */
export const STREAMS = ["stdout", "stderr"] as const;
export type OutputStream = (typeof STREAMS)[number];
