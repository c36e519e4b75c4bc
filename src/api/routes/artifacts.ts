import { Elysia, t } from "elysia";
import { PetitError } from "../../domain/errors.ts";
import { shorten } from "../../lib/text.ts";
import { artifactResponse } from "../artifacts/response.ts";
import { ArtifactContent, ArtifactList, artifactList, RangeHeaders } from "../artifacts/shape.ts";
import type { ApiContext } from "../context.ts";
import { failures } from "../shapes/failure.ts";
import { exactly, RunIdText } from "../shapes/schemas.ts";
import { pathAfter } from "./path-after.ts";
import { requireRun, requireTask } from "./require.ts";

export const artifactRoutes = ({ engine, store, requests }: ApiContext) =>
  new Elysia()
    .get(
      "/api/runs/:run_id/artifacts",
      ({ params, query }) => {
        const { id } = requireRun(store, params.run_id);
        if (query.task === undefined) return artifactList(store.artifacts.list(id));
        return artifactList(store.artifacts.list(id, { taskId: requireTask(store, id, query.task).taskId }));
      },
      {
        params: exactly({ run_id: RunIdText }),
        query: exactly({ task: t.Optional(t.String({ description: "Only artifacts of this task" })) }),
        response: { 200: ArtifactList, ...failures("INVALID_REQUEST", "NOT_FOUND") },
        detail: {
          operationId: "listArtifacts",
          tags: ["runs"],
          summary: "List the artifacts of a run",
          description: "The files that the newest attempt of each task, or of each item, left.",
        },
      },
    )
    .get(
      "/api/runs/:run_id/artifacts/*",
      ({ params, request }) => {
        const { id } = requireRun(store, params.run_id);
        const path = pathAfter(PREFIX_PARTS, request.url);
        const artifact = path === null ? null : store.artifacts.find(id, path);
        if (artifact === null)
          throw new PetitError("not_found", `run ${id} has no artifact '${shorten(path ?? params["*"], 200)}'`);
        // A slow reader may take its time.
        requests.keepOpen(request);
        return artifactResponse(artifact, request.headers, engine);
      },
      {
        params: exactly({
          run_id: RunIdText,
          "*": t.String({ description: "Path of the artifact, with each part percent-encoded" }),
        }),
        headers: RangeHeaders,
        response: { 200: ArtifactContent, ...failures("NOT_FOUND", "RANGE_NOT_SATISFIABLE") },
        detail: {
          operationId: "getArtifact",
          tags: ["runs"],
          summary: "Get an artifact",
          description:
            "`Range` selects a part (206); several ranges that can't be combined to one are ignored. `ETag` is the SHA-256, for " +
            "`If-None-Match` (304) and `If-Range`. Plain text and raster images are shown in a browser. Everything else is a " +
            "download, and may not run anything with the rights of petit's page.",
        },
      },
    );

/** Number of parts of `/api/runs/RUN/artifacts`, including the empty one at the beginning. */
const PREFIX_PARTS = 5;
