import { type Origins, SETTINGS, urlOf, withOrigin } from "../../app/settings/settings.ts";
import { type Client, type ClientOptions, createClient } from "../../client/client.ts";
import type { Context } from "../command.ts";
import { ownTokens } from "./own-token.ts";
import { requestFailureMessage } from "./request-failure.ts";

/** Returns a client of the petit that the settings name, with their token. The messages of its errors advise the user. */
export const openClient = (
  context: Pick<Context, "settings" | "origins" | "environment">,
  { timeoutMs }: Pick<ClientOptions, "timeoutMs"> = {},
): Client => {
  const base = urlOf(context.settings).replace(/\/$/, "");
  const where = urlWithOrigin(base, context.origins);
  const token = ownTokens(context)[0]?.token ?? null;
  return createClient({
    ...(timeoutMs !== undefined && { timeoutMs }),
    base,
    headers: () => (token === null ? {} : { authorization: `Bearer ${token}` }),
    messageOf: (failure) => requestFailureMessage(failure, { where, hasToken: token !== null }),
  });
};

/** Returns the URL with the setting that gave it, for messages. */
const urlWithOrigin = (base: string, origins: Origins): string => {
  const key = (["url", "apiPort", "apiHost"] as const).find((each) => origins[each].kind !== "default");
  return key === undefined ? base : withOrigin(base, SETTINGS[key], origins[key]);
};
