import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import type { Offer, ShippedFile } from "../../domain/workers/protocol.ts";
import type { WorkerTransport } from "../transport.ts";

export type OfferedFilesOptions = {
  /** Folder of the files, by SHA-256. */
  readonly dir: string;
  readonly transport: Pick<WorkerTransport, "getScript">;
  /** Mode of new files; other users read them if tasks run as one. */
  readonly isShared: boolean;
};

/** How many files are kept besides those in use, and how long after their last use, in ms. NATS keeps scripts for as long. */
const MAX_FILES = 256;
const MAX_AGE_MS = 86_400_000;

/** A file that the scheduler sends is not the one that it has signed. */
export class DamagedFile extends Error {
  override readonly name = "DamagedFile";
}

/** The files that offers name by their content: scripts and bodies of requests. They are kept for later attempts. */
export class OfferedFiles {
  readonly #options: OfferedFilesOptions;

  constructor(options: OfferedFilesOptions) {
    this.#options = options;
    this.#makeFolder(options.dir);
  }

  /** Returns the path of each file that an offer names, by its path in the job file. Throws `DamagedFile`, and `TransportError`. */
  async obtain({ files }: Pick<Offer, "files">): Promise<ReadonlyMap<string, string>> {
    const paths = new Map<string, string>();
    for (const [name, file] of Object.entries(files)) paths.set(name, await this.#obtain(file));
    return paths;
  }

  /** Deletes the files that were not used for a day, and of the others those that were not used for longest. */
  sweep(inUse: ReadonlySet<string>): void {
    const oldest = Date.now() - MAX_AGE_MS;
    const { dir } = this.#options;
    const unused = readdirSync(dir)
      .filter((sha256) => !inUse.has(sha256))
      .map((sha256) => ({ path: join(dir, sha256), usedAt: statSync(join(dir, sha256)).mtimeMs }))
      .toSorted((a, b) => b.usedAt - a.usedAt);
    for (const [index, { path, usedAt }] of unused.entries())
      if (index >= MAX_FILES || usedAt < oldest) rmSync(path, { recursive: true, force: true });
  }

  /** Creates a folder that others can enter, but not list, if tasks run as another user, regardless of the umask. */
  #makeFolder(path: string): void {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chmodSync(path, this.#options.isShared ? 0o711 : 0o700);
  }

  async #obtain({ sha256, name }: ShippedFile): Promise<string> {
    const { dir, transport, isShared } = this.#options;
    const folder = join(dir, sha256);
    // The name is one of the scheduler's machine; only its last part may decide where the file is.
    const path = join(folder, basename(`/${name}`) || "file");
    const now = new Date();
    if (existsSync(path)) {
      utimesSync(folder, now, now);
      return path;
    }
    const content = await transport.getScript(sha256);
    const found = createHash("sha256").update(content).digest("hex");
    if (found !== sha256) throw new DamagedFile(`${name} has the SHA-256 ${found}, expected ${sha256}`);
    this.#makeFolder(folder);
    // Not a suffix: a program may be chosen by the suffix of its file.
    const temporary = join(folder, `.${process.pid}`);
    writeFileSync(temporary, content, { mode: 0o600 });
    if (isShared) chmodSync(temporary, 0o644);
    renameSync(temporary, path);
    return path;
  }
}
