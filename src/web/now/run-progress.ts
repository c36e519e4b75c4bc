import { roughText } from "../ui/text/format.ts";

export type Progress = {
  /** Of what it usually takes, from 0 to 1; null where it is over that, and nobody knows. */
  readonly share: number | null;
  readonly text: string;
};

export const progressOf = (elapsedMs: number, usualMs: number): Progress =>
  elapsedMs < usualMs
    ? { share: elapsedMs / usualMs, text: `${roughText(elapsedMs)} of usually ${roughText(usualMs)}` }
    : { share: null, text: `${roughText(elapsedMs)}, usually ${roughText(usualMs)}` };
