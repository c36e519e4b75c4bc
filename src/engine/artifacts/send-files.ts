import { readFileSync, writeSync } from "node:fs";
import { compileArtifactPattern } from "../../domain/artifact/pattern.ts";
import { Folder } from "../../lib/files/folder.ts";
import { ArtifactError } from "./artifact-error.ts";
import { findFiles } from "./find-files.ts";
import { sourceOf } from "./source-file.ts";

/** What the process that reads artifacts gets on stdin as JSON. */
export type FileSearch = {
  /** The path of a folder, without links. */
  readonly folder: string;
  readonly patterns: readonly string[];
  /** Folders that are skipped, as `folderId` returns. */
  readonly except: readonly string[];
};

/**
 * What it writes to stdout, each as JSON in a line. After a file come its chunks: the length as four bytes, then the bytes. A length of
 * 0 ends the file.
 */
export type FileRecord =
  | { readonly kind: "file"; readonly path: string; readonly sizeBytes: number }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "end" };

const STDOUT = 1;
const CHUNK_BYTES = 65_536;

/** The process that reads artifacts as the user of a task. Returns the exit status. */
export const sendFiles = async (): Promise<number> => {
  const searches: readonly FileSearch[] = JSON.parse(readFileSync(0, "utf8"));
  try {
    for (const search of searches) await send(search);
    record({ kind: "end" });
  } catch (error) {
    if (!(error instanceof ArtifactError)) throw error;
    record({ kind: "failed", message: error.message });
  }
  return 0;
};

const send = async ({ folder: path, patterns, except }: FileSearch): Promise<void> => {
  using folder = Folder.openReal(path);
  if (folder === null) return;
  const skipped = new Set(except);
  const { signal } = new AbortController();
  const buffer = Buffer.alloc(CHUNK_BYTES);
  for (const pattern of patterns.map(compileArtifactPattern))
    for await (const found of findFiles(folder, { pattern, except: skipped, signal })) {
      const source = sourceOf(found);
      record({ kind: "file", path: source.path, sizeBytes: source.sizeBytes });
      for (let rest = source.sizeBytes; rest > 0; ) {
        const length = await source.read(buffer.subarray(0, Math.min(rest, buffer.length)));
        if (length === 0) break;
        write(lengthOf(length));
        write(buffer.subarray(0, length));
        rest -= length;
      }
      write(lengthOf(0));
    }
};

const record = (value: FileRecord): void => write(Buffer.from(`${JSON.stringify(value)}\n`));

const lengthOf = (length: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
};

/** The pipe blocks while petit does not read it. */
const write = (bytes: Buffer): void => {
  for (let written = 0; written < bytes.length; ) written += writeSync(STDOUT, bytes, written);
};
