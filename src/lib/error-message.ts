/** Returns the message of what was thrown: that of an error, or else the value as text. */
export const errorMessage = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
