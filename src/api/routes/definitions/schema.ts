import { Elysia, t } from "elysia";
import { jsonSchema } from "../../../jobfile/schema/json-schema.ts";
import { compressedJson } from "../../guard/compression.ts";
import { failures } from "../../shapes/failure.ts";

/** The route of the JSON Schema of job files, for editors. */
export const jobSchemaRoutes = () =>
  new Elysia().get("/api/job-schema", ({ request }) => compressedJson(jsonSchema(), request), {
    response: {
      200: t.Object(
        {},
        { title: "JobSchema", description: "A JSON Schema (2020-12) of a job", additionalProperties: true },
      ),
      ...failures(),
    },
    detail: {
      operationId: "getJobSchema",
      tags: ["jobs"],
      summary: "Get the JSON Schema of job files",
      description: "What `petit schema` prints.",
    },
  });
