import { roughText } from "../ui/text/format.ts";

export type Progress = {
  /** Share of the usual duration, from 0 to 1; null if the run exceeds it. */
  readonly share: number | null;
  readonly text: string;
};

/** Compares the elapsed time of a run with the usual duration of its job. */
export const progressOf = (elapsedMs: number, usualMs: number): Progress =>
  elapsedMs < usualMs
    ? { share: elapsedMs / usualMs, text: `${roughText(elapsedMs)} of about ${roughText(usualMs)}` }
    : { share: null, text: `${roughText(elapsedMs)}, usually ${roughText(usualMs)}` };
