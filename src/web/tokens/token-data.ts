import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import type { Role } from "../../domain/people/role.ts";
import { useAction } from "../data/actions.ts";
import { petit } from "../data/client.ts";
import { noticeStore } from "../data/notice-store.ts";
import { sessionQuery } from "../data/queries.ts";
import { type LoginResult, logIn } from "../data/session.ts";
import { capital } from "../ui/text/format.ts";

const listTokens = () => petit.get("/api/tokens");

/** Query for the tokens that petit stores. Polls, because no event reports that one was created or used. */
export const tokensQuery = () => queryOptions({ queryKey: ["tokens"], queryFn: listTokens, refetchInterval: 15_000 });

export type TokenData = Awaited<ReturnType<typeof listTokens>>["tokens"][number];

export type AskedToken = {
  readonly name: string;
  readonly role: Role;
  /** Null if it does not expire. */
  readonly lifetimeMs: number | null;
  /** The patterns and tags of the jobs that it is limited to; empty for all jobs. */
  readonly jobs: readonly string[];
  readonly tags: readonly string[];
};

/** A new token, and whether this browser is logged in with it. */
export type TokenOnce = {
  readonly name: string;
  readonly role: Role;
  readonly expires_at: number | null;
  readonly token: string;
  /** Null if that was not tried; `failed` if petit did not answer. */
  readonly login: LoginResult | "failed" | null;
};

/** Creates a token. Logs in with the first one, because petit requires one from then on. The caller shows a failure. */
export const useCreateToken = () => {
  const needsToken = useNeedsToken();
  return useTokenChange(async ({ name, role, lifetimeMs, jobs, tags }: AskedToken): Promise<TokenOnce> => {
    const created = await petit.post("/api/tokens", {
      body: {
        name,
        role,
        ...(lifetimeMs !== null && { expires_in_ms: lifetimeMs }),
        ...(jobs.length > 0 && { jobs: [...jobs] }),
        ...(tags.length > 0 && { tags: [...tags] }),
      },
    });
    return { ...created, login: needsToken ? null : await tryLogIn(created.token) };
  });
};

/** Creates a token in place of another one. Logs in with the new one if this browser is logged in with the other. The caller shows a failure. */
export const useRotateToken = () => {
  const isOwn = useIsOwn();
  return useTokenChange(
    async ({ name, graceMs }: { readonly name: string; readonly graceMs: number }): Promise<TokenOnce> => {
      const created = await petit.post("/api/tokens/:name/rotate", { params: { name }, body: { grace_ms: graceMs } });
      return { ...created, login: isOwn(name) ? await tryLogIn(created.token) : null };
    },
  );
};

/** Revokes a token. The caller shows a failure. */
export const useRevokeToken = () =>
  useTokenChange(async (name: string): Promise<void> => {
    const { message } = await petit.delete("/api/tokens/:name", { params: { name } });
    noticeStore.show({ text: `${capital(message)}.` });
  });

/** Returns whether this browser is logged in with the token of a name. */
export const useIsOwn = (): ((name: string) => boolean) => {
  const { data } = useQuery({ ...sessionQuery(), enabled: false });
  return (name) => data?.via === "session" && data.name === name;
};

/** Returns whether petit requires a token. */
export const useNeedsToken = (): boolean => useQuery({ ...sessionQuery(), enabled: false }).data?.needs_token ?? true;

/** What a change has returned, such as the text of a new token, is not kept. */
const useTokenChange = <Given, Result>(change: (given: Given) => Promise<Result>) => {
  const client = useQueryClient();
  return useAction({
    mutationFn: change,
    onSettled: () =>
      client.invalidateQueries({ predicate: ({ queryKey: [noun] }) => noun === "tokens" || noun === "session" }),
    gcTime: 0,
    meta: {},
  });
};

/** The token exists, and must be shown whatever becomes of the login. */
const tryLogIn = (token: string): Promise<LoginResult | "failed"> => logIn(token).catch(() => "failed" as const);
