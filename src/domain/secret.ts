/** Where a secret is read when it is needed: a variable of petit's environment, a file, or a credential of systemd. */
export type SecretSource = { readonly env: string } | { readonly file: string } | { readonly credential: string };

/** A literal text from the job file, or the source of a secret. */
export type TextOrSecret = string | SecretSource;

/** Returns the name of a source for messages, such as "variable API_KEY". It is not the secret. */
export const sourceName = (source: SecretSource): string => {
  if ("env" in source) return `variable ${source.env}`;
  return "file" in source ? `file ${source.file}` : `credential ${source.credential}`;
};
