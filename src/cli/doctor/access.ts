import { statSync } from "node:fs";
import { urlOf } from "../../app/settings/settings.ts";
import { readToken } from "../../app/settings/token.ts";
import { openClient } from "../client/client.ts";
import { askHealth } from "../client/health.ts";
import type { Context } from "../command.ts";
import { counted } from "../terminal/counted.ts";
import { type Check, failed, ok, reasonOf, warning } from "./check.ts";
import { isOpen, modeOf } from "./files.ts";

/** Who may ask the API, and whether this token is the one. */
export const accessChecks = async (context: Context): Promise<readonly Check[]> => {
  const token = tokenCheck(context);
  return token.check.status === "failed"
    ? [token.check]
    : [await bindCheck(token.text, context), await askCheck(token, context)];
};

type Token = { readonly check: Check; readonly text: string | null };

const tokenCheck = (context: Context): Token => {
  try {
    const text = readToken(context);
    return { check: text === null ? ok("token", "there is none") : storedCheck(text, context), text };
  } catch (error) {
    const hint = "'petit token FILE' makes one; --token-file names the file";
    return { check: failed("token", { message: reasonOf(error), hint }), text: null };
  }
};

/** Fewer than these can be guessed. */
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
      message: `it has only ${counted(text.length, "character")}`,
      hint: "'petit token' makes a better one",
    });
  }
  return ok("token", `is set, by ${isFromFile ? file : placeIn(environment)}`);
};

const placeIn = (environment: Context["environment"]): string =>
  environment.PETIT_API_TOKEN ? "PETIT_API_TOKEN" : "the systemd credential petit-token";

const bindCheck = async (token: string | null, { settings }: Context): Promise<Check> => {
  const { api, apiHost } = settings;
  if (!api) return ok("api_access", "the API is off");
  // What the API is made of is not for the commands that don't serve it.
  const { isLoopback, refuseOpenBind } = await import("../../api/guard/host.ts");
  try {
    refuseOpenBind(apiHost, token);
  } catch (error) {
    return failed("api_access", { message: reasonOf(error), hint: "'petit token FILE', then --token-file FILE" });
  }
  const who = isLoopback(apiHost)
    ? "only this machine can reach the API"
    : `${apiHost} lets other machines reach the API`;
  return ok("api_access", `${who}, ${token === null ? "and it asks for no token" : "and it asks for the token"}`);
};

/** The petit that runs may have been started with another one. */
const askCheck = async ({ check, text }: Token, context: Context): Promise<Check> => {
  if ((await askHealth(urlOf(context.settings))).kind !== "petit") return check;
  try {
    await openClient(context).get("/api/scheduler/state");
    return check;
  } catch (error) {
    const what = text === null ? "the petit that runs asks for a token" : "the petit that runs asks for another token";
    return failed("token", {
      message: `${what}: ${reasonOf(error)}`,
      hint: "name the file that holds it with --token-file",
    });
  }
};
