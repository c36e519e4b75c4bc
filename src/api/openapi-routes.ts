import { Elysia, t } from "elysia";
import { type DescribedRoute, openApi } from "./openapi.ts";
import { failures } from "./schemas.ts";

export const openApiRoutes = (described: () => readonly DescribedRoute[], version: string) => {
  let text: string | null = null;
  return new Elysia().get(
    "/api/openapi.json",
    () => {
      text ??= JSON.stringify(openApi(described(), version), null, 2);
      return new Response(text, { headers: { "content-type": "application/json" } });
    },
    {
      response: {
        200: t.Object({}, { title: "OpenApi", description: "An OpenAPI 3.1 document", additionalProperties: true }),
        ...failures(),
      },
      detail: { operationId: "getOpenApi", tags: ["scheduler"], summary: "This description of the API" },
    },
  );
};
