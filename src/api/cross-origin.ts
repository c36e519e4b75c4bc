import { cors } from "@elysiajs/cors";
import { Elysia } from "elysia";

type Answer = (request: Request) => Response | Promise<Response>;

/**
 * Requests of pages that `origins` names get CORS headers, and their preflights an answer; all others pass by, without
 * a trace of CORS.
 */
export const crossOrigin = (origins: readonly string[], answer: (fromAllowedOrigin: boolean) => Answer): Answer => {
  const own = answer(false);
  if (origins.length === 0) return own;
  const allowed = new Set(origins);
  const app = new Elysia()
    .use(cors(policy(origins)))
    .all("/*", ({ request }) => answer(true)(request))
    .all("/", ({ request }) => answer(true)(request));
  return (request) => (allowed.has(request.headers.get("origin") ?? "") ? app.fetch(request) : own(request));
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
