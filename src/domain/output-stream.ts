/** The streams of a process whose output is kept. */
export const STREAMS = ["stdout", "stderr"] as const;
export type OutputStream = (typeof STREAMS)[number];
