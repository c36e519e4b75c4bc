import { ApiError, methodNotAllowed } from "./errors.ts";

type Route = { readonly method: string; readonly path: string };

/** Returns a function that makes the error for a request that no route handles: 405 if the path has other methods, else 404. */
export const createUnknownRouteError = (routes: readonly Route[]): ((method: string, path: string) => ApiError) => {
  const patterns = routes.map(({ method, path }) => ({ method, pattern: pathPattern(path) }));
  return (method, path) => {
    const shown = path.slice(0, 200);
    const allowed = patterns.filter(({ pattern }) => pattern.test(path)).flatMap((route) => methodsOf(route.method));
    if (allowed.length === 0)
      return new ApiError("NOT_FOUND", `there is nothing at ${shown}; GET /api/openapi.json lists all paths`);
    return methodNotAllowed(method, shown, [...new Set(allowed)].sort());
  };
};

/** Every route with GET answers HEAD too. */
const methodsOf = (method: string): readonly string[] => (method === "GET" ? ["GET", "HEAD"] : [method]);

/** Returns `/api/jobs/:job_id` as a regular expression that also allows a slash at the end. */
const pathPattern = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/:\w+/g, "[^/]+").replaceAll("*", ".+")}/?$`);
