/** A pause of a job or of the scheduler. */
export type Pause = {
  /** When it began, in ms since the Unix epoch. */
  readonly at: number;
  /** The person who requested it: the name of a token, otherwise an address. Null if that is unknown. */
  readonly by: string | null;
};
