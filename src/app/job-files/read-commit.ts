import { dirname, join, posix } from "node:path";
import type { Job } from "../../domain/job.ts";
import type { Setup } from "../../jobfile/check/jobs.ts";
import { type FolderReading, readFolder } from "../../jobfile/read/job-dir.ts";
import type { KnownFile, KnownFiles, ReadFile } from "../../jobfile/read/known-files.ts";
import type { FileState } from "../../jobfile/read/scan.ts";
import type { Checkout } from "../git/checkout.ts";

export type CommitToRead = Setup & {
  readonly checkout: Checkout;
  /** Path of the folder of the job files within the repository; `.` for its root. */
  readonly path: string;
  /** What earlier readings found in files with the same content; null to read all. */
  readonly known: KnownFiles | null;
};

/** Reads and checks the job files of a commit. What was left out of its folder is a problem, too. Throws `not_found` if it has no such folder. */
export const readCommit = async ({ checkout, path, known, ...setup }: CommitToRead): Promise<FolderReading> => {
  const dir = join(checkout.folder, path);
  const blobs = new Map(checkout.entries.filter(({ kind }) => kind !== "link").map((entry) => [entry.path, entry]));
  const place = (job: Job): Job => inCheckout(job, { checkout, dir });
  const reading = await readFolder({
    dir,
    ...setup,
    ...(known !== null && { known: new CommitFiles(known, place) }),
    stampOf: (file) => {
      const entry = blobs.get(posix.normalize(posix.join(path, file)));
      return entry === undefined ? undefined : `${entry.kind} ${entry.blob}`;
    },
  });
  const { jobs, problems, broken } = reading.files;
  const leftOut = checkout.problems.map((problem) => ({
    file: posix.relative(path, problem.path),
    line: 1,
    column: 1,
    path: "",
    message: problem.message,
  }));
  return {
    ...reading,
    files: {
      jobs: jobs.map(place),
      problems: [...problems, ...leftOut],
      broken: [...broken, ...leftOut.map(({ file }) => file)],
    },
  };
};

/** Returns a definition with the folder that its file has in a checkout. */
const inCheckout = (job: Job, { checkout, dir }: { readonly checkout: Checkout; readonly dir: string }): Job => {
  const commit = { id: checkout.id, folder: checkout.folder };
  return { ...job, source: { ...job.source, folder: dirname(join(dir, job.source.file)), commit } };
};

/** Definitions of files that another commit had with the same content, moved to this commit. */
class CommitFiles implements KnownFiles {
  readonly #known: KnownFiles;
  readonly #place: (job: Job) => Job;

  constructor(known: KnownFiles, place: (job: Job) => Job) {
    this.#known = known;
    this.#place = place;
  }

  find(file: string, state: FileState): KnownFile | null {
    const found = this.#known.find(file, state);
    if (found === null) return null;
    return { ...found, content: { ...found.content, jobs: found.content.jobs.map(this.#place) } };
  }

  add(file: string, read: ReadFile): void {
    this.#known.add(file, { ...read, content: { ...read.content, jobs: read.content.jobs.map(this.#place) } });
  }
}
