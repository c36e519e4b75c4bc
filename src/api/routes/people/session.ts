import { Elysia, t } from "elysia";
import { VIAS } from "../../../domain/people/person.ts";
import { ROLES } from "../../../domain/people/role.ts";
import type { JobScope } from "../../../domain/people/scope.ts";
import type { ApiContext } from "../../context.ts";
import { readJson } from "../../guard/body.ts";
import { endedSessionCookie, sessionCookie } from "../../guard/cookie.ts";
import { FAILURES, failures } from "../../shapes/failure.ts";
import { exactly, instantOrNull, nullable, word } from "../../shapes/schemas.ts";

/** Path of the login. Logging in and out needs no token. */
export const SESSION_PATH = "/api/session";

const name = nullable(
  t.String(),
  "Name of the person, or of the token; null if it has none, or if petit requires no token",
);

/** The jobs that somebody is limited to. */
const ScopeBody = t.Array(
  exactly(
    {
      jobs: nullable(t.Array(t.String()), "Patterns of ids of jobs; null for any id"),
      tags: nullable(t.Array(t.String()), "Tags of which such a job has one; null if it needs none"),
    },
    { title: "JobLimit" },
  ),
);

/** Returns copies of the lists, because the schema's type has lists that can be changed. */
const scopeBody = (scope: JobScope) =>
  scope === null
    ? null
    : scope.map(({ jobs, tags }) => ({
        jobs: jobs === null ? null : [...jobs],
        tags: tags === null ? null : [...tags],
      }));

const SessionBody = exactly(
  {
    name,
    role: word(ROLES, "What the request may do"),
    scope: nullable(ScopeBody, "The groups of jobs that the request is limited to; null for all jobs"),
    via: word(
      VIAS,
      "`token`; `session` for a login with a token in a browser; `proxy` for somebody whom a proxy has identified; `provider` for a login at " +
        "an OpenID provider; `anonymous` if petit requires no token",
    ),
    address: nullable(t.String(), "Address of the client; null if it has disconnected"),
    needs_token: t.Boolean({ description: "True if petit requires a token" }),
    expires_at: instantOrNull("When the session ends; null if a bearer token or nothing authenticated the request"),
  },
  {
    title: "Session",
    description: "Who sends the request",
    examples: [
      {
        name: "ada",
        role: "admin",
        scope: null,
        via: "session",
        address: "127.0.0.1",
        needs_token: true,
        expires_at: 1769817600000,
      },
    ],
  },
);

const LoggedIn = exactly(
  { message: t.String({ description: "What petit did, as a sentence" }), name },
  { title: "LoggedIn", "x-headers": ["Set-Cookie"], examples: [{ message: "logged in as 'ada'", name: "ada" }] },
);

const LoggedOut = exactly(
  { message: t.String({ description: "What petit did, as a sentence" }) },
  { title: "LoggedOut", "x-headers": ["Set-Cookie"], examples: [{ message: "logged out" }] },
);

const LoginBody = exactly(
  { token: t.String({ description: "The token" }) },
  { title: "LoginRequest", examples: [{ token: "TOKEN" }] },
);

export const sessionRoutes = ({ authentication, requests }: ApiContext) =>
  new Elysia({ prefix: SESSION_PATH })
    .get(
      "",
      ({ request }) => {
        const { person, sessionUntil } = authentication.identify(request);
        return {
          name: person.name,
          role: person.role,
          scope: scopeBody(person.scope),
          via: person.via,
          address: requests.addressOf(request),
          needs_token: authentication.needsToken(),
          expires_at: sessionUntil,
        };
      },
      {
        response: { 200: SessionBody, ...failures() },
        detail: { operationId: "getSession", tags: ["scheduler"], summary: "Get who is logged in" },
      },
    )
    .post(
      "",
      ({ body, request, set }) => {
        const { name: tokenName, session } = authentication.login(body.token);
        if (session === null) return { message: "petit requires no token", name: null };
        set.headers["set-cookie"] = sessionCookie(request, session);
        return { message: tokenName === null ? "logged in" : `logged in as '${tokenName}'`, name: tokenName };
      },
      {
        parse: readJson,
        body: LoginBody,
        response: {
          200: LoggedIn,
          ...failures("INVALID_REQUEST", "PAYLOAD_TOO_LARGE"),
        },
        detail: {
          operationId: "logIn",
          tags: ["scheduler"],
          summary: "Log in with a token",
          description:
            "Sets a cookie that authenticates requests of this browser for 30 days, also after a restart of petit. Scripts can't read it, " +
            "and it does not contain the token. Requests that change something need the `Origin` of petit's own page as well.",
          security: [],
        },
      },
    )
    .delete(
      "",
      ({ request, set }) => {
        authentication.logout(request);
        set.headers["set-cookie"] = endedSessionCookie(request);
        return { message: "logged out" };
      },
      {
        response: { 200: LoggedOut, ...failures("SERVICE_UNAVAILABLE"), 401: FAILURES.UNAUTHORIZED },
        detail: {
          operationId: "logOut",
          tags: ["scheduler"],
          summary: "Log out",
          description:
            "Ends the session of the cookie, also for copies of it, closes its streams, and deletes the cookie of this browser. To end all " +
            "sessions of a token, remove the token.",
          security: [],
        },
      },
    );
