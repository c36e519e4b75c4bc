import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A folder of job files. Disposing removes it. */
export type JobDir = Disposable & {
  readonly path: string;
  write(file: string, content: string | Uint8Array): void;
};

/** Creates a folder with these files. */
export const makeJobDir = (files: Readonly<Record<string, string | Uint8Array>> = {}): JobDir => {
  const path = mkdtempSync(join(tmpdir(), "petit-jobs-"));
  const write: JobDir["write"] = (file, content) => {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), content);
  };
  for (const [file, content] of Object.entries(files)) write(file, content);
  return { path, write, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
};
