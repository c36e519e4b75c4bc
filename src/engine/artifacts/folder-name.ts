import { createHash } from "node:crypto";
import type { TaskId } from "../../domain/ids.ts";

/** Returns the folder of the artifacts of a task or item, below that of its run. */
export const artifactFolder = (taskId: TaskId, itemKey: string | null): string =>
  itemKey === null ? taskId : `${taskId}/${itemFolder(itemKey)}`;

/** Longest name of an item's folder in bytes; file systems allow 255. */
const MAX_FOLDER_BYTES = 200;

/**
 * Returns the name of the folder of an item: its key, with percent-encoding for what a file name can't contain and for a
 * leading dot. A long key is cut and gets a digest. Different keys have different names, because `%` itself is encoded.
 */
const itemFolder = (key: string): string => {
  if (key === "") return "%";
  const name = key
    .toWellFormed()
    .replace(/[%/\\\p{Cc}\p{Zl}\p{Zp}]/gu, encodeURIComponent)
    .replace(/^\./, "%2E");
  if (Buffer.byteLength(name) <= MAX_FOLDER_BYTES) return name;
  const digest = createHash("sha256").update(key).digest("hex").slice(0, 16);
  // A character has up to four bytes.
  const start = [...name].slice(0, MAX_FOLDER_BYTES / 4 - 5).join("");
  return `${start}%~${digest}`;
};
