import { t } from "elysia";
import type { Artifact } from "../../domain/artifact/artifact.ts";
import { Count, exactly, instant, integer, nullable, TaskIdText } from "../shapes/schemas.ts";
import { contentTypeOf } from "./content-type.ts";

export const RangeHeaders = t.Object({
  range: t.Optional(t.String({ description: "The part to send, such as `bytes=0-1023` or `bytes=-1024`" })),
  "if-range": t.Optional(t.String({ description: "Sends everything unless the file still has this `ETag`" })),
  "if-none-match": t.Optional(t.String({ description: "Sends nothing if the file still has one of these `ETag`s" })),
});

export const ArtifactContent = t.Any({
  title: "ArtifactContent",
  description: "The file, or the part of it",
  "x-headers": ["ETag", "Accept-Ranges", "Content-Disposition"],
  "x-content": { "application/octet-stream": { example: "…" } },
});

const ArtifactBody = exactly(
  {
    path: t.String({ description: "Path in the run: `TASK/path`, or `TASK/ITEM/path` for an item" }),
    task_id: TaskIdText,
    item: nullable(integer({ minimum: 0 }), "Position of the item that left it, from 0; null in a task without items"),
    item_key: nullable(t.String(), "Key of the item; null in a task without items"),
    attempt: integer({ minimum: 1, description: "Number of the attempt that left it" }),
    size: integer({ minimum: 0, description: "Size in bytes" }),
    sha256: t.String({ description: "SHA-256 of the content, in hexadecimal" }),
    content_type: t.String({ description: "Content type, by the extension of the name" }),
    created_at: instant("When it was stored"),
  },
  {
    title: "Artifact",
    description: "A file that is kept with a run",
    examples: [
      {
        path: "extract/out/rows.csv",
        task_id: "extract",
        item: null,
        item_key: null,
        attempt: 1,
        size: 1024,
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        content_type: "text/plain; charset=utf-8",
        created_at: 1767225600042,
      },
    ],
  },
);

export const ArtifactList = exactly(
  { artifacts: t.Array(ArtifactBody, { description: "Artifacts by path" }), count: Count },
  { title: "ArtifactList" },
);

export const artifactList = (artifacts: readonly Artifact[]): typeof ArtifactList.static => ({
  artifacts: artifacts.map(artifactBody),
  count: artifacts.length,
});

const artifactBody = (artifact: Artifact): typeof ArtifactBody.static => ({
  path: artifact.path,
  task_id: artifact.taskId,
  item: artifact.item,
  item_key: artifact.itemKey,
  attempt: artifact.attempt,
  size: artifact.sizeBytes,
  sha256: artifact.sha256,
  content_type: contentTypeOf(artifact.path).type,
  created_at: artifact.createdAt,
});
