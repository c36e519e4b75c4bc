import { statSync } from "node:fs";
import { urlOf } from "../../app/settings/settings.ts";
import { readToken } from "../../app/settings/token.ts";
import { createClient } from "../../client/client.ts";
import { isRefused } from "../../client/error.ts";
import { openAccessMessage } from "../../domain/words/attention.ts";
import { errorMessage } from "../../lib/error-message.ts";
import { listLoginAccounts } from "../../lib/system/login-accounts.ts";
import { pluralize } from "../../lib/text.ts";
import { hasStoredToken } from "../../store/people/token-database.ts";
import { openClient } from "../client/client.ts";
import { askHealth } from "../client/health.ts";
import type { Context } from "../command.ts";
import { serviceUserOf } from "../service/place.ts";
import { type Check, failed, ok, warning } from "./check.ts";
import { isOpen, modeOf } from "./files.ts";
import { lockOwnerOf } from "./scheduler.ts";

/** Checks who can reach the API, and whether the configured token is correct. */
export const accessChecks = async (context: Context): Promise<readonly Check[]> => {
  const token = tokenCheck(context);
  return token.check.status === "failed"
    ? [token.check]
    : [await bindCheck(token.text, context), await askCheck(token, context)];
};

type TokenCheck = { readonly check: Check; readonly text: string | null };

const tokenCheck = (context: Context): TokenCheck => {
  try {
    const text = readToken(context);
    return { check: text === null ? ok("token", "no token is set") : storedCheck(text, context), text };
  } catch (error) {
    const hint = "create one with 'petit token FILE', and pass it with --token-file FILE";
    return { check: failed("token", { message: errorMessage(error), hint }), text: null };
  }
};

/** Shorter tokens can be guessed. */
const SHORT_CHARACTERS = 16;

const storedCheck = (text: string, { settings, environment }: Context): Check => {
  const file = settings.tokenFile;
  const isFromFile = file !== null && text !== environment.PETIT_API_TOKEN?.trim();
  const stats = isFromFile ? statSync(file) : null;
  if (file !== null && isOpen(stats)) {
    const message = `others can read the token in ${file} (mode ${modeOf(stats)})`;
    return warning("token", { message, hint: `chmod 600 ${file}` });
  }
  if (text.length < SHORT_CHARACTERS) {
    return warning("token", {
      message: `the token has only ${pluralize(text.length, "character")}`,
      hint: "create a longer one with 'petit token FILE'",
    });
  }
  return ok("token", `set by ${isFromFile ? file : placeIn(environment)}`);
};

const placeIn = (environment: Context["environment"]): string =>
  environment.PETIT_API_TOKEN ? "PETIT_API_TOKEN" : "the systemd credential petit-token";

/** Who can reach an API. */
type Reach = {
  readonly host: string;
  readonly needsToken: boolean;
  /** Whether petit runs as root. */
  readonly isRoot: boolean;
};

/** Judges the address of the petit that runs on the database, otherwise the one that `petit run` would use. */
const bindCheck = async (token: string | null, context: Context): Promise<Check> => {
  const { api, apiHost } = context.settings;
  const owner = lockOwnerOf(context);
  if (owner !== null && owner.pid !== null) {
    if (owner.url === null) return ok("api_access", "the running petit serves no API");
    const { hostname, port } = new URL(owner.url);
    const needsToken = await requiresToken(urlOf({ url: null, apiHost: hostname, apiPort: Number(port || 80) }));
    if (needsToken !== null) return reachCheck({ host: hostname, needsToken, isRoot: isRootProcess(owner.pid) });
  }
  if (!api) return ok("api_access", "the API is turned off");
  const needsToken = token !== null || storesToken(context) || (context.signIn ?? null) !== null;
  // Loaded here because other commands don't need the API's code.
  const { refuseOpenBind } = await import("../../api/guard/host.ts");
  try {
    refuseOpenBind(apiHost, needsToken);
  } catch (error) {
    return failed("api_access", { message: errorMessage(error), hint: TOKEN_HINT });
  }
  const isRoot = process.getuid?.() === 0 && serviceUserOf(context) === null;
  return reachCheck({ host: apiHost, needsToken, isRoot });
};

/** A database that can't be read stores none; another check says what is wrong with it. */
const storesToken = ({ settings, runtime }: Context): boolean => {
  try {
    return hasStoredToken({ path: settings.db, runtime });
  } catch {
    return false;
  }
};

const TOKEN_HINT = "create a token with 'petit token FILE', and pass it with --token-file FILE";

const reachCheck = async ({ host, needsToken, isRoot }: Reach): Promise<Check> => {
  const { isLoopback } = await import("../../api/guard/host.ts");
  const accounts = isRoot && !needsToken ? (await listLoginAccounts()).length : 0;
  if (accounts > 0) return warning("api_access", { message: openAccessMessage(accounts), hint: TOKEN_HINT });
  const reach = isLoopback(host)
    ? "only this machine can reach the API"
    : `other machines can reach the API at ${host}`;
  return ok("api_access", `${reach}, ${needsToken ? "with the token" : "without a token"}`);
};

/** Returns whether the petit at a URL requires a token; null if none answers. */
const requiresToken = async (base: string): Promise<boolean | null> => {
  try {
    return (await createClient({ base, timeoutMs: TIMEOUT_MS }).get("/api/session")).needs_token;
  } catch (error) {
    return isRefused(error, "UNAUTHORIZED") ? true : null;
  }
};

const TIMEOUT_MS = 3_000;

const isRootProcess = (pid: number): boolean => statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid === 0;

/** Tries the token on the running petit, which may have been started with another one. */
const askCheck = async ({ check, text }: TokenCheck, context: Context): Promise<Check> => {
  if ((await askHealth(urlOf(context.settings))).kind !== "petit") return check;
  try {
    await openClient(context).get("/api/scheduler/state");
    return check;
  } catch (error) {
    const what = text === null ? "the running petit requires a token" : "the running petit has another token";
    return failed("token", {
      message: `${what}: ${errorMessage(error)}`,
      hint: "pass the file with its token with --token-file FILE",
    });
  }
};
