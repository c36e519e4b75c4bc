import { Elysia, t } from "elysia";
import type { CreatedToken } from "../../../auth/stored-tokens.ts";
import { ROLES } from "../../../domain/people/role.ts";
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
import { readJson, readJsonWithTexts } from "../../guard/body.ts";
import { failures } from "../../shapes/failure.ts";
import { Count, exactly, instant, instantOrNull, nullable, wholeNumber, word } from "../../shapes/schemas.ts";
import { Message } from "../scheduler.ts";

const name = t.String({ description: "Name of the token: whose it is, or what for", examples: ["mara"] });
const role = word(ROLES, "What requests with the token may do");
const expiresAt = instantOrNull("When it expires; null if it does not");

const TokenBody = exactly(
  {
    name,
    role,
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
    expires_in_ms: t.Optional(
      wholeNumber(
        { minimum: 1, maximum: MAX_LIFETIME_MS },
        "After how long it expires, in ms; without this it does not expire",
      ),
    ),
  },
  { title: "CreateTokenRequest", examples: [{ name: "mara", role: "operator", expires_in_ms: 7776000000 }] },
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
export const tokenRoutes = ({ auth, clock, requests }: ApiContext) =>
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
        noteAction({ target: body.name });
        const created = auth.createToken({
          name: body.name,
          role: body.role,
          expiresAt: inMs === undefined ? null : clock.now() + Number(inMs),
          by: requests.actorOf(request),
        });
        return createdBody(created, createdTokenText(created, isFirst));
      },
      {
        parse,
        body: CreateBody,
        response: { 200: CreatedTokenBody, ...failures("INVALID_REQUEST", "CONFLICT", "PAYLOAD_TOO_LARGE") },
        detail: {
          operationId: "createToken",
          tags: ["scheduler"],
          summary: "Create a token",
          description: "The first token ends the access without one. The name must be that of no other valid token.",
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
          description: "The new one has the same role and the same lifetime. Both are valid for a while.",
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

const createdBody = ({ name: tokenName, role: tokenRole, token, expiresAt: at }: CreatedToken, message: string) => ({
  message,
  name: tokenName,
  role: tokenRole,
  expires_at: at,
  token,
});
