import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { MatchedFile } from "./look.ts";

const CHUNK_BYTES = 2 ** 20;

/** Returns the SHA-256 of a file; null if it is another one by now, or can't be read. Never follows a link, and never blocks. */
export const hashFile = async ({ path, stat }: MatchedFile, signal: AbortSignal): Promise<string | null> => {
  let file: FileHandle | null = null;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const opened = file;
    const isSame = async (): Promise<boolean> => {
      const { ino, size, mtimeNs } = await opened.stat({ bigint: true });
      return `${ino}:${size}:${mtimeNs}` === stat;
    };
    if (!(await isSame())) return null;
    const hash = createHash("sha256");
    const buffer = Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      if (signal.aborted) return null;
    }
    return (await isSame()) ? hash.digest("hex") : null;
  } catch {
    return null;
  } finally {
    await file?.close();
  }
};
