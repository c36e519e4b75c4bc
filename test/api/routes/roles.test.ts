import { expect, test } from "bun:test";
import { Elysia } from "elysia";
import fc from "fast-check";
import { createRouteFinder } from "../../../src/api/route-finder.ts";
import { ROUTE_ROLES } from "../../../src/api/routes/roles.ts";
import { ANY_HOST } from "../../../src/api/routes/routes.ts";

const ROUTES = Object.keys(ROUTE_ROLES);

/** The router of the API, with routes that answer with their own names. */
const router = new Elysia({ handler: ANY_HOST });
for (const route of ROUTES) {
  const [method = "", path = ""] = route.split(" ");
  router.route(method, path, () => route);
}

const methods = [...new Set(ROUTES.map((route) => route.split(" ")[0] ?? ""))];
const parts = [...new Set(ROUTES.flatMap((route) => (route.split(" ")[1] ?? "").split("/")))].filter(
  (part) => !part.startsWith(":") && part !== "*",
);
const part = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...parts) },
  { weight: 2, arbitrary: fc.constantFrom("x", "", "%00", "%2f", "a%2Fb", "..", "%zz", "SYNC", "sync;x", "é") },
);

/** A path that is near to one of the API. */
const nearPath = fc
  .tuple(fc.constantFrom(...ROUTES), fc.array(fc.tuple(fc.nat(6), part), { maxLength: 3 }), fc.boolean())
  .map(([route, changes, hasSlash]) => {
    const path = (route.split(" ")[1] ?? "")
      .replaceAll(/:\w+|\*/g, "x")
      .split("/")
      .slice(1);
    for (const [at, text] of changes) path[Math.min(at, path.length)] = text;
    return `/${path.join("/")}${hasSlash ? "/" : ""}`;
  });

test("the role that is judged is that of the route that runs, however the path is written", async () => {
  const find = createRouteFinder(ROUTES);
  let found = 0;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...methods), nearPath, async (method, path) => {
      const request = new Request(`http://127.0.0.1:8565${path}`, { method });
      const response = await router.fetch(request);
      const sent = request.url.slice("http://127.0.0.1:8565".length);
      const judged = find(method, sent);
      // A path without a role is refused before the router sees it.
      if (judged === null) return;
      found++;
      expect([method, sent, response.status, await response.text()]).toEqual([method, sent, 200, judged]);
    }),
    { numRuns: 5_000 },
  );
  expect(found).toBeGreaterThan(500);
});
