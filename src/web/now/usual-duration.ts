import { roughText } from "../ui/format.ts";

/** The median, in ms; of an even number, the lower one of the two in the middle. Null where there is none. */
export const usualDuration = (runs: readonly { readonly duration_ms: number | null }[]): number | null => {
  const durations = runs.flatMap(({ duration_ms }) => duration_ms ?? []).sort((a, b) => a - b);
  return durations[(durations.length - 1) >> 1] ?? null;
};

export type Progress = {
  /** Of what it usually takes, from 0 to 1; null where it is over that, and nobody knows. */
  readonly share: number | null;
  readonly words: string;
};

export const progressOf = (elapsedMs: number, usualMs: number): Progress =>
  elapsedMs < usualMs
    ? { share: elapsedMs / usualMs, words: `${roughText(elapsedMs)} of usually ${roughText(usualMs)}` }
    : { share: null, words: `${roughText(elapsedMs)}, usually ${roughText(usualMs)}` };
