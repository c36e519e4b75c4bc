import { Elysia, t } from "elysia";
import type { CreatedToken } from "../../../auth/stored-tokens.ts";
import { ROLES } from "../../../domain/people/role.ts";
import {
  isInScope,
  JOB_PATTERN_FORM,
  type JobLimit,
  limitOf,
  limitProblem,
  MAX_LIMIT_ENTRIES,
} from "../../../domain/people/scope.ts";
import {
  DEFAULT_GRACE_MS,
  MAX_GRACE_MS,
  MAX_LIFETIME_MS,
  TOKEN_NAME,
  TOKEN_NAME_FORM,
  TOKEN_STATES,
  tokenFields,
} from "../../../domain/people/token.ts";
import { createdTokenText, revokedTokenText, rotatedTokenText } from "../../../domain/words/people/token.ts";
import { noteAction } from "../../../store/people/audit-scope.ts";
import type { ApiContext } from "../../context.ts";
import { invalidBody } from "../../errors.ts";
import { readJson, readJsonWithTexts } from "../../guard/body.ts";
import { failures } from "../../shapes/failure.ts";
import { Count, exactly, instant, instantOrNull, nullable, wholeNumber, word } from "../../shapes/schemas.ts";
import { Message } from "../scheduler.ts";

const name = t.String({ description: "Name of the token: whose it is, or what for", examples: ["mara"] });
const role = word(ROLES, "What requests with the token may do");
const limit = {
  jobs: nullable(
    t.Array(t.String()),
    "Patterns of ids of the jobs that it is limited to, in which `*` stands for any characters; null for any id",
  ),
  tags: nullable(t.Array(t.String()), "Tags of which each of these jobs has one; null if they need none"),
};
const expiresAt = instantOrNull("When it expires; null if it does not");

const TokenBody = exactly(
  {
    name,
    role,
    ...limit,
    state: word(
      TOKEN_STATES,
      "`live`; `replaced` if a newer one took its place and it is valid until it expires; `expired` or `revoked` if it is refused",
    ),
    created_at: instant("When it was created"),
    created_by: nullable(t.String(), "Who created it; null if that is not known"),
    expires_at: expiresAt,
    revoked_at: instantOrNull("When it was revoked; null if it was not"),
    replaced_at: instantOrNull("When a newer one took its place; null if none did"),
    last_used_at: instantOrNull("When it was last used, to within a minute; null if it was not"),
    last_used_from: nullable(
      t.String(),
      "The address that used it last; null if it was not used, or if that is not known",
    ),
  },
  {
    title: "Token",
    examples: [
      {
        name: "mara",
        role: "operator",
        jobs: ["etl_*"],
        tags: null,
        state: "live",
        created_at: 1767225600000,
        created_by: "ada",
        expires_at: 1775001600000,
        revoked_at: null,
        replaced_at: null,
        last_used_at: null,
        last_used_from: null,
      },
    ],
  },
);

const TokenList = exactly(
  {
    tokens: t.Array(TokenBody, {
      description: "The tokens that petit stores, oldest first, also those that it refuses",
    }),
    count: Count,
  },
  { title: "TokenList" },
);

const CreatedTokenBody = exactly(
  {
    message: t.String({ description: "What petit did, as a sentence" }),
    name,
    role,
    ...limit,
    expires_at: expiresAt,
    token: t.String({ description: "The token. petit stores only its SHA-256, and can't show it again" }),
  },
  {
    title: "CreatedToken",
    examples: [
      {
        message: "created the token 'mara' with the role operator",
        name: "mara",
        role: "operator",
        jobs: null,
        tags: null,
        expires_at: null,
        token: "petit_TOKEN",
      },
    ],
  },
);

const CreateBody = exactly(
  {
    name: t.String({
      pattern: TOKEN_NAME.source,
      "x-expected": TOKEN_NAME_FORM,
      description: "Name of the token: whose it is, or what for",
      examples: ["mara"],
    }),
    role,
    jobs: t.Optional(
      nullable(
        t.Array(t.String()),
        `1 to ${MAX_LIMIT_ENTRIES} entries, each ${JOB_PATTERN_FORM}: the token is limited to the jobs whose id is one of these, or fits one`,
      ),
    ),
    tags: t.Optional(
      nullable(
        t.Array(t.String()),
        `1 to ${MAX_LIMIT_ENTRIES} tags: the token is limited to the jobs that have one of them; with \`jobs\`, to those for which both holds`,
      ),
    ),
    expires_in_ms: t.Optional(
      wholeNumber(
        { minimum: 1, maximum: MAX_LIFETIME_MS },
        "After how long it expires, in ms; without this it does not expire",
      ),
    ),
  },
  {
    title: "CreateTokenRequest",
    examples: [{ name: "mara", role: "operator", jobs: ["etl_*"], expires_in_ms: 7776000000 }],
  },
);

const RotateBody = exactly(
  {
    grace_ms: t.Optional(
      wholeNumber(
        { minimum: 0, maximum: MAX_GRACE_MS, default: DEFAULT_GRACE_MS },
        "How long the present token stays valid, in ms",
      ),
    ),
  },
  { title: "RotateTokenRequest", description: "Optional", examples: [{ grace_ms: 3600000 }] },
);

const TokenParams = exactly({ name });

const parse = readJsonWithTexts(["name", "role"]);

/** Routes for the tokens that petit stores. */
export const tokenRoutes = ({ auth, clock, engine, requests }: ApiContext) =>
  new Elysia({ prefix: "/api/tokens" })
    .get(
      "",
      () => {
        const tokens = auth.listTokens().map((token) => tokenFields(token, clock.now()));
        return { tokens, count: tokens.length };
      },
      {
        response: { 200: TokenList, ...failures() },
        detail: {
          operationId: "listTokens",
          tags: ["scheduler"],
          summary: "List the tokens that petit stores",
          description: "Tokens of the token file are not among them.",
        },
      },
    )
    .post(
      "",
      ({ body, request }) => {
        const isFirst = !auth.isProtected();
        const inMs = body.expires_in_ms;
        const { jobs, tags } = limitIn(body);
        noteAction({ target: body.name });
        const created = auth.createToken({
          name: body.name,
          role: body.role,
          jobs,
          tags,
          expiresAt: inMs === undefined ? null : clock.now() + Number(inMs),
          by: requests.actorOf(request),
        });
        const scope = limitOf(jobs, tags);
        const matching = scope === null ? null : engine.listJobs().filter(({ job }) => isInScope(scope, job)).length;
        return createdBody(created, createdTokenText(created, { isFirst, matching }));
      },
      {
        parse,
        body: CreateBody,
        response: { 200: CreatedTokenBody, ...failures("INVALID_REQUEST", "CONFLICT", "PAYLOAD_TOO_LARGE") },
        detail: {
          operationId: "createToken",
          tags: ["scheduler"],
          summary: "Create a token",
          description:
            "The first token ends the access without one. The name must be that of no other valid token. To somebody with a token that is limited " +
            "to some jobs, others do not exist; no job needs to be among them yet.",
        },
      },
    )
    .post(
      "/:name/rotate",
      ({ params, body, request }) => {
        const graceMs = Number(body.grace_ms ?? DEFAULT_GRACE_MS);
        const created = auth.rotateToken({ name: params.name, graceMs, by: requests.actorOf(request) });
        return createdBody(created, rotatedTokenText(params.name, graceMs));
      },
      {
        parse: readJson,
        params: TokenParams,
        body: RotateBody,
        response: { 200: CreatedTokenBody, ...failures("INVALID_REQUEST", "NOT_FOUND", "PAYLOAD_TOO_LARGE") },
        detail: {
          operationId: "rotateToken",
          tags: ["scheduler"],
          summary: "Replace a token by a new one",
          description:
            "The new one has the same role, the same limit to jobs and the same lifetime. Both are valid for a while.",
        },
      },
    )
    .delete(
      "/:name",
      ({ params }) => {
        auth.revokeToken(params.name);
        return { message: revokedTokenText(params.name, !auth.isProtected()) };
      },
      {
        params: TokenParams,
        response: { 200: Message, ...failures("NOT_FOUND") },
        detail: {
          operationId: "revokeToken",
          tags: ["scheduler"],
          summary: "Revoke a token",
          description:
            "It is refused from now on, also the former one of a rotated token; its logins and its event streams end. Without any token, petit requires none on " +
            "loopback.",
        },
      },
    );

/** Returns the jobs that a token is to be limited to. Throws `INVALID_REQUEST`. */
const limitIn = ({ jobs = null, tags = null }: Partial<JobLimit>): JobLimit => {
  const problem = limitProblem({ jobs, tags });
  if (problem === null) return { jobs, tags };
  const { field, index } = problem;
  throw invalidBody(index === null ? field : `${field}.${index}`, problem.problem);
};

const createdBody = (created: CreatedToken, message: string) => ({
  message,
  name: created.name,
  role: created.role,
  jobs: created.jobs === null ? null : [...created.jobs],
  tags: created.tags === null ? null : [...created.tags],
  expires_at: created.expiresAt,
  token: created.token,
});
