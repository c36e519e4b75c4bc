import { Elysia, t } from "elysia";
import { once } from "../../lib/once.ts";
import { buildOpenApi, type DescribedApi } from "../docs/openapi.ts";
import type { ApiDocument } from "../docs/openapi-types.ts";
import { DOCS_HEADERS, renderDocsPage } from "../docs/page.ts";
import { failures } from "../shapes/failure.ts";

const DocsPage = t.String({
  description: "An HTML page",
  "x-content": { "text/html": { example: "<!doctype html>\n" } },
});

/** Path of the description for programs. */
export const OPENAPI_PATH = "/api/openapi.json";

/** Path of the reference page. */
export const DOCS_PATH = "/api/docs";

/** Routes of the API description, which is built at the first request. */
export const openApiRoutes = (described: () => DescribedApi, version: string) => {
  const json = once(() => JSON.stringify(buildOpenApi(described(), version)));
  const document = once((): ApiDocument => JSON.parse(json()));
  return new Elysia()
    .get(OPENAPI_PATH, () => new Response(json(), { headers: { "content-type": "application/json" } }), {
      response: {
        200: t.Object({}, { title: "OpenApi", description: "An OpenAPI 3.1 document", additionalProperties: true }),
        ...failures(),
      },
      detail: { operationId: "getOpenApi", tags: ["scheduler"], summary: "Get the description of the API" },
    })
    .get(
      DOCS_PATH,
      ({ request }) =>
        new Response(renderDocsPage({ document: document(), address: new URL(request.url).origin }), {
          headers: DOCS_HEADERS,
        }),
      {
        response: { 200: DocsPage, ...failures() },
        detail: {
          operationId: "getDocs",
          tags: ["scheduler"],
          summary: "Get the description of the API as a page",
          description:
            "Runs no script and loads nothing from other servers. A browser that is not logged in gets the dashboard, which asks for " +
            "the token and then shows this page.",
        },
      },
    );
};
