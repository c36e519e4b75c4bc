import { Elysia, t } from "elysia";
import type { ProviderPerson } from "../../../auth/provider/person.ts";
import type { FailedLogin, Provider } from "../../../auth/provider/provider.ts";
import { auditFacts } from "../../../domain/people/audit.ts";
import { AuditEntry, withinAction } from "../../../store/people/audit-scope.ts";
import { addDeniedLogin } from "../../audit/denied-login.ts";
import type { ApiContext } from "../../context.ts";
import { ApiError } from "../../errors.ts";
import { providerCookies, sessionValue } from "../../guard/cookie.ts";
import { isLoopback } from "../../guard/host.ts";
import { RETURN_PATH_FORM, returnPath } from "../../guard/return-path.ts";
import { failures } from "../../shapes/failure.ts";
import { exactly } from "../../shapes/schemas.ts";

/** Where a login at a provider begins, and where the provider sends the browser. */
export const LOGIN_PATH = "/api/session/login";
export const CALLBACK_PATH = "/api/session/callback";

const Redirect = t.String({
  title: "Redirect",
  description: "Sends the browser on",
  "x-headers": ["Location", "Set-Cookie"],
  "x-content": {},
});

const LoginQuery = exactly({
  return: t.Optional(
    t.String({
      description: "The path of petit that the browser comes back to, with query and fragment; `/` without it",
      examples: ["/jobs"],
    }),
  ),
  moved: t.Optional(t.Literal("true", { description: "The browser was sent here from another address of petit" })),
});

/** Logs people in at an OpenID provider. */
export const loginRoutes = (context: ApiContext) => {
  const { auth, log, publicUrl, requests } = context;
  const isSecure = publicUrl?.startsWith("https://") === true;
  const fail = (request: Request, { failed, problem, returnTo }: FailedLogin): Response => {
    log.warn({ request_id: requests.idOf(request), reason: failed, problem }, "a login at the OpenID provider failed");
    const url = new URL(returnTo, "http://petit.invalid");
    url.searchParams.set(FAILURE_PARAM, failed);
    return redirect(`${url.pathname}${url.search}${url.hash}`, providerCookies(request, isSecure).end());
  };
  return new Elysia()
    .get(
      LOGIN_PATH,
      async ({ query, request }) => {
        const provider = providerOf(auth.provider);
        requests.keepOpen(request);
        const returnTo = returnPath(query.return ?? "/");
        if (returnTo === null) throw wrongReturn(query.return ?? "");
        const elsewhere = query.moved === undefined ? publicAddress(request, publicUrl) : null;
        if (elsewhere !== null) return redirect(loginAt(elsewhere, returnTo), []);
        const begun = await provider.begin(`${baseOf(request, publicUrl)}${CALLBACK_PATH}`, returnTo);
        return "failed" in begun
          ? fail(request, begun)
          : redirect(begun.url, [providerCookies(request, isSecure).begin(begun.pending)]);
      },
      {
        query: LoginQuery,
        response: { 303: Redirect, ...failures("INVALID_REQUEST", "NOT_FOUND") },
        detail: {
          operationId: "beginLogin",
          tags: ["scheduler"],
          summary: "Log in at the OpenID provider",
          description: "Sends the browser to the provider that `auth: {oidc: …}` of the configuration file names.",
          security: [],
        },
      },
    )
    .get(
      CALLBACK_PATH,
      async ({ request }) => {
        const provider = providerOf(auth.provider);
        requests.keepOpen(request);
        const cookies = providerCookies(request, isSecure);
        const completed = await provider.complete(new URL(request.url).search, cookies.pending);
        if ("failed" in completed) {
          const { name: who, failed: reason } = completed;
          addDeniedLogin(request, { how: "provider", who, reason }, context);
          return fail(request, completed);
        }
        const { person, returnTo } = completed;
        const entry = loginEntry(person, request, context);
        const session = withinAction(entry, () => auth.beginSession(person));
        entry.close();
        auth.logout(sessionValue(request) ?? "");
        const { subject, name } = person;
        log.info({ request_id: requests.idOf(request), subject, name }, `${name} logged in at the OpenID provider`);
        return redirect(returnTo, [...cookies.end(), ...cookies.session(session)]);
      },
      {
        response: { 303: Redirect, ...failures("NOT_FOUND") },
        detail: {
          operationId: "completeLogin",
          tags: ["scheduler"],
          summary: "Take the answer of the OpenID provider",
          description:
            "The provider sends the browser here. Sets a cookie that authenticates requests of this browser for 12 hours, or sends it to the page that says why not.",
          security: [],
        },
      },
    );
};

/** The audit log has logins at the provider as those with a token, although the browser sends no change. */
const loginEntry = ({ name, role }: ProviderPerson, request: Request, { requests, clock }: ApiContext): AuditEntry =>
  new AuditEntry(
    auditFacts({
      who: name,
      role,
      how: "provider",
      address: requests.addressOf(request),
      action: "session.login",
      requestId: requests.idOf(request),
    }),
    clock,
  );

/** The parameter by which the page is told why a login failed. */
const FAILURE_PARAM = "sign_in";

const providerOf = (provider: Provider | null): Provider => {
  if (provider !== null) return provider;
  throw new ApiError(
    "NOT_FOUND",
    "this petit has no OpenID provider; 'auth: {oidc: …}' in its configuration file names one",
  );
};

const wrongReturn = (text: string): ApiError => {
  const problem = `'${text.slice(0, 100)}' is not ${RETURN_PATH_FORM}`;
  return new ApiError("INVALID_REQUEST", `query parameter 'return': ${problem}`, {
    details: { reason: "invalid_value", in: "query", name: "return", problem },
  });
};

/** Returns the public URL if the browser reaches petit under another name: the provider sends it to the public one, with the cookies of that. */
const publicAddress = ({ headers }: Request, publicUrl: string | null): string | null =>
  publicUrl === null || new URL(publicUrl).host === headers.get("host") ? null : publicUrl;

const loginAt = (base: string, returnTo: string): string =>
  `${base}${LOGIN_PATH}?${new URLSearchParams({ return: returnTo, moved: "true" })}`;

/** Returns the URL of petit for the provider. Without the setting, only this machine can be meant. */
const baseOf = ({ headers }: Request, publicUrl: string | null): string => {
  if (publicUrl !== null) return publicUrl;
  const host = headers.get("host") ?? "";
  if (isLoopback(URL.parse(`http://${host}`)?.hostname ?? "")) return `http://${host}`;
  throw new ApiError("INVALID_REQUEST", "a login at a provider needs the setting public_url, the URL of this petit");
};

const redirect = (location: string, cookies: readonly string[]): Response => {
  const headers = new Headers({ location, "cache-control": "no-store" });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(null, { status: 303, headers });
};
