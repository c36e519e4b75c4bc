import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PetitError } from "../../domain/errors.ts";
import { type ApiToken, TOKEN_NAME } from "../../domain/people/token.ts";
import { errorMessage } from "../../lib/error-message.ts";
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
 * `invalid_request` if the named source has no valid token. If it has several, returns the first.
 */
export const readToken = (options: TokenOptions): string | null => readTokens(options)[0]?.token ?? null;

/**
 * Reads all tokens of the API from the same place, which has one token, or one on each line: `TOKEN` or `NAME: TOKEN`. Lines
 * that begin with `#` are comments if there are several lines. Returns an empty list if there is none.
 */
export const readTokens = (options: TokenOptions): readonly ApiToken[] => {
  const { settings, environment } = options;
  const inEnvironment = environment[VARIABLE] || null;
  const fileIsWeaker = options.origins.tokenFile.kind === "file" && inEnvironment !== null;
  if (settings.tokenFile !== null && !fileIsWeaker) return fromFile(settings.tokenFile, tokenFileName(options));
  if (inEnvironment !== null) return parseTokens(inEnvironment, VARIABLE);
  const folder = environment.CREDENTIALS_DIRECTORY;
  return folder ? fromCredential(join(folder, CREDENTIAL)) : [];
};

/** Returns the file that the tokens are read from; null if they are in a variable, or if there are none. */
export const tokenFileOf = ({ settings, origins, environment }: TokenOptions): string | null => {
  const isSet = Boolean(environment[VARIABLE]);
  if (settings.tokenFile !== null && !(origins.tokenFile.kind === "file" && isSet)) return settings.tokenFile;
  const folder = environment.CREDENTIALS_DIRECTORY;
  return folder && !isSet ? join(folder, CREDENTIAL) : null;
};

/**
 * Returns the tokens of the service of this user or this machine, if there is one and its file can be read: root can read that of
 * the machine, and so can a group, if the service was installed with `--group`. Otherwise returns null.
 */
export const readServiceTokens = (
  environment: TokenOptions["environment"],
): { readonly path: string; readonly tokens: readonly ApiToken[] } | null => {
  for (const path of servicePlaces(environment)) {
    try {
      return { path, tokens: fromFile(path, `the token file ${path}`) };
    } catch (error) {
      if (error instanceof PetitError && error.cause !== undefined) continue;
      throw error;
    }
  }
  return null;
};

/** The token of a system service; with `--group` its members can read the second place. */
export const SYSTEM_TOKEN = `/etc/credstore/${CREDENTIAL}`;
export const GROUP_TOKEN = "/etc/petit/token";

/** Returns the file of the token of a user's service. `folder` is the configuration folder of the user. */
export const userToken = (folder: string): string => join(folder, "credstore", CREDENTIAL);

const servicePlaces = ({ XDG_CONFIG_HOME, HOME }: TokenOptions["environment"]): readonly string[] => {
  const folder = XDG_CONFIG_HOME || (HOME ? join(HOME, ".config") : null);
  return [...(folder === null ? [] : [userToken(folder)]), GROUP_TOKEN, SYSTEM_TOKEN];
};

/** Returns the token file's path and origin, for messages. */
const tokenFileName = ({ settings, origins }: Pick<TokenOptions, "settings" | "origins">): string =>
  `the token file ${withOrigin(settings.tokenFile ?? "", SETTINGS.tokenFile, origins.tokenFile)}`;

const fromFile = (path: string, name: string): readonly ApiToken[] => parseTokens(read(path, name), name);

/** Returns an empty list if the unit has other credentials only. */
const fromCredential = (path: string): readonly ApiToken[] => {
  try {
    return fromFile(path, `the systemd credential ${path}`);
  } catch (error) {
    if (error instanceof PetitError && isMissing(error.cause)) return [];
    throw error;
  }
};

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";

const read = (path: string, name: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const why = errorMessage(cause);
    throw new PetitError("invalid_request", `${name} can't be read: ${why}`, { cause });
  }
};

/** Parses the text of a token file. `name` names it in errors, which never quote a token. */
export const parseTokens = (text: string, name: string): readonly ApiToken[] => {
  const lines = text.split("\n").map((line) => line.trim());
  const given = lines.filter((line) => line !== "");
  if (given.length <= 1) return [parseToken(given[0] ?? "", name)];
  const tokens = lines.flatMap((line, index) =>
    line === "" || line.startsWith("#") ? [] : [parseToken(line, `line ${index + 1} of ${name}`)],
  );
  if (tokens.length === 0) return [parseToken("", name)];
  for (const key of ["name", "token"] as const) {
    const values = tokens.flatMap((token) => token[key] ?? []);
    if (new Set(values).size < values.length)
      throw new PetitError(
        "invalid_request",
        `${name} has two tokens with the same ${key === "name" ? "name" : "text"}`,
      );
  }
  return tokens;
};

/** Checks that a token fits into a header: printable ASCII without spaces. */
const parseToken = (line: string, where: string): ApiToken => {
  const [, tokenName = null, token = line] = /^(\S+):\s+(\S+)$/.exec(line) ?? [];
  if (/^[\x21-\x7e]+$/.test(token) && (tokenName === null || TOKEN_NAME.test(tokenName)))
    return { name: tokenName, role: "admin", token };
  const what = line === "" ? "is empty" : "contains invalid characters";
  throw new PetitError(
    "invalid_request",
    `${where} ${what}; expected one line of printable ASCII without spaces, or a line 'NAME: TOKEN' for each token`,
  );
};
