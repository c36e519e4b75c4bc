import { statSync } from "node:fs";
import { urlOf } from "../../app/settings/settings.ts";
import { readToken } from "../../app/settings/token.ts";
import { openClient } from "../client/client.ts";
import { askHealth } from "../client/health.ts";
import type { Context } from "../command.ts";
import { pluralize } from "../terminal/pluralize.ts";
import { type Check, failed, ok, reasonOf, warning } from "./check.ts";
import { isOpen, modeOf } from "./files.ts";

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
    return { check: failed("token", { message: reasonOf(error), hint }), text: null };
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

const bindCheck = async (token: string | null, { settings }: Context): Promise<Check> => {
  const { api, apiHost } = settings;
  if (!api) return ok("api_access", "the API is turned off");
  // Loaded here because other commands don't need the API's code.
  const { isLoopback, refuseOpenBind } = await import("../../api/guard/host.ts");
  try {
    refuseOpenBind(apiHost, token);
  } catch (error) {
    return failed("api_access", {
      message: reasonOf(error),
      hint: "create a token with 'petit token FILE', and pass it with --token-file FILE",
    });
  }
  const reach = isLoopback(apiHost)
    ? "only this machine can reach the API"
    : `other machines can reach the API at ${apiHost}`;
  return ok("api_access", `${reach}, ${token === null ? "without a token" : "with the token"}`);
};

/** Tries the token on the running petit, which may have been started with another one. */
const askCheck = async ({ check, text }: TokenCheck, context: Context): Promise<Check> => {
  if ((await askHealth(urlOf(context.settings))).kind !== "petit") return check;
  try {
    await openClient(context).get("/api/scheduler/state");
    return check;
  } catch (error) {
    const what = text === null ? "the running petit requires a token" : "the running petit has another token";
    return failed("token", {
      message: `${what}: ${reasonOf(error)}`,
      hint: "pass the file with its token with --token-file FILE",
    });
  }
};
