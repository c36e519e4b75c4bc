import { type Origins, SETTINGS, urlOf, withOrigin } from "../../app/settings/settings.ts";
import { readServiceTokens, readTokens } from "../../app/settings/token.ts";
import { type Client, type ClientOptions, createClient, TIMEOUT_MS } from "../../client/client.ts";
import type { ApiToken } from "../../domain/people/token.ts";
import { parseExactly } from "../../lib/json.ts";
import type { Context } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { requestFailureMessage } from "./request-failure.ts";

/** Returns a client of the petit that the settings name, with their token. The messages of its errors advise the user. */
export const openClient = (
  context: Pick<Context, "settings" | "origins" | "environment">,
  { timeoutMs = TIMEOUT_MS }: Pick<ClientOptions, "timeoutMs"> = {},
): Client => {
  const base = urlOf(context.settings).replace(/\/$/, "");
  const where = urlWithOrigin(base, context.origins);
  const token = ownTokens(context)[0]?.token ?? null;
  return createClient({
    base,
    timeoutMs,
    // A body of a delivery may have numbers that JavaScript rounds.
    parse: parseExactly,
    headers: () => (token === null ? {} : { authorization: `Bearer ${token}` }),
    messageOf: (failure) => requestFailureMessage(failure, { where, hasToken: token !== null, timeoutMs }),
  });
};

/** Returns the URL with the setting that gave it, for messages. */
const urlWithOrigin = (base: string, origins: Origins): string => {
  const key = (["url", "apiPort", "apiHost"] as const).find((each) => origins[each].kind !== "default");
  return key === undefined ? base : withOrigin(base, SETTINGS[key], origins[key]);
};

/**
 * Returns the tokens that commands can send: the configured ones, otherwise those of the service of this machine, unless the address is on
 * another machine, which must not get them.
 */
export const ownTokens = (context: Pick<Context, "settings" | "origins" | "environment">): readonly ApiToken[] => {
  const configured = readTokens(context);
  if (configured.length > 0 || !isHere(urlOf(context.settings))) return configured;
  return readServiceTokens(context.environment)?.tokens ?? [];
};

const isHere = (url: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(URL.parse(url)?.hostname ?? "");

/** Writes petit's reply to stdout: its message, or all of it with --json. Returns the exit status. */
export const writeReply = (reply: { readonly message: string }, { terminal, json }: Context): ExitStatus => {
  terminal.out.write(json ? `${JSON.stringify(reply, null, 2)}\n` : `${reply.message}\n`);
  return EXIT.DONE;
};
