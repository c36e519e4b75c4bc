type LogMethod = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** The log for the operator. Each entry has structured fields and a sentence. */
export interface Log {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
}

/** Discards all entries, for tests and for commands that print their own messages. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
