import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Creates a folder that disposing removes. */
export const tempDir = (): { readonly path: string; readonly file: (name: string) => string } & Disposable => {
  const path = mkdtempSync(join(tmpdir(), "petit-test-"));
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
};
