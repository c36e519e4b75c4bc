import { setImmediate } from "node:timers/promises";
import type { DraftCheck, JobFileEditor as EditJobFiles, FileDraft } from "../../../api/options.ts";
import { PetitError } from "../../../domain/errors.ts";
import { refuse } from "../../../domain/refusal.ts";
import type { Edit } from "../../../domain/versions/version.ts";
import type { DraftReading } from "../../../jobfile/read/draft.ts";
import { digestOf, digestOfFile, MAX_BYTES } from "../../../jobfile/read/job-dir.ts";
import { listFiles } from "../../../jobfile/read/list-files.ts";
import { readState } from "../../../jobfile/read/scan.ts";
import { Folder } from "../../../lib/files/folder.ts";
import type { Log } from "../../../lib/log.ts";
import { shorten } from "../../../lib/text.ts";
import type { LostEdits } from "./lost-edits.ts";
import { openPlace, type PlacedFile, reasonOf, unreadable, whyNoJobFile } from "./path.ts";
import {
  codeOf,
  type PresentFile,
  readPresent,
  removeAllRemnants,
  removeRemnants,
  replaceFile,
} from "./replace-file.ts";

export type EditorOptions = {
  readonly jobsDir: string;
  readonly log: Log;
  /** Reads the folder as it would be if one file had another content. */
  readonly readDraft: (draft: { readonly file: string; readonly bytes: Uint8Array }) => Promise<DraftReading>;
  /** Reads the job files again, and takes them. */
  readonly reload: () => Promise<void>;
  /** Stores who is about to save which content, and removes that when its jobs are in use or if it was not saved. */
  readonly lostEdits: () => Pick<LostEdits, "add" | "remove">;
  /** Returns who brought a job file into use that was modified at this time; null if that is unknown. */
  readonly whoSaved: (path: string, modifiedAt: number) => string | null;
};

/** A job file in a list. */
type ListedFile = {
  readonly path: string;
  /** Null if the file can't be read as one. */
  readonly digest: string | null;
};

/** The text of a job file. */
type FileText = {
  readonly path: string;
  readonly text: string;
  readonly digest: string;
  /** In ms since the Unix epoch. */
  readonly modifiedAt: number;
  /** The person who brought it into use; null if the versions of its jobs name nobody. */
  readonly by: string | null;
};

type SavedFile = {
  readonly digest: string;
  /** Resolves when the jobs of the file are in use. */
  readonly inUse: Promise<void>;
};

/** Lets people edit the job files of a folder. */
export class JobFileEditor implements EditJobFiles, AsyncDisposable {
  readonly #options: EditorOptions;
  /** The last check: one is made at a time. */
  #checking: Promise<unknown> = Promise.resolve();
  /** The last save: one is made at a time. */
  #saving: Promise<unknown> = Promise.resolve();
  /**
   * The files that were saved and are not in use yet, with the stamps of their states before and after. With the first one, a reading that had
   * begun before may have the text of the second.
   */
  readonly #edits = new Map<string, Edit & { readonly stamps: readonly (string | undefined)[] }>();

  constructor(options: EditorOptions) {
    this.#options = options;
  }

  /** Waits for the save that is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#saving.catch(() => {});
  }

  /** Removes what saves that were killed have left. */
  async prepare(): Promise<void> {
    using root = Folder.open(this.#options.jobsDir);
    if (root !== null) await removeAllRemnants(root).catch(() => {});
  }

  /** Returns who saved a file whose jobs are not in use yet, if the state with this stamp is that of the save; otherwise null. */
  editOf(path: string, stamp: string): Edit | null {
    const edit = this.#edits.get(path);
    return edit?.stamps.includes(stamp) === true ? edit : null;
  }

  /** Lists the job files, by path. */
  async list(): Promise<readonly ListedFile[]> {
    const { jobsDir } = this.#options;
    const { files } = await listFiles(jobsDir);
    const listed: ListedFile[] = [];
    for (const path of files) {
      listed.push({ path, digest: digestOfFile(`${jobsDir}/${path}`) });
      if (listed.length % BATCH === 0) await setImmediate();
    }
    return listed;
  }

  /** Returns the text of a job file. Throws `not_found`, `conflict` for a link and what is no text, and `invalid_request` for a path of another form. */
  read(path: string): FileText {
    assertJobFile(path, "path");
    const place = openPlace(this.#options.jobsDir, path);
    using _ = place.folder;
    const present = readable(place);
    if (present === null) throw notFound(path);
    const text = textOf(present);
    if (text === null)
      throw new PetitError(
        "conflict",
        present.bytes.length > MAX_BYTES
          ? `'${shorten(path, 200)}' is larger than 1 MiB, so it is no job file`
          : `'${shorten(path, 200)}' is not UTF-8 text, so it can't be edited here`,
      );
    const modifiedAt = modifiedAtOf(present);
    return { path, text, digest: present.digest, modifiedAt, by: this.#options.whoSaved(path, modifiedAt) };
  }

  /**
   * Checks a draft with all other job files, as `petit validate` does. Changes nothing. One check is made at a time, and none for a client that
   * does not wait for it any more.
   */
  check(draft: FileDraft, signal: AbortSignal): Promise<DraftCheck> {
    const checking = this.#checking
      .catch(() => {})
      .then(() => {
        if (signal.aborted) throw new PetitError("invalid_request", "nobody waits for this check any more");
        return this.#check(draft);
      });
    this.#checking = checking;
    return checking;
  }

  async #check(draft: FileDraft): Promise<DraftCheck> {
    const { path, base } = draft;
    const bytes = encode(draft, "body");
    const place = openPlace(this.#options.jobsDir, path);
    using _ = place.folder;
    const present = readable(place);
    const reading = await this.#options.readDraft({ file: path, bytes });
    return {
      ...reading,
      present: present === null ? null : textOf(present),
      isNew: present === null,
      isUnchanged: present?.digest === digestOf(bytes),
      isChangedMeanwhile: (present?.digest ?? null) !== base,
    };
  }

  /**
   * Saves a draft for `by`, and has the job files read. One save is made at a time. Rejects with `conflict` if the file has changed or can't
   * be written, and with `invalid_request` if it has problems; then nothing has changed.
   */
  save(draft: FileDraft, by: string | null): Promise<SavedFile> {
    const saving = this.#saving.catch(() => {}).then(() => this.#save(draft, by));
    this.#saving = saving;
    return saving;
  }

  async #save(draft: FileDraft, by: string | null): Promise<SavedFile> {
    const { path, base } = draft;
    const { jobsDir, readDraft, reload, log, lostEdits } = this.#options;
    const bytes = encode(draft, "path");
    const place = openPlace(jobsDir, path);
    using folder = place.folder;
    // Checked first, because of many who save the same file all but one need not wait for the rest.
    if ((readable(place)?.digest ?? null) !== base) throw this.#changed(place, base);
    const { errors } = await readDraft({ file: path, bytes });
    if (errors.length > 0) throw refuse({ reason: "job_file_problems", path, problems: errors.slice(0, MAX_PROBLEMS) });
    const stampOf = () => readState(`${jobsDir}/${path}`)?.stamp;
    const before = stampOf();
    const note = (): void => void this.#edits.set(path, { by, stamps: [before, stampOf()] });
    const digest = digestOf(bytes);
    const stored = { file: path, digest, by };
    lostEdits().add(stored);
    try {
      await removeRemnants(folder);
      if (!(await replaceFile(place, { bytes, base, onReplaced: note }))) throw this.#changed(place, base);
    } catch (error) {
      lostEdits().remove(stored);
      throw error instanceof PetitError ? error : notWritable(path, error);
    }
    log.info({ file: path, by, digest }, `the job file ${path} was edited`);
    const edit = this.#edits.get(path);
    const inUse = reload()
      .then(() => lostEdits().remove(stored))
      .finally(() => {
        if (this.#edits.get(path) === edit) this.#edits.delete(path);
      });
    return { digest, inUse };
  }

  #changed(place: PlacedFile, base: string | null): PetitError {
    const { path } = place;
    const present = readable(place);
    const modifiedAt = present === null ? null : modifiedAtOf(present);
    return refuse({
      reason: "file_changed",
      path,
      base,
      digest: present?.digest ?? null,
      modifiedAt,
      by: modifiedAt === null ? null : this.#options.whoSaved(path, modifiedAt),
    });
  }
}

/** Number of files that are read in a row, which takes some ms. */
const BATCH = 100;

/** Number of problems that a refusal lists. */
const MAX_PROBLEMS = 200;

const notFound = (path: string): PetitError =>
  new PetitError("not_found", `there is no job file '${shorten(path, 200)}' in JOBS_DIR`);

/** Where a request has the path of a job file. */
type PathPlace = "path" | "body";

/** Returns the bytes of a draft. Throws `invalid_request` if its path or its text can't be that of a job file. */
const encode = ({ path, text }: FileDraft, pathPlace: PathPlace): Uint8Array => {
  assertJobFile(path, pathPlace);
  if (!text.isWellFormed()) throw invalid("text", "body", "contains half a surrogate pair; expected text");
  return Buffer.from(text);
};

const assertJobFile = (path: string, place: PathPlace): void => {
  const problem = whyNoJobFile(path);
  if (problem !== null) throw invalid("path", place, `'${shorten(path, 200)}' ${problem}`);
};

const invalid = (name: "path" | "text", place: PathPlace, problem: string): PetitError =>
  new PetitError("invalid_request", `${place === "body" ? `field '${name}'` : "the path"}: ${problem}`, {
    details: { reason: "invalid_value", in: place, name, problem },
  });

/** Returns the file at a place, or null if there is nothing. Throws `conflict` if it can't be read, or is something else than a file. */
const readable = ({ folder, name, path }: PlacedFile): PresentFile | null => {
  try {
    const present = readPresent({ folder, name, path });
    if (present !== null || folder.stat(name)?.isFile() !== false) return present;
  } catch (error) {
    throw unreadable(path, error);
  }
  throw new PetitError("conflict", `'${shorten(path, 200)}' is no regular file, so petit does not edit it`);
};

const modifiedAtOf = ({ stat }: PresentFile): number => Math.floor(stat.mtimeMs);

/** Returns the text of a file as it is, with a byte order mark if it has one; null if it is too large or not UTF-8. */
const textOf = ({ bytes }: PresentFile): string | null => {
  if (bytes.length > MAX_BYTES) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
};

const notWritable = (path: string, error: unknown): PetitError =>
  refuse({ reason: "file_not_writable", path, problem: reasonOf(error), systemCode: codeOf(error) }, { cause: error });
