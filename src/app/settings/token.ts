import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import { type Origins, SETTINGS, type Settings, withOrigin } from "./settings.ts";

/** The systemd credential and the variable that contain the token. */
const CREDENTIAL = "petit-token";
const VARIABLE = "PETIT_API_TOKEN";

export type TokenOptions = {
  readonly settings: Pick<Settings, "tokenFile">;
  readonly origins: Pick<Origins, "tokenFile">;
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/**
 * Reads the API token: from the flag or variable, then the configuration file, then the systemd credential. It is never
 * an argument, because every user of the machine can read those. Returns null if there is none. Throws
 * `invalid_request` if the named source has no valid token.
 */
export const readToken = (options: TokenOptions): string | null => {
  const { settings, environment } = options;
  const inEnvironment = environment[VARIABLE] || null;
  const fileIsWeaker = options.origins.tokenFile.kind === "file" && inEnvironment !== null;
  if (settings.tokenFile !== null && !fileIsWeaker) return fromFile(settings.tokenFile, tokenFileName(options));
  if (inEnvironment !== null) return checked(inEnvironment, VARIABLE);
  const folder = environment.CREDENTIALS_DIRECTORY;
  return folder ? fromCredential(join(folder, CREDENTIAL)) : null;
};

/** Returns the token file's path and origin, for messages. */
const tokenFileName = ({ settings, origins }: Pick<TokenOptions, "settings" | "origins">): string =>
  `the token file ${withOrigin(settings.tokenFile ?? "", SETTINGS.tokenFile, origins.tokenFile)}`;

const fromFile = (path: string, name: string): string => checked(read(path, name), name);

/** Returns null if the unit has other credentials only. */
const fromCredential = (path: string): string | null => {
  try {
    return fromFile(path, `the systemd credential ${path}`);
  } catch (error) {
    if (error instanceof PetitError && isMissing(error.cause)) return null;
    throw error;
  }
};

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";

const read = (path: string, name: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PetitError("invalid_request", `${name} can't be read: ${why}`, { cause });
  }
};

/** Checks that a token fits into a header: printable ASCII without spaces. The message never quotes it. */
const checked = (text: string, name: string): string => {
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  const what = token === "" ? "is empty" : "contains invalid characters";
  throw new PetitError("invalid_request", `${name} ${what}; expected one line of printable ASCII without spaces`);
};
