import type { ProxySignIn, ProxyStatement, RefusedClaim } from "../../auth/proxy.ts";
import { assertNever } from "../../lib/never.ts";
import { ApiError } from "../errors.ts";

/** The header with what a proxy proves itself with. */
const SECRET_HEADER = "x-petit-proxy-secret";

/**
 * Returns a check of the headers by which a proxy says who sends a request. It returns null for a request without any of them, and
 * throws `FORBIDDEN` if one is not from the proxy: such a request is an attempt, or a proxy that is set up wrongly.
 */
export const createProxyCheck = (
  proxy: ProxySignIn,
  addressOf: (request: Request) => string | null,
): ((request: Request) => ProxyStatement | null) => {
  const { user, groups } = proxy.settings;
  const names = [SECRET_HEADER, user, ...(groups === null ? [] : [groups])];
  return (request) => {
    const { headers } = request;
    const given = names.find((name) => headers.has(name));
    // Some servers take the two spellings for the same header.
    for (const name of headers.keys())
      if (name.includes("_") && names.includes(name.replaceAll("_", "-"))) throw misspelt(name);
    if (given === undefined) return null;
    const peer = addressOf(request);
    const statement = proxy.judge({
      peer,
      secret: headers.get(SECRET_HEADER),
      user: headers.get(user),
      groups: groups === null ? null : headers.get(groups),
      forwardedFor: headers.get("x-forwarded-for"),
    });
    if ("refused" in statement) throw new ApiError("FORBIDDEN", refusalText(statement, { given, user, peer }));
    return statement;
  };
};

type Given = { readonly given: string; readonly user: string; readonly peer: string | null };

const refusalText = ({ refused }: RefusedClaim, { given, user, peer }: Given): string => {
  switch (refused) {
    case "foreign_address":
      return `the header ${given} counts only from the proxy, and ${peer ?? "the sender"} is not one of 'auth.proxy.from'`;
    case "no_secret":
      return `the header ${given} counts only with the secret of the proxy in ${SECRET_HEADER}, which is missing`;
    case "wrong_secret":
      return `the secret of the proxy in ${SECRET_HEADER} is wrong`;
    case "user":
      return `the header ${user} is not the name of one person: it is too long, or has a comma or characters that can't be seen`;
    default:
      return assertNever(refused);
  }
};

const misspelt = (name: string): ApiError =>
  new ApiError("FORBIDDEN", `the header ${name.slice(0, 100)} is not allowed: petit knows it with '-' in place of '_'`);
