import { resolve } from "node:path";
import type { Edit } from "../../../domain/versions/version.ts";
import { digestOfFile } from "../../../jobfile/read/job-dir.ts";
import { readState } from "../../../jobfile/read/scan.ts";
import type { Log } from "../../../lib/log.ts";
import type { JobFileEdit } from "../../../store/job-files.ts";
import { outsideAction } from "../../../store/people/audit-scope.ts";
import type { Store } from "../../../store/store.ts";

export type LostEditsOptions = { readonly jobsDir: string; readonly log: Log; readonly store: Pick<Store, "jobFiles"> };

/**
 * Remembers in the database who is saving which content, until its jobs are in use. If petit is killed between the two, the next start knows
 * whose edit it finds.
 */
export class LostEdits {
  readonly #options: LostEditsOptions;
  readonly #folder: string;
  /** The edits of a process that was killed, by path; empty after the first reading. */
  #found: ReadonlyMap<string, readonly JobFileEdit[]>;

  constructor(options: LostEditsOptions) {
    this.#options = options;
    this.#folder = resolve(options.jobsDir);
    this.#found = Map.groupBy(options.store.jobFiles.listEdits(this.#folder), ({ file }) => file);
  }

  /** Returns who saved a file that is in the state with this stamp, if a process that was killed saved exactly this content; otherwise null. */
  editOf(path: string, stamp: string): Edit | null {
    const edits = this.#found.get(path);
    if (edits === undefined) return null;
    const file = `${this.#folder}/${path}`;
    const digest = digestOfFile(file);
    return readState(file)?.stamp === stamp ? (edits.find((edit) => edit.digest === digest) ?? null) : null;
  }

  /** Forgets the edits that it has found: the versions of their jobs are stored. */
  clear(): void {
    if (this.#found.size === 0) return;
    this.#found = new Map();
    this.#store(() => this.#options.store.jobFiles.clearEdits());
  }

  /** Remembers an edit that is about to be made. */
  add(edit: JobFileEdit): void {
    this.#store(() => this.#options.store.jobFiles.addEdit(this.#folder, edit));
  }

  /** Forgets an edit whose jobs are in use, or that was not made. */
  remove(edit: JobFileEdit): void {
    this.#store(() => this.#options.store.jobFiles.removeEdit(this.#folder, edit));
  }

  /** A database that can't be written does not hinder a save: only a crash would lose who made it. */
  #store(write: () => void): void {
    try {
      // The save is recorded with the jobs that it brings into use: until the file has its name, it can fail.
      outsideAction(write);
    } catch (error) {
      this.#options.log.debug({ err: error }, "who saves a job file could not be stored");
    }
  }
}
