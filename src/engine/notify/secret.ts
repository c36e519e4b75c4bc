import { closeSync } from "node:fs";
import { resolve } from "node:path";
import type { TextOrSecret } from "../../domain/notification.ts";
import { openRegular, readStart } from "../../lib/regular-file.ts";

/** Where secrets are looked for. */
export type SecretPlaces = {
  /** petit's own environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Of the job file; paths are relative to it. */
  readonly folder: string;
};

/** What was found, or why nothing was, in words without any of it. */
export type Found = { readonly value: string } | { readonly problem: string };

/** Of a file, at most. */
const MAX_BYTES = 65_536;

/** Reads a value now. White space around one that comes from elsewhere doesn't count, and an empty one is none. */
export const readDiscreet = (text: TextOrSecret, places: SecretPlaces): Found => {
  if (typeof text === "string") return { value: text };
  return "env" in text ? fromEnvironment(text.env, places) : fromFile(text.file, places);
};

const fromEnvironment = (name: string, { environment }: SecretPlaces): Found => {
  if (!Object.hasOwn(environment, name)) return { problem: `the variable ${name} is not set` };
  const value = (environment[name] ?? "").trim();
  return value === "" ? { problem: `the variable ${name} is empty` } : { value };
};

const fromFile = (file: string, { folder }: SecretPlaces): Found => {
  const path = resolve(folder, file);
  try {
    const value = readSecret(path)?.trim();
    if (value === undefined) return { problem: `${path} is not a file` };
    return value === "" ? { problem: `the file ${path} is empty` } : { value };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    return { problem: `the file ${path} can't be read${code}` };
  }
};

/** The beginning of it, however large it is; null where it is not a regular file. */
const readSecret = (path: string): string | null => {
  const fd = openRegular(path);
  if (fd === null) return null;
  try {
    return readStart(fd, MAX_BYTES).toString();
  } finally {
    closeSync(fd);
  }
};
