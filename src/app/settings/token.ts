import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import { type Origins, SETTINGS, type Settings, withOrigin } from "./settings.ts";

/** The systemd credential, and the variable, that hold the token. */
const CREDENTIAL = "petit-token";
const VARIABLE = "PETIT_API_TOKEN";

export type TokenOptions = {
  readonly settings: Pick<Settings, "tokenFile">;
  readonly origins: Pick<Origins, "tokenFile">;
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/**
 * The API's token; null where there is none. By flag or variable first, then by the configuration file, then by the
 * systemd credential: never as an argument, which every user of the machine can read. Throws `invalid_request` where the
 * place that should hold it doesn't.
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

/** Returns how messages name the token file: with its path and the setting. */
const tokenFileName = ({ settings, origins }: Pick<TokenOptions, "settings" | "origins">): string =>
  `the token file ${withOrigin(settings.tokenFile ?? "", SETTINGS.tokenFile, origins.tokenFile)}`;

const fromFile = (path: string, name: string): string => checked(read(path, name), name);

/** A unit may well have other credentials than this one. */
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

/** A token travels in a header: printable ASCII, no blanks. The message must not repeat it. */
const checked = (text: string, name: string): string => {
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  const what = token === "" ? "is empty" : "has characters that a token can't have";
  throw new PetitError("invalid_request", `${name} ${what}; expected one line of printable ASCII without blanks`);
};
