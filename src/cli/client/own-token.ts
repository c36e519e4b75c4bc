import { urlOf } from "../../app/settings/settings.ts";
import { readServiceTokens, readTokens } from "../../app/settings/token.ts";
import type { ApiToken } from "../../domain/token.ts";
import type { Context } from "../command.ts";

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
