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

/** Maximum number of findings that a check lists by default. */
const MAX_LINES = 3;

/** Returns the first lines, and how many more there are. */
export const firstLines = (lines: readonly string[], max = MAX_LINES): string =>
  (lines.length > max ? [...lines.slice(0, max), `and ${lines.length - max} more`] : lines).join("\n");
