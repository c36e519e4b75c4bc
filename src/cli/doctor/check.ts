/** What was found of one thing, and what to do about it; null where there is nothing to do. */
export type Check = {
  readonly name: string;
  readonly status: "ok" | "warning" | "failed";
  readonly message: string;
  readonly hint: string | null;
};

type Finding = { readonly message: string; readonly hint: string };

export const ok = (name: string, message: string): Check => ({ name, status: "ok", message, hint: null });

/** petit runs, but not as it should. */
export const warning = (name: string, { message, hint }: Finding): Check => ({
  name,
  status: "warning",
  message,
  hint,
});

/** petit doesn't start, or doesn't do its work. */
export const failed = (name: string, { message, hint }: Finding): Check => ({ name, status: "failed", message, hint });

/** What went wrong, in a sentence. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
