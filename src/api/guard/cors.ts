import { cors } from "@elysiajs/cors";
import { Elysia } from "elysia";
import type { ApiContext } from "../context.ts";
import { ANY_HOST, answerError } from "../routes/routes.ts";

/** `fromAllowedOrigin` is true if a page of an origin that `--cors-origin` names sent the request. */
export type RequestHandler = (request: Request, fromAllowedOrigin: boolean) => Response | Promise<Response>;

/** Wraps a handler: requests from `origins` get CORS headers, and preflights an answer. Other requests are unchanged. */
export const withCors = (
  origins: readonly string[],
  handle: RequestHandler,
  context: ApiContext,
): ((request: Request) => Response | Promise<Response>) => {
  if (origins.length === 0) return (request) => handle(request, false);
  const allowed = new Set(origins);
  const app = new Elysia({ handler: ANY_HOST })
    .use(cors(policy(origins)))
    .onError(({ error, request }) => answerError(context, error, request))
    .all("/*", async ({ request }) => await handle(request, true));
  return (request) => (allowed.has(request.headers.get("origin") ?? "") ? app.fetch(request) : handle(request, false));
};

const policy = (origins: readonly string[]) => ({
  origin: [...origins],
  methods: METHODS,
  allowedHeaders: ["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
  exposeHeaders: ["Location", "Retry-After", "X-Request-Id"],
  credentials: false,
  maxAge: PREFLIGHT_AGE_SECONDS,
});

/** The methods of all routes. */
const METHODS: ("GET" | "HEAD" | "POST" | "PUT" | "DELETE")[] = ["GET", "HEAD", "POST", "PUT", "DELETE"];

const PREFLIGHT_AGE_SECONDS = 600;
