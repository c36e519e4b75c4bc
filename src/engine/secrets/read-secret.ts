import { closeSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { type SecretSource, sourceName } from "../../domain/secret.ts";
import type { Clock } from "../../lib/clock.ts";
import { openRegular, readStart } from "../../lib/files/regular-file.ts";
import { forgetOldest } from "../../lib/forget-oldest.ts";

/** Where secrets are read from. */
export type SecretPlaces = {
  /** The environment of petit, with the variables that no task inherits. */
  readonly environment: Readonly<Record<string, string>>;
  /** Folder of the job file, to which paths are relative. */
  readonly folder: string;
};

/** A secret, or why it can't be read. The problem names the source and contains no secret. */
export type SecretReading =
  | { readonly value: string }
  | {
      readonly problem: string;
      /** Error code of the system, such as EMFILE. */
      readonly code?: string;
    };

/** Maximum size of a secret, in bytes. */
const MAX_BYTES = 65_536;

/** The variable with the folder in which systemd puts the credentials of a service. See systemd.exec(5). */
const CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY";

/**
 * Reads a secret from its source. The last newline of a file or a credential is dropped. A secret must be UTF-8 text without
 * NUL, have at most 64 KiB, and not be empty.
 */
export const readSecret = (source: SecretSource, places: SecretPlaces): SecretReading => {
  if ("env" in source) return readVariable(source.env, places);
  if ("file" in source) return readTextFile(resolve(places.folder, source.file), "file");
  const folder = places.environment[CREDENTIALS_DIRECTORY];
  return folder === undefined || folder === ""
    ? {
        problem: `the ${sourceName(source)} can't be read: petit has no credentials of systemd ($${CREDENTIALS_DIRECTORY} is not set)`,
      }
    : readTextFile(join(folder, source.credential), "credential");
};

/**
 * Reads secrets that are needed often, such as those of webhooks. A file is read again if its state has changed, or had changed a short time
 * before it was read: then another change may have left its state as it was.
 */
export class SecretCache {
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly stamp: string; readonly reading: SecretReading }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  read(source: SecretSource, places: SecretPlaces): SecretReading {
    const path = "file" in source ? resolve(places.folder, source.file) : null;
    const state = path === null ? null : stateOf(path);
    if (path === null || state === null) return readSecret(source, places);
    const known = this.#known.get(path);
    if (known?.stamp === state.stamp) return known.reading;
    const reading = readSecret(source, places);
    if ("value" in reading && state.changedAt < this.#clock.now() - SETTLED_MS)
      this.#known.set(path, { stamp: state.stamp, reading });
    else this.#known.delete(path);
    forgetOldest(this.#known, MAX_KNOWN);
    return reading;
  }
}

/** The resolution of the times of file systems is up to 2 s. */
const SETTLED_MS = 2_500;

const MAX_KNOWN = 1_000;

const stateOf = (path: string): { readonly stamp: string; readonly changedAt: number } | null => {
  try {
    const { ino, size, mtimeNs, ctimeNs, ctimeMs } = statSync(path, { bigint: true });
    return { stamp: `${ino} ${size} ${mtimeNs} ${ctimeNs}`, changedAt: Number(ctimeMs) };
  } catch {
    return null;
  }
};

const readVariable = (name: string, { environment }: SecretPlaces): SecretReading => {
  if (!Object.hasOwn(environment, name)) return { problem: `the variable ${name} is not set` };
  return judge(environment[name] ?? "", `the variable ${name}`);
};

const readTextFile = (path: string, what: "file" | "credential"): SecretReading => {
  try {
    const bytes = readBytes(path);
    if (bytes === null) return { problem: `${path} is not a file` };
    if (bytes.length > MAX_BYTES) return { problem: `the ${what} ${path} has more than ${MAX_BYTES} bytes` };
    return judge(UTF8.decode(bytes).replace(/\r?\n$/, ""), `the ${what} ${path}`);
  } catch (error) {
    if (error instanceof TypeError) return { problem: `the ${what} ${path} is not UTF-8 text` };
    const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
    const problem = `the ${what} ${path} can't be read${code === undefined ? "" : ` (${code})`}`;
    return code === undefined ? { problem } : { problem, code };
  }
};

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const judge = (value: string, name: string): SecretReading => {
  if (value === "") return { problem: `${name} is empty` };
  return value.includes("\0") ? { problem: `${name} contains a NUL character` } : { value };
};

/** Returns the beginning of a file, one byte more than a secret may have, or null if it is not a regular file. */
const readBytes = (path: string): Buffer | null => {
  const fd = openRegular(path);
  if (fd === null) return null;
  try {
    return readStart(fd, MAX_BYTES + 1);
  } finally {
    closeSync(fd);
  }
};
