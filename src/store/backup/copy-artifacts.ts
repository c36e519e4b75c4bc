import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { SqlDatabase } from "../../runtime/runtime.ts";
import { integer, text } from "../database/rows.ts";
import { fsyncPath } from "./backup.ts";

/** An artifact, as the list in a database names it. `path` is relative to the folder of all artifacts. */
export type ListedArtifact = { readonly path: string; readonly sizeBytes: number; readonly sha256: string };

/** How many artifacts came into a copy, and how. */
export type CopiedArtifacts = {
  readonly linked: number;
  readonly copied: number;
  /** The paths of artifacts that are missing or not as they are listed. */
  readonly damaged: readonly string[];
};

/** Yields the list of the artifacts of a database, by run. */
export function* listArtifacts(db: SqlDatabase): Generator<ListedArtifact> {
  if (db.prepare("SELECT 1 FROM pragma_table_info('artifacts') WHERE name = 'run'").get() === null) return;
  const page = db.prepare(
    `SELECT artifacts.run AS run, runs.id AS id, path, size_bytes, sha256 FROM artifacts JOIN runs ON runs.seq = artifacts.run
     WHERE (artifacts.run, path) > ($run, $path) ORDER BY artifacts.run, path LIMIT ${PAGE}`,
  );
  for (let last = { run: 0, path: "" }; ; ) {
    const rows = page.all(last);
    for (const row of rows)
      yield {
        path: `${text(row, "id")}/${text(row, "path")}`,
        sizeBytes: integer(row, "size_bytes"),
        sha256: text(row, "sha256"),
      };
    const end = rows.at(-1);
    if (end === undefined) return;
    last = { run: integer(end, "run"), path: text(end, "path") };
  }
}

const PAGE = 1_000;

export type CopyArtifactsOptions = {
  readonly artifacts: Iterable<ListedArtifact>;
  /** The folder of the artifacts. */
  readonly from: string;
  /** The folder of the copies, which must not exist. It is not created if there are no artifacts. */
  readonly to: string;
  /** A folder on the same disk as `to` that may have verified copies of the same artifacts; null if there is none. */
  readonly earlier: string | null;
  /** Whether hard links are made where possible. */
  readonly linked: boolean;
};

/**
 * Puts artifacts into a folder, and syncs it: as a hard link, or on another disk as a hard link of an earlier copy, else by content, which
 * is compared with the digest. An artifact that is missing or differs from the list is left out; of one that is linked, only the size is
 * compared. Throws what the system throws otherwise.
 */
export const copyArtifacts = ({
  artifacts,
  from,
  to,
  earlier,
  linked: links,
}: CopyArtifactsOptions): CopiedArtifacts => {
  const folders = new Set<string>();
  const damaged: string[] = [];
  let [linked, copied] = [0, 0];
  for (const artifact of artifacts) {
    const target = join(to, artifact.path);
    makeFolders(dirname(target), folders);
    const sources = [join(from, artifact.path), ...(earlier === null ? [] : [join(earlier, artifact.path)])];
    if (links && sources.some((source) => link(source, target, artifact))) linked += 1;
    else if (copy(join(from, artifact.path), target, artifact)) copied += 1;
    else damaged.push(artifact.path);
  }
  for (const folder of folders) fsyncPath(folder);
  if (folders.size > 0) fsyncPath(dirname(to));
  return { linked, copied, damaged };
};

/** Returns the paths of the artifacts of a folder that are missing or differ from the list. */
export const findDamaged = (artifacts: Iterable<ListedArtifact>, folder: string): readonly string[] =>
  [...artifacts].flatMap((artifact) => (isIntact(join(folder, artifact.path), artifact) ? [] : [artifact.path]));

const isIntact = (path: string, listed: ListedArtifact): boolean => {
  const fd = openListed(path, listed);
  if (fd === null) return false;
  try {
    return digestOf(fd) === listed.sha256;
  } finally {
    closeSync(fd);
  }
};

const makeFolders = (folder: string, known: Set<string>): void => {
  if (known.has(folder)) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  known.add(folder);
};

/** Returns false if the file has another size, is on another disk, or may not be linked. */
const link = (source: string, target: string, { sizeBytes }: ListedArtifact): boolean => {
  try {
    const stats = lstatSync(source, { throwIfNoEntry: false });
    if (stats?.isFile() !== true || stats.size !== sizeBytes) return false;
    linkSync(source, target);
    return true;
  } catch (error) {
    if (hasCode(error, LINK_REFUSED)) return false;
    throw error;
  }
};

const LINK_REFUSED = [
  "EXDEV",
  "EPERM",
  "EACCES",
  "EMLINK",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOENT",
  "ENOTDIR",
  "ENAMETOOLONG",
];

const CHUNK_BYTES = 1 << 20;

/** Returns false if the file is missing or differs from the list. */
const copy = (source: string, target: string, listed: ListedArtifact): boolean => {
  const from = openListed(source, listed);
  if (from === null) return false;
  try {
    const to = openSync(target, "wx", 0o600);
    try {
      if (copyContent(from, to) === listed.sha256) {
        fsyncSync(to);
        return true;
      }
    } finally {
      closeSync(to);
    }
  } finally {
    closeSync(from);
  }
  unlinkSync(target);
  return false;
};

/** Opens a file of the listed size; null if there is none. */
const openListed = (path: string, { sizeBytes }: ListedArtifact): number | null => {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(fd);
    if (stats.isFile() && stats.size === sizeBytes) return fd;
    closeSync(fd);
    return null;
  } catch (error) {
    if (hasCode(error, ["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"])) return null;
    throw error;
  }
};

/** Returns the digest of what was copied. */
const copyContent = (from: number, to: number): string =>
  digestOf(from, (chunk) => {
    for (let written = 0; written < chunk.length; ) written += writeSync(to, chunk, written);
  });

const digestOf = (from: number, onChunk: (chunk: Buffer) => void = () => {}): string => {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let length = readSync(from, buffer); length > 0; length = readSync(from, buffer)) {
    const chunk = buffer.subarray(0, length);
    hash.update(chunk);
    onChunk(chunk);
  }
  return hash.digest("hex");
};

const hasCode = (error: unknown, codes: readonly string[]): boolean =>
  error instanceof Error && "code" in error && codes.includes(String(error.code));
