import { Elysia, t } from "elysia";
import type { ApiDocument } from "../docs/document.ts";
import { type DescribedRoute, openApi } from "../docs/openapi.ts";
import { DOCS_HEADERS, docsPage } from "../docs/page.ts";
import { failures } from "../shapes/failure.ts";

const DocsPage = t.String({
  description: "The page",
  "x-content": { "text/html": { example: "<!doctype html>\n" } },
});

/** Both are made when they are first asked for. */
export const openApiRoutes = (described: () => readonly DescribedRoute[], version: string) => {
  const json = once(() => JSON.stringify(openApi(described(), version), null, 2));
  const page = once(() => {
    const document: ApiDocument = JSON.parse(json());
    return docsPage(document);
  });
  return new Elysia()
    .get("/api/openapi.json", () => new Response(json(), { headers: { "content-type": "application/json" } }), {
      response: {
        200: t.Object({}, { title: "OpenApi", description: "An OpenAPI 3.1 document", additionalProperties: true }),
        ...failures(),
      },
      detail: { operationId: "getOpenApi", tags: ["scheduler"], summary: "This description of the API" },
    })
    .get("/api/docs", () => new Response(page(), { headers: DOCS_HEADERS }), {
      response: { 200: DocsPage, ...failures() },
      detail: {
        operationId: "getDocs",
        tags: ["scheduler"],
        summary: "This description as a page to read",
        description: "Needs no network and runs no script.",
      },
    });
};

const once = (make: () => string): (() => string) => {
  let made: string | null = null;
  return () => {
    made ??= make();
    return made;
  };
};
