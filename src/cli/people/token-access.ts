import { withStore } from "../../app/open-database.ts";
import { type CreatedToken, createToken, needsStoredToken, rotateToken } from "../../auth/stored-tokens.ts";
import type { AuditAction } from "../../domain/people/audit.ts";
import type { Role } from "../../domain/people/role.ts";
import { isInScope, type JobLimit, limitOf } from "../../domain/people/scope.ts";
import { type TokenState, tokenFields } from "../../domain/people/token.ts";
import { createdTokenText, revokedTokenText, rotatedTokenText } from "../../domain/words/people/token.ts";
import { silentLog } from "../../lib/log.ts";
import type { Store } from "../../store/store.ts";
import { openClient } from "../client/client.ts";
import type { Context } from "../command.ts";
import { asCommand, caller } from "./as-command.ts";

/** A token as the API shows it. */
export type ShownToken = Omit<ReturnType<typeof tokenFields>, "state"> & { readonly state: TokenState };

/** A token that was just created, and what was done as a sentence. */
export type NewToken = {
  readonly message: string;
  readonly name: string;
  readonly role: Role;
  readonly jobs: readonly string[] | null;
  readonly tags: readonly string[] | null;
  readonly expires_at: number | null;
  readonly token: string;
};

type Creation = JobLimit & { readonly name: string; readonly role: Role; readonly lifetimeMs: number | null };

/** The stored tokens of the running petit, or those of a database. */
export interface TokenAccess {
  list(): Promise<readonly ShownToken[]>;
  create(creation: Creation): Promise<NewToken>;
  rotate(name: string, graceMs: number): Promise<NewToken>;
  /** Returns what was done, as a sentence. */
  revoke(name: string): Promise<string>;
}

/** Returns the tokens of the petit at `--url`; without it, those of the database, which needs no token and no running petit. */
export const openTokens = (context: Context): TokenAccess =>
  context.origins.url.kind === "default" ? databaseTokens(context) : remoteTokens(context);

const remoteTokens = (context: Context): TokenAccess => {
  const client = openClient(context);
  return {
    list: async () => (await client.get("/api/tokens")).tokens,
    create: ({ name, role, jobs, tags, lifetimeMs }) =>
      client.post("/api/tokens", {
        body: {
          name,
          role,
          ...(jobs !== null && { jobs: [...jobs] }),
          ...(tags !== null && { tags: [...tags] }),
          ...(lifetimeMs !== null && { expires_in_ms: lifetimeMs }),
        },
      }),
    rotate: (name, graceMs) =>
      client.post("/api/tokens/:name/rotate", { params: { name }, body: { grace_ms: graceMs } }),
    revoke: async (name) => (await client.delete("/api/tokens/:name", { params: { name } })).message,
  };
};

const databaseTokens = (context: Context): TokenAccess => {
  const { settings, runtime, clock, environment } = context;
  const database = { db: settings.db, runtime, clock, environment, log: silentLog };
  const by = caller(context);
  const change = <Result>(action: AuditAction, name: string, work: (store: Store) => Result): Result =>
    withStore(database, (store) => asCommand(context, { action, target: name }, () => work(store)));
  return {
    list: async () => withStore(database, ({ tokens }) => tokens.list().map((each) => tokenFields(each, clock.now()))),

    create: async ({ name, role, jobs, tags, lifetimeMs }) =>
      change("token.create", name, (store) => {
        const isFirst = !needsStoredToken(store.tokens.list());
        const now = clock.now();
        const expiresAt = lifetimeMs === null ? null : now + lifetimeMs;
        const created = createToken(store, { name, role, jobs, tags, expiresAt, by }, now);
        const scope = limitOf(jobs, tags);
        const known = [...store.jobs.list().values()].filter(({ job }) => isInScope(scope, job));
        const matching = scope === null ? null : known.length;
        return newToken(created, createdTokenText(created, { isFirst, matching }));
      }),

    rotate: async (name, graceMs) =>
      change("token.rotate", name, (store) => {
        const created = rotateToken(store, { name, graceMs, by }, clock.now());
        return newToken(created, rotatedTokenText(name, graceMs));
      }),

    revoke: async (name) =>
      change("token.revoke", name, ({ tokens }) => {
        tokens.revoke(name, clock.now());
        return revokedTokenText(name, !needsStoredToken(tokens.list()));
      }),
  };
};

const newToken = ({ name, role, jobs, tags, token, expiresAt }: CreatedToken, message: string): NewToken => ({
  message,
  name,
  role,
  jobs,
  tags,
  expires_at: expiresAt,
  token,
});
