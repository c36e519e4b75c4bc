import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import type { Runtime } from "../../runtime/runtime.ts";

/**
 * Identifies the build of petit and its user. Another build may read a job file differently, and another user may not be allowed
 * to read it. Returns null if petit runs from source, which can change at any time.
 */
export const readerIdentity = ({
  executable,
  version,
}: Pick<Runtime, "executable"> & { readonly version: string }): string | null => {
  if (executable === null) return null;
  const found = statExecutable(executable);
  if (found === null) return null;
  const { ino, size, mtimeMs } = found;
  return createHash("sha256")
    .update(JSON.stringify([version, ino, size, mtimeMs, process.geteuid?.() ?? null, process.getegid?.() ?? null]))
    .digest("hex")
    .slice(0, 16);
};

/** Prefers the file that runs to the file that has its name now. */
const statExecutable = (executable: string) => {
  for (const path of ["/proc/self/exe", executable]) {
    try {
      return statSync(path);
    } catch {
      // Not Linux, or the file was removed.
    }
  }
  return null;
};
