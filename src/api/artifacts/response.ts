import { closeSync, fstatSync, openAsBlob } from "node:fs";
import type { Artifact } from "../../domain/artifact/artifact.ts";
import { PetitError } from "../../domain/errors.ts";
import { ApiError } from "../errors.ts";
import type { ApiEngine } from "../options.ts";
import { selectPart } from "./conditions.ts";
import { contentTypeOf } from "./content-type.ts";

/**
 * Responds with a file or a part of it. A task wrote it, so a browser must not run it: everything but plain text and images is a
 * download, and nothing has access to the origin of petit.
 */
export const artifactResponse = async (
  artifact: Artifact,
  headers: Headers,
  engine: Pick<ApiEngine, "openArtifact" | "artifactFile">,
): Promise<Response> => {
  const size = artifact.sizeBytes;
  const etag = `"${artifact.sha256}"`;
  const { type, inline } = contentTypeOf(artifact.path);
  const common = {
    etag,
    "accept-ranges": "bytes",
    // Another attempt may replace the file.
    "cache-control": "private, no-cache",
    "content-security-policy": POLICY,
    "cross-origin-resource-policy": "same-origin",
  };
  const selection = selectPart({ headers, etag, size });
  if (selection.kind === "not_modified") return new Response(null, { status: 304, headers: common });
  if (selection.kind === "unsatisfiable")
    throw new ApiError("RANGE_NOT_SATISFIABLE", `the range is outside of the file, which has ${size} bytes`, {
      headers: { "content-range": `bytes */${size}` },
    });
  assertStored(artifact, engine);
  const file = await openAsBlob(engine.artifactFile(artifact));
  const content = { ...common, "content-type": type, "content-disposition": disposition(artifact.path, inline) };
  // Deno sends no length by itself.
  if (selection.kind === "whole") return new Response(file, { headers: { ...content, "content-length": `${size}` } });
  const { start, end } = selection;
  const range = { "content-range": `bytes ${start}-${end}/${size}`, "content-length": `${end + 1 - start}` };
  return new Response(file.slice(start, end + 1), { status: 206, headers: { ...content, ...range } });
};

const POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'";

const assertStored = (artifact: Artifact, engine: Pick<ApiEngine, "openArtifact">): void => {
  const fd = engine.openArtifact(artifact);
  try {
    if (fd !== null && fstatSync(fd).size === artifact.sizeBytes) return;
  } finally {
    if (fd !== null) closeSync(fd);
  }
  throw new PetitError("not_found", `the file of the artifact '${artifact.path}' is missing or damaged`);
};

/** Names the file for a download (RFC 6266). A file name in Latin letters is for old clients. */
const disposition = (path: string, inline: boolean): string => {
  const name = path.slice(path.lastIndexOf("/") + 1).toWellFormed();
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, "_");
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (each) => `%${each.charCodeAt(0).toString(16)}`);
  return `${inline ? "inline" : "attachment"}; filename="${ascii}"${ascii === name ? "" : `; filename*=UTF-8''${encoded}`}`;
};
