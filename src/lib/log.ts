type Write = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** Where what happens is told to the operator: structured fields, then a sentence. */
export interface Log {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
}

/** For tests, and for commands that say what they have to say themselves. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
