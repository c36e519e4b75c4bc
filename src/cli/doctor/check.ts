/** The result of one check. `hint` says how to fix it, and is null if it passed. */
export type Check = {
  readonly name: string;
  readonly status: "ok" | "warning" | "failed";
  readonly message: string;
  readonly hint: string | null;
};

type CheckProblem = { readonly message: string; readonly hint: string };

/** Creates the result of a check that passed. */
export const ok = (name: string, message: string): Check => ({ name, status: "ok", message, hint: null });

/** Creates the result of a check that found something that petit can run with. */
export const warning = (name: string, { message, hint }: CheckProblem): Check => ({
  name,
  status: "warning",
  message,
  hint,
});

/** Creates the result of a check that found something that keeps petit from working. */
export const failed = (name: string, { message, hint }: CheckProblem): Check => ({
  name,
  status: "failed",
  message,
  hint,
});

/** Returns the message of an error. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
