import { treaty } from "@elysiajs/eden";
import type { Routes } from "../../api/routes/routes.ts";
import { ApiFailure, failureOf } from "./failure.ts";
import { tokenStore } from "./token-store.ts";

/** With the token, where there is one. */
export const authorization = (): Record<string, string> => {
  const { token } = tokenStore.get();
  return token === null ? {} : { authorization: `Bearer ${token}` };
};

/** `fetch` of petit's own API, for streams; throws an `ApiFailure` where petit refuses or isn't there. */
export const fetchPetit = async (path: string, init: RequestInit = {}): Promise<Response> => {
  const response = await fetch(path, { ...init, headers: { ...authorization(), ...init.headers } }).catch(
    (cause: unknown) => {
      throw init.signal?.aborted ? cause : ApiFailure.unreachable(cause);
    },
  );
  if (response.status === 401) tokenStore.refuse();
  if (response.ok) return response;
  throw failureOf(response.status, await response.json().catch(() => null));
};

/**
 * petit's own API, typed by its routes: `petit.api.jobs({ job_id }).runs.get({ query: { limit: 20 } })`. Dates stay text:
 * a param such as `2026-01-01` is one.
 */
export const petit = treaty<Routes>(location.origin, {
  parseDate: false,
  headers: authorization,
});

type Answered<Data> = Promise<{ readonly data: Data | null; readonly error: unknown; readonly status: number }>;

/** What petit answers; throws an `ApiFailure` where it refuses or isn't there. */
export const answerOf = async <Data>(asked: Answered<Data>): Promise<NonNullable<Data>> => {
  const { data, error, status } = await asked.catch((cause: unknown) => {
    throw ApiFailure.unreachable(cause);
  });
  if (status === 401) tokenStore.refuse();
  if (error === null && data !== null && data !== undefined) return data;
  throw failureOf(status, bodyOf(error));
};

const bodyOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "value" in error ? error.value : null;
