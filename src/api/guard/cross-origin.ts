import { cors } from "@elysiajs/cors";
import { Elysia } from "elysia";
import type { ApiContext } from "../context.ts";
import { ANY_HOST, answerError } from "../routes/routes.ts";

/** `fromAllowedOrigin`: a page sent the request that may. */
export type Answer = (request: Request, fromAllowedOrigin: boolean) => Response | Promise<Response>;

/**
 * Requests of pages that `origins` names get CORS headers, and their preflights an answer; all others pass by, without
 * a trace of CORS.
 */
export const crossOrigin = (
  origins: readonly string[],
  answer: Answer,
  context: ApiContext,
): ((request: Request) => Response | Promise<Response>) => {
  if (origins.length === 0) return (request) => answer(request, false);
  const allowed = new Set(origins);
  const app = new Elysia({ handler: ANY_HOST })
    .use(cors(policy(origins)))
    .onError(({ error, request }) => answerError(context, error, request))
    .all("/*", async ({ request }) => await answer(request, true));
  return (request) => (allowed.has(request.headers.get("origin") ?? "") ? app.fetch(request) : answer(request, false));
};

const policy = (origins: readonly string[]) => ({
  origin: [...origins],
  methods: ["GET", "HEAD", "POST"] as ("GET" | "HEAD" | "POST")[],
  allowedHeaders: ["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
  exposeHeaders: ["Location", "Retry-After", "X-Request-Id"],
  credentials: false,
  maxAge: PREFLIGHT_AGE_SECONDS,
});

const PREFLIGHT_AGE_SECONDS = 600;
