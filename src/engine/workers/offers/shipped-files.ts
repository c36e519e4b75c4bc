import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Task } from "../../../domain/job.ts";
import type { ShippedFile } from "../../../domain/workers/protocol.ts";
import { openRegular } from "../../../lib/files/regular-file.ts";
import type { Json } from "../../../lib/json.ts";
import { formatSize } from "../../../lib/size.ts";
import { findFile } from "../../attempt/find-file.ts";
import { SpawnError } from "../../attempt/spawn-error.ts";

/** Maximum size of a file that goes to a worker with its task. */
const MAX_FILE_BYTES = 64 * 2 ** 20;

/** A file by its content. */
export type FileToShip = {
  /** As the job file names it. */
  readonly path: string;
  readonly content: Uint8Array;
  readonly shipped: ShippedFile;
};

/**
 * Reads the files that a task names and that must be sent to its worker: its script, and the body of its request. Paths are resolved on
 * petit's own machine, as for a local task without a working directory. Throws SpawnError.
 */
export const readFilesToShip = (
  { program }: Task,
  { folder, expand }: { readonly folder: string; readonly expand: (text: string) => string },
): readonly FileToShip[] => {
  const read = (what: "script" | "file", path: string, name: string): FileToShip => {
    const file = findFile(what, name, { folder, cwd: process.cwd() });
    const content = readBounded(file, what);
    const sha256 = createHash("sha256").update(content).digest("hex");
    return { path, content, shipped: { sha256, bytes: content.length, name: basename(file) } };
  };
  if (program.type === "http" && program.body?.kind === "file")
    return [read("file", program.body.path, expand(program.body.path))];
  if ((program.type === "python" || program.type === "typescript") && !program.inline)
    return [read("script", program.file, program.file)];
  return [];
};

/** The name of the event that started a run among the files of an offer. No job file can name it, because paths are not empty. */
export const EVENT_FILE = "";

/** Returns the event that started a run as a file. */
export const eventToShip = (event: Json): FileToShip => {
  const content = new TextEncoder().encode(JSON.stringify(event));
  const sha256 = createHash("sha256").update(content).digest("hex");
  return { path: EVENT_FILE, content, shipped: { sha256, bytes: content.length, name: "event" } };
};

const readBounded = (path: string, what: string): Uint8Array => {
  const fd = openOrFail(path, what);
  try {
    if (fstatSync(fd).size > MAX_FILE_BYTES)
      throw new SpawnError("EFBIG", `${what} ${path} is larger than ${formatSize(MAX_FILE_BYTES)}`);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
};

const openOrFail = (path: string, what: string): number => {
  let fd: number | null;
  try {
    fd = openRegular(path, constants.O_RDONLY);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "EIO";
    throw new SpawnError(code, `${what} ${path} can't be read (${code})`);
  }
  if (fd === null) throw new SpawnError("EINVAL", `${what} ${path} is not a regular file`);
  return fd;
};
