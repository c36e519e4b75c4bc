/** A pause of a job or of the scheduler. */
export type Pause = {
  /** When it began, in ms since the Unix epoch. */
  readonly at: number;
  /** Who asked for it: the name of a token, or else an address; null if that is unknown. */
  readonly by: string | null;
};
