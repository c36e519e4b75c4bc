import { createHash, randomUUID } from "node:crypto";
import { statSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Client } from "../../client/client.ts";
import { EXIT, type ExitStatus, Failure } from "../exit.ts";
import { type Screen, writeWithBackpressure } from "../terminal/terminal.ts";
import { oneLine } from "../terminal/text-width.ts";
import type { ArtifactBody } from "./find.ts";

export type ArtifactSource = { readonly client: Client; readonly runId: string; readonly artifact: ArtifactBody };

/** Prints an artifact. Throws a `Failure` if it is binary and the output is a terminal. */
export const printArtifact = async (source: ArtifactSource, out: Screen): Promise<ExitStatus> => {
  let isFirst = true;
  for await (const chunk of contentOf(source)) {
    if (isFirst && out.isTerminal && isBinary(chunk))
      throw new Failure(EXIT.USAGE, `${oneLine(source.artifact.path)} is binary; save it with -o FILE`);
    isFirst = false;
    await writeWithBackpressure(out, chunk);
  }
  return EXIT.DONE;
};

/** Saves an artifact to a file, or to a folder under its own name. Returns the file, which is replaced when it is complete. */
export const saveArtifact = async (source: ArtifactSource, output: string): Promise<string> => {
  const isFolder = output.endsWith("/") || (statSync(output, { throwIfNoEntry: false })?.isDirectory() ?? false);
  const file = isFolder ? join(output, basename(source.artifact.path)) : output;
  const temporary = `${file}.petit-${randomUUID()}`;
  try {
    await write(source, temporary);
    await rename(temporary, file);
    return file;
  } catch (error) {
    await rm(temporary, { force: true });
    if (!(error instanceof Error && "code" in error && "syscall" in error)) throw error;
    throw new Failure(EXIT.FAILED, `cannot write ${oneLine(file)}: ${error.message}`);
  }
};

const write = async (source: ArtifactSource, file: string): Promise<void> => {
  await using handle = await open(file, "wx");
  for await (const chunk of contentOf(source)) await handle.writeFile(chunk);
};

/** Yields the content of an artifact. Throws a `Failure` at the end if it differs from the list. */
async function* contentOf({ client, runId, artifact }: ArtifactSource): AsyncGenerator<Uint8Array> {
  const params = { run_id: runId, "*": artifact.path };
  const hash = createHash("sha256");
  for await (const chunk of await client.stream("/api/runs/:run_id/artifacts/*", { params })) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest("hex") !== artifact.sha256)
    throw new Failure(EXIT.FAILED, `${oneLine(artifact.path)} has changed or is damaged: its SHA-256 differs`);
}

/** Number of bytes that decide whether a file is text. */
const EXAMINED_BYTES = 8_192;

const isBinary = (chunk: Uint8Array): boolean => {
  const start = chunk.subarray(0, EXAMINED_BYTES);
  if (start.includes(0)) return true;
  try {
    // With `stream`, a character that is cut at the end is no error.
    new TextDecoder("utf-8", { fatal: true }).decode(start, { stream: true });
    return false;
  } catch {
    return true;
  }
};
