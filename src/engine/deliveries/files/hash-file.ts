import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { errorMessage } from "../../../lib/error-message.ts";
import { isMissing, type MatchedFile } from "./look.ts";

const CHUNK_BYTES = 2 ** 20;

/** The SHA-256 of a file. `changed`: it is another one by now, or gone. */
export type FileHash = { readonly digest: string } | { readonly problem: string } | "changed";

/** Hashes a file. Never follows a link, and never blocks. */
export const hashFile = async ({ path, stat, ctimeNs }: MatchedFile, signal: AbortSignal): Promise<FileHash> => {
  let file: FileHandle | null = null;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const opened = file;
    const isSame = async (): Promise<boolean> => {
      const now = await opened.stat({ bigint: true });
      return `${now.ino}:${now.size}:${now.mtimeNs}` === stat && String(now.ctimeNs) === ctimeNs;
    };
    if (!(await isSame())) return "changed";
    const hash = createHash("sha256");
    const buffer = Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      if (signal.aborted) return "changed";
    }
    return (await isSame()) ? { digest: hash.digest("hex") } : "changed";
  } catch (error) {
    return isReplaced(error) ? "changed" : { problem: `${path} can't be read: ${errorMessage(error)}` };
  } finally {
    await file?.close();
  }
};

/** True if no file is at the path any more; `ELOOP` means that a link is. */
const isReplaced = (error: unknown): boolean =>
  isMissing(error) || (error instanceof Error && "code" in error && error.code === "ELOOP");
