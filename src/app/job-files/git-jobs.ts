import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ChangedCommitFiles } from "../../domain/attention.ts";
import { PetitError } from "../../domain/errors.ts";
import type { HealthReason } from "../../domain/health.ts";
import { type Job, withDefaultNotify } from "../../domain/job.ts";
import type { Queues } from "../../domain/limits/queue.ts";
import type { NotifyTarget } from "../../domain/notification.ts";
import type { SecretSource } from "../../domain/secret.ts";
import {
  type CommitInfo,
  type CommitPreview,
  type JobsHookResult,
  type RefusedCommit,
  type RepositoryState,
  repositoryStatus,
} from "../../domain/versions/repository.ts";
import type { FilesOrigin, ReloadRequest } from "../../domain/versions/version.ts";
import { shortCommit } from "../../domain/words/versions/repository.ts";
import { identify, isVerified, rulesOf, type SignedRequest } from "../../engine/deliveries/schemes.ts";
import type { FilesRepository, ReadJobFiles } from "../../engine/options.ts";
import { readSecret, type SecretReading } from "../../engine/secrets/read-secret.ts";
import type { Privileges } from "../../jobfile/check/limits.ts";
import type { OwnFolders } from "../../jobfile/mount.ts";
import { formatProblem } from "../../jobfile/problem.ts";
import type { FolderReading } from "../../jobfile/read/job-dir.ts";
import type { GitAccess } from "../../jobfile/read/job-source.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/error-message.ts";
import type { Log } from "../../lib/log.ts";
import { shorten } from "../../lib/text.ts";
import {
  type Checkout,
  commitFolder,
  commitOfFolder,
  isChangedFolder,
  removeDrafts,
  removeFolder,
} from "../git/checkout.ts";
import { CommitFolders } from "../git/commit-folders.ts";
import { GitError, type GitFault } from "../git/git-error.ts";
import { isCommitPrefix, isRefName, type Location } from "../git/location.ts";
import { hasPassphrase } from "../git/private-key.ts";
import { COMPARED, type Credentials, Repository } from "../git/repository.ts";
import type { JobSource, JobsUser, StartedSource } from "./job-source.ts";
import { readCommit } from "./read-commit.ts";
import { StoredFiles } from "./stored-files.ts";

/** A repository with job files, as the settings name it. */
type GitSettings = {
  readonly location: Location;
  /** A branch or a tag. */
  readonly ref: string;
  /** Path of the folder of the job files within the repository; `.` for its root. */
  readonly path: string;
  readonly pollMs: number;
  /** The private key for ssh; null for the keys of the user. */
  readonly key: SecretSource | null;
  /** The token for https; null for a public repository. */
  readonly token: SecretSource | null;
  /** Absolute path of the file with the keys of servers; null for that of the user. */
  readonly knownHosts: string | null;
  /** Absolute path of the file with the authorities of https servers; null for those of the machine. */
  readonly ca: string | null;
  /** Absolute path of the file with the allowed signers; null to take commits without a signature. */
  readonly verify: string | null;
  readonly webhook: GitAccess["webhook"];
};

export type GitJobsOptions = {
  readonly settings: GitSettings;
  /** The folder of petit for the repository and its commits. */
  readonly dir: string;
  readonly queues: Queues;
  readonly hasWorkers: boolean;
  /** Whether other users run tasks, and read the scripts of commits. */
  readonly hasOtherUsers: boolean;
  /** Whether petit looks for new commits by itself. */
  readonly watch: boolean;
  readonly ownFolders: OwnFolders;
  /** What tasks may be. */
  readonly privileges: Privileges;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly clock: Clock;
  /** Identifies the petit that reads; see `JobFileSource`. Null to read every file each time. */
  readonly reader: string | null;
  /** The receivers of jobs that name none. */
  readonly defaultNotify: readonly NotifyTarget[];
};

/** A commit whose files are in its folder. */
type ReadyCommit = { readonly info: CommitInfo; readonly checkout: Checkout };

/** A commit that was read and has no problems. */
type NextCommit = ReadyCommit & { readonly reading: FolderReading };

/** A commit that has problems. */
type Refusal = Pick<RefusedCommit, "commit" | "problems"> & {
  /** Whether that is because of its signature. */
  readonly isUnsigned: boolean;
};

/**
 * Follows a repository with job files. A commit is taken as a whole, or not at all: if anything is wrong with it, the one before stays in
 * use. One commit is taken at a time, and one fetch is made at a time.
 */
export class GitJobs implements FilesRepository, JobSource {
  readonly #options: GitJobsOptions;
  readonly #repository: Repository;
  readonly #folders: CommitFolders;
  readonly #stop = new AbortController();
  #user: JobsUser | null = null;
  /** The last fetch. */
  #fetching: Promise<unknown> = Promise.resolve();
  #working: Promise<unknown> = Promise.resolve();
  #cancelTimer: () => void = () => {};
  /** The commit in use. */
  #current: ReadyCommit | null = null;
  /** The commit in use while its files can't be had; its jobs stay, and their attempts fail. */
  #lost: CommitInfo | null = null;
  /** The commit that the next reading takes. */
  #next: NextCommit | null = null;
  /** The newest commit of the ref that was fetched. */
  #head: CommitInfo | null = null;
  /** What the ref was when it was fetched last: of a tag, this is not the commit. */
  #fetched: string | null = null;
  /** Which of the repositories that this process has made it was fetched into. */
  #fetchedInto = 0;
  /** How often a commit of the ref was fetched. */
  #fetches = 0;
  /** The error because of which the repository was last looked through for damage. */
  #lookedThroughFor: string | null = null;
  #mending: Promise<boolean> | null = null;
  #failedMend: { readonly error: GitError; readonly at: number } | null = null;
  /** What was too large, so that it is not fetched again and again. */
  #tooLarge: { readonly id: string; readonly error: GitError; readonly isFinal: boolean } | null = null;
  /** The refused commit, if that is because of its signature. */
  #unsigned: string | null = null;
  #pinned: string | null = null;
  #refused: RefusedCommit | null = null;
  /** What the database has of the refused commit, so that a restart does not change since when it is refused. */
  #storedRefusal: { readonly commit: string; readonly since: number } | null = null;
  #failure: { readonly error: GitError; readonly since: number } | null = null;
  /** True while a webhook waits for its fetch. */
  #isSyncAwaited = false;
  #checkedAt: number | null = null;
  /** The last state that was sent to clients. */
  #told: string | null = null;
  /** Commits whose files somebody changed, and until when that needs attention, in ms since the Unix epoch. */
  readonly #changed = new Map<string, { readonly since: number; readonly count: number; readonly until: number }>();
  /** Commits whose files stay although no stored run needs them yet, once for each that asked. */
  readonly #provided: string[] = [];
  #first: StartedSource["first"] = { jobs: [], problems: [], broken: [] };

  constructor(options: GitJobsOptions) {
    this.#options = options;
    const { dir, settings, environment, hasOtherUsers } = options;
    this.#repository = new Repository({
      dir,
      isShared: hasOtherUsers,
      location: settings.location,
      path: environment.PATH ?? "/usr/bin:/bin",
      signal: this.#stop.signal,
    });
    this.#folders = new CommitFolders({
      repository: this.#repository,
      dir: this.#commitsDir,
      monotonic: () => options.clock.monotonic(),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancelTimer();
    this.#stop.abort(new GitError("failed", "petit stops"));
    await this.#fetching.catch(() => {});
    await this.#working;
    this.#removeKey();
  }

  /**
   * Provides the commit that was in use before, or, if there is none, the newest one. Call it before the engine starts. Without a commit of
   * this repository, throws `invalid_request` for what somebody must mend first; what may pass, such as a lost network, leaves petit
   * with the jobs that it has.
   */
  async prepare(user: JobsUser): Promise<void> {
    this.#user = user;
    const { settings } = this.#options;
    const { jobRepository } = user.store;
    const stored = jobRepository.get(settings.location.url);
    const inUse = stored.isSame ? (stored.commit?.id ?? null) : null;
    this.#pinned = stored.pinned;
    this.#storedRefusal = stored.refused;
    this.#lost = stored.commit;
    this.#removeKey();
    removeDrafts(this.#commitsDir);
    if ((await this.#findLost()) && inUse !== null) {
      this.#repository.removeReplaced();
      await this.#provideForRuns();
      await this.#refuseEarly({ refused: stored.refused?.commit ?? null, inUse });
      return;
    }
    try {
      await this.#mended(() => this.#prepareNewest());
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      if (error.isLasting && inUse === null)
        throw new PetitError("invalid_request", `${settings.location.url}: ${error.message}`, { cause: error });
      jobRepository.follow(settings.location.url);
      this.#noteFailure(error);
    }
    await this.#provideForRuns();
  }

  async #prepareNewest(): Promise<void> {
    const head = await this.#fetchHead();
    this.#mustUser().store.jobRepository.follow(this.#options.settings.location.url);
    // Its history may have what was lost.
    await this.#findLost();
    const next = await this.#readNext(this.#pinned ?? head.id, () => null);
    if ("reading" in next) this.#next = next;
    else {
      this.#refuse(next);
      if (this.#lost !== null) this.#noteFailure(lostError(this.#lost));
    }
  }

  /** Provides the files of the commit in use if they are lost. Returns whether that is in use with its files then. */
  async #findLost(): Promise<boolean> {
    const lost = this.#lost;
    if (lost === null) return this.#current !== null;
    try {
      this.#current = await this.#ready(lost.id);
      this.#lost = null;
      return true;
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      this.#options.log.warn({ commit: lost.id, err: error }, "the files of the commit in use can't be had");
      return false;
    }
  }

  /** Reads the job files for the engine. Without a commit, the jobs of before stay. */
  async read(findJob: (jobId: string) => Job | null): Promise<ReadJobFiles> {
    const next = this.#next;
    this.#next = null;
    const ready = next ?? this.#current;
    if (ready === null) return this.#unread;
    const reading = next?.reading ?? (await this.#read(ready, findJob));
    if (reading.files.problems.length > 0) {
      this.#refuse({ commit: ready.info, problems: reading.files.problems, isUnsigned: false });
      return this.#unread;
    }
    if (reading.files.jobs.length === 0)
      this.#options.log.warn(
        { commit: ready.info.id, folder: this.#options.settings.path },
        "the commit has no job file",
      );
    this.#current = { info: ready.info, checkout: ready.checkout };
    this.#lost = null;
    this.#first = reading.files;
    return {
      ...reading.files,
      jobs: reading.files.jobs.map((job) => withDefaultNotify(job, this.#options.defaultNotify)),
      origin: originOf(ready.info),
    };
  }

  /** What the engine gets when there is nothing to read: the jobs of before stay, with their commit. */
  get #unread(): ReadJobFiles {
    const inUse = this.#inUse;
    return { jobs: [], problems: [], broken: ["."], ...(inUse !== null && { origin: originOf(inUse) }) };
  }

  get #inUse(): CommitInfo | null {
    return this.#current?.info ?? this.#lost;
  }

  start(): StartedSource {
    const request = { cause: "watch", by: null } as const;
    const look = async (): Promise<void> => {
      await this.sync(request).catch((error: unknown) => this.#logUnexpected(error));
      this.#cancelTimer = this.#stop.signal.aborted
        ? () => {}
        : this.#options.clock.setTimeout(() => void look(), this.#options.settings.pollMs);
    };
    if (this.#options.watch) void look();
    return { first: this.#first, settled: Promise.resolve() };
  }

  async refresh(request: ReloadRequest): Promise<void> {
    await this.sync(request);
  }

  /** Fetches now, and takes the newest commit unless another one is chosen. Failures are in the state. */
  async sync(request: ReloadRequest): Promise<RepositoryState> {
    try {
      await this.#mended(() => this.#fetchAndTake(request), request.cause !== "watch");
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      this.#noteFailure(error);
      await this.#alone(async () => this.#removeFolders());
    }
    return this.state;
  }

  async #fetchAndTake(request: ReloadRequest): Promise<void> {
    // Each call fetches, because it may know of a newer commit than the last.
    const head = await this.#withServer(() => this.#fetchHead()).catch(async (error: unknown) => {
      if (error !== this.#tooLarge?.error || this.#tooLarge?.isFinal === true) throw error;
      // What the repository had before may be what makes it too large.
      await this.#shrink();
      return await this.#withServer(() => this.#fetchHead());
    });
    await this.#alone(async () => {
      if (this.#lost !== null) await this.#findLost();
      await this.#takeUnlessRefused(this.#pinned ?? head.id, request);
      if (this.#lost === null) this.#failure = null;
      else this.#noteFailure(lostError(this.#lost));
      this.#lookedThroughFor = null;
      await this.#clean();
    });
    await this.#withServer(() => this.#repository.collect("if_needed"));
  }

  /** Fetches a lost or damaged copy of the repository again, then retries what failed because of it. */
  async #mended<T>(work: () => Promise<T>, isAsked = true): Promise<T> {
    const fetches = this.#fetches;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      const isMended = await this.#mend(error, isAsked);
      // A fetch that was under way may have brought it.
      if (!isMended && (this.#fetches === fetches || !MENDED_FAULTS.has(error.fault))) throw error;
      return await work();
    }
  }

  /** One is at work at a time. While the server can't be reached, those that nobody asks for fail without asking it again and again. */
  async #mend(error: GitError, isAsked: boolean): Promise<boolean> {
    const { clock } = this.#options;
    const failed = this.#failedMend;
    if (!isAsked && failed !== null && clock.monotonic() - failed.at < MEND_AGAIN_MS) throw failed.error;
    this.#mending ??= this.#withServer(() => this.#mendNow(error, isAsked)).finally(() => {
      this.#mending = null;
    });
    try {
      return await this.#mending;
    } catch (cause) {
      if (cause instanceof GitError) this.#failedMend = { error: cause, at: clock.monotonic() };
      throw cause;
    }
  }

  /** Fetches the repository again if petit's copy is lost or damaged. Returns whether it was. */
  async #mendNow(error: GitError, isAsked: boolean): Promise<boolean> {
    const repository = this.#repository;
    if (!MENDED_FAULTS.has(error.fault)) return false;
    await repository.open();
    if (this.#head !== null && this.#fetchedInto === repository.made) {
      if (this.#lookedThroughFor === error.message && !isAsked) return false;
      this.#lookedThroughFor = error.message;
      if (!(await repository.isDamaged())) return false;
      this.#options.log.warn(
        { err: error },
        "petit's copy of the repository of the job files is damaged; fetching it anew",
      );
      await this.#alone(() => repository.replace());
      await this.#fetchHead();
      await repository.salvage();
      return true;
    }
    await this.#fetchHead();
    return true;
  }

  /** Receives a webhook. One that is verified has the repository fetched soon. */
  receiveHook(request: SignedRequest): JobsHookResult {
    const { webhook } = this.#options.settings;
    if (webhook === null) return "unknown";
    const { verification, secrets } = webhook;
    const now = this.#options.clock.now();
    const isRight = secrets.some((source) => {
      const reading = this.#readSecret(source);
      if ("problem" in reading)
        this.#options.log.warn(
          { problem: reading.problem },
          "the secret of the webhook of the job files can't be read",
        );
      return "value" in reading && isVerified(request, verification, { secret: reading.value, now });
    });
    if (!isRight) return "refused";
    const { isHandshake } = rulesOf(verification);
    if (isHandshake(identify(request.headers, null, verification))) return "handshake";
    this.#syncSoon();
    return "accepted";
  }

  /** Has one more fetch begin after the one that is under way, however often it is called until then. */
  #syncSoon(): void {
    if (this.#isSyncAwaited) return;
    this.#isSyncAwaited = true;
    const free = this.#withServer(async () => {
      this.#isSyncAwaited = false;
    });
    void free.then(() => this.sync({ cause: "watch", by: null })).catch((error: unknown) => this.#logUnexpected(error));
  }

  /**
   * Takes a commit by its id or the beginning of it, and stays with it. Rejects with `not_found` if the history of the ref has no such
   * commit, and with `conflict` if it has problems.
   */
  pin(revision: string, request: ReloadRequest): Promise<RepositoryState> {
    return this.#alone(async () => {
      const id = await this.#find(revision);
      const refusal = await this.#take(id, request).catch(asConflict);
      if (refusal !== null) {
        const { commit, problems } = refusal;
        const first = problems[0] === undefined ? "it has problems" : formatProblem(problems[0]);
        throw new PetitError("conflict", `commit ${shortCommit(commit.id)} can't be used: ${first}`);
      }
      this.#accept();
      this.#choose(id);
      await this.#clean();
      return this.state;
    });
  }

  /** Follows the ref again after `pin`. */
  async follow(request: ReloadRequest): Promise<RepositoryState> {
    await this.#alone(async () => this.#choose(null));
    return await this.sync(request);
  }

  /**
   * Reads a commit without taking it: null for the one that is refused, or else the newest one. A branch or a tag is fetched. Rejects with
   * `not_found`, and with `conflict` if it can't be read.
   */
  async preview(revision: string | null): Promise<CommitPreview> {
    const id = revision === null ? this.#notTaken() : await this.#resolve(revision);
    return await this.#alone(async () => {
      try {
        const { verify } = this.#options.settings;
        const unsigned = verify === null ? null : await this.#repository.verify(id, verify);
        const ready = await this.#ready(id).catch((error: unknown) => this.#asRefusal(id, error));
        if ("problems" in ready) return { commit: ready.commit, jobs: [], problems: ready.problems };
        const { reading } = await this.#readOnly(ready, this.#mustUser().findJob);
        const { jobs, problems } = reading.files;
        return {
          commit: ready.info,
          jobs: jobs.map((job) => withDefaultNotify(job, this.#options.defaultNotify)),
          problems: unsigned === null ? problems : [problemOf(unsigned), ...problems],
        };
      } catch (error) {
        return asConflict(error);
      } finally {
        await this.#clean();
      }
    });
  }

  /** Returns the commit that is not in use and would be next, or else the one in use. */
  #notTaken(): string {
    const id = (this.#refused?.commit ?? this.#head ?? this.#current?.info)?.id;
    if (id !== undefined) return id;
    throw new PetitError("conflict", "no commit was fetched yet");
  }

  /** Returns the id of the commit that a revision names: the beginning of an id, a branch or a tag. */
  async #resolve(revision: string): Promise<string> {
    if (!isRefName(revision))
      throw new PetitError(
        "invalid_request",
        `'${shorten(revision, 64)}' is no commit, branch or tag; expected the name of one, or 4 or more characters from the beginning of an id`,
      );
    try {
      if (isCommitPrefix(revision)) return await this.#repository.find(revision);
    } catch (error) {
      if (!(error instanceof GitError && error.fault === "no_such_commit")) throw error;
    }
    try {
      return await this.#withServer(async () => {
        const credentials = this.#openCredentials();
        try {
          const { name } = await this.#repository.look(revision, credentials);
          return (await this.#repository.fetchRef(name, credentials, COMPARED)).commit;
        } finally {
          this.#removeKey();
        }
      });
    } catch (error) {
      if (error instanceof GitError && error.fault === "no_such_ref")
        throw new PetitError("not_found", `the repository has no commit, branch or tag '${revision}'`);
      return asConflict(error);
    }
  }

  get state(): RepositoryState {
    const { location, ref, path } = this.#options.settings;
    return {
      url: location.url,
      ref,
      path,
      commit: this.#inUse,
      head: this.#head,
      pinned: this.#pinned,
      refused: this.#refused,
      failure: this.#failure === null ? null : { error: this.#failure.error.message, since: this.#failure.since },
      checkedAt: this.#checkedAt,
    };
  }

  problems(): readonly HealthReason[] {
    const inUse = this.#inUse?.id ?? null;
    const reasons: HealthReason[] = [];
    if (this.#refused !== null) {
      const { commit, problems, since } = this.#refused;
      const problem = problems[0] === undefined ? "" : formatProblem(problems[0]);
      const { id, author } = commit;
      reasons.push({
        code: "jobs_commit_refused",
        commit: id,
        author,
        since,
        inUse,
        problem,
        problems: problems.length,
      });
    }
    if (this.#failure !== null) {
      const { error, since } = this.#failure;
      reasons.push({ code: "jobs_repository_failed", inUse, since, error: error.message });
    }
    return reasons;
  }

  async provide(commit: string): Promise<Disposable> {
    this.#provided.push(commit);
    const release = (): void => {
      const at = this.#provided.indexOf(commit);
      if (at !== -1) this.#provided.splice(at, 1);
    };
    try {
      await this.#obtain(commit, true);
    } catch (error) {
      release();
      throw error;
    }
    return { [Symbol.dispose]: release };
  }

  async ensure(commit: string): Promise<void> {
    if (await this.#folders.isUnchanged(commit)) return;
    await this.#obtain(commit, false);
  }

  /** Provides the files of a commit. Fetches the repository again if petit's copy is lost or damaged. */
  async #obtain(commit: string, isAsked: boolean): Promise<void> {
    const provide = (): Promise<void> =>
      this.#alone(async () => {
        if (!(await this.#folders.isUnchanged(commit))) await this.#ready(commit);
      });
    await this.#mended(provide, isAsked).catch(asConflict);
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#working
      .catch(() => {})
      .then(async () => {
        try {
          return await work();
        } finally {
          this.#tell();
        }
      });
    this.#working = result.catch(() => {});
    return result;
  }

  /** Does what fetches, or deletes objects, which must not be at the same time. A server may take minutes, for which a retry must not wait. */
  #withServer<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#fetching.catch(() => {}).then(work);
    this.#fetching = result;
    return result;
  }

  /** Deletes all objects that nothing needs. */
  async #shrink(): Promise<void> {
    try {
      await this.#alone(() => this.#clean());
      await this.#withServer(() => this.#repository.collect("now"));
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      this.#options.log.debug({ err: error }, "the repository of the job files could not be packed");
    }
  }

  get #commitsDir(): string {
    return join(this.#options.dir, "commits");
  }

  async #fetchHead(): Promise<CommitInfo> {
    const { settings, clock } = this.#options;
    const credentials = this.#openCredentials();
    try {
      const { name, id } = await this.#repository.look(settings.ref, credentials);
      const { made } = this.#repository;
      if (this.#head === null || id !== this.#fetched || made !== this.#fetchedInto) {
        const fetched = await this.#fetchUnlessTooLarge({ name, id }, credentials);
        this.#fetchedInto = made;
        this.#fetches++;
        this.#failedMend = null;
        this.#head = await this.#repository.describe(fetched.commit);
        this.#fetched = fetched.id;
      }
      this.#checkedAt = clock.now();
      return this.#head;
    } finally {
      this.#removeKey();
    }
  }

  /** Fetches what the ref is, unless that was too large twice: the second time without what nothing needs any more. */
  async #fetchUnlessTooLarge(ref: { readonly name: string; readonly id: string }, credentials: Credentials) {
    const before = this.#tooLarge?.id === ref.id ? this.#tooLarge : null;
    if (before?.isFinal === true) throw before.error;
    try {
      return await this.#repository.fetchRef(ref.name, credentials);
    } catch (error) {
      if (error instanceof GitError && error.fault === "too_large")
        this.#tooLarge = { id: ref.id, error, isFinal: before !== null };

      throw error;
    }
  }

  async #takeUnlessRefused(id: string, request: ReloadRequest): Promise<void> {
    // The file of the allowed signers may have changed since, but not the commit.
    if (id === this.#refused?.commit.id && id !== this.#unsigned) return;
    const refusal = await this.#take(id, request);
    if (refusal === null) this.#accept();
    else this.#refuse(refusal);
  }

  /**
   * Takes a commit, unless it is in use already. Returns what is wrong with it, which changes nothing; null if it is in use then. The one in
   * use can have lost its signer.
   */
  async #take(id: string, request: ReloadRequest): Promise<Refusal | null> {
    if (id === this.#current?.info.id) return await this.#refusalIfUnsigned(id);
    const user = this.#mustUser();
    const next = await this.#readNext(id, user.findJob);
    if (!("reading" in next)) return next;
    this.#next = next;
    await user.reload(request);
    return null;
  }

  /** Verifies, writes and reads a commit. */
  async #readNext(id: string, findJob: (jobId: string) => Job | null): Promise<NextCommit | Refusal> {
    await this.#repository.open();
    const unsigned = await this.#refusalIfUnsigned(id);
    if (unsigned !== null) return unsigned;
    const ready = await this.#ready(id).catch((error: unknown) => this.#asRefusal(id, error));
    if ("problems" in ready) return ready;
    const reading = await this.#read(ready, findJob);
    const { problems } = reading.files;
    return problems.length === 0 ? { ...ready, reading } : { commit: ready.info, problems, isUnsigned: false };
  }

  /** Returns the refusal of a commit that has to be signed and is not; otherwise null. */
  async #refusalIfUnsigned(id: string): Promise<Refusal | null> {
    const { verify } = this.#options.settings;
    const wrong = verify === null ? null : await this.#repository.verify(id, verify);
    if (wrong === null) return null;
    return { commit: await this.#repository.describe(id), problems: [problemOf(wrong)], isUnsigned: true };
  }

  /** Returns the refusal of a commit whose files can't be written, however often it is tried. Throws other errors. */
  async #asRefusal(id: string, error: unknown): Promise<Refusal> {
    if (!(error instanceof GitError && error.fault === "unusable_commit")) throw error;
    return { commit: await this.#repository.describe(id), problems: [problemOf(error.message)], isUnsigned: false };
  }

  /** Refuses before the server was asked: what was refused before a restart, or else the commit in use if `verify` is new. */
  async #refuseEarly({ refused, inUse }: { readonly refused: string | null; readonly inUse: string }): Promise<void> {
    try {
      const next = refused === null ? await this.#refusalIfUnsigned(inUse) : await this.#readNext(refused, () => null);
      if (next !== null && !("reading" in next)) this.#refuse(next);
    } catch (error) {
      this.#options.log.debug({ commit: refused ?? inUse, err: error }, "a commit can't be read");
    }
  }

  async #ready(id: string): Promise<ReadyCommit> {
    await this.#repository.open();
    mkdirSync(this.#commitsDir, { recursive: true, mode: 0o700 });
    chmodSync(this.#commitsDir, this.#options.hasOtherUsers ? 0o711 : 0o700);
    const info = await this.#repository.describe(await this.#repository.find(id));
    const checkout = await this.#folders.checkOut(info.id);
    if (checkout.wasChanged) this.#noteChanged(info);
    return { info, checkout };
  }

  #noteChanged({ id, author }: CommitInfo): void {
    const { clock, log } = this.#options;
    log.warn({ commit: id, author }, "somebody changed the files of a commit; they are written again");
    const known = this.changed().find(({ commit }) => commit === id);
    const now = clock.now();
    this.#changed.set(id, { since: known?.since ?? now, count: (known?.count ?? 0) + 1, until: now + CHANGED_MS });
  }

  changed(): readonly ChangedCommitFiles[] {
    const now = this.#options.clock.now();
    for (const [id, { until }] of this.#changed) if (now >= until) this.#changed.delete(id);
    return [...this.#changed].map(([commit, { since, count }]) => ({ commit, since, count }));
  }

  /** Reads a commit. What was found in its files is stored, so that the next commit is read faster. */
  async #read(ready: ReadyCommit, findJob: (jobId: string) => Job | null): Promise<FolderReading> {
    const { reading, known } = await this.#readOnly(ready, findJob);
    if (reading.files.problems.length === 0) known?.save();
    return reading;
  }

  async #readOnly(
    { info, checkout }: ReadyCommit,
    findJob: (jobId: string) => Job | null,
  ): Promise<{ readonly reading: FolderReading; readonly known: StoredFiles | null }> {
    const { settings, queues, hasWorkers, ownFolders, privileges, reader, clock, log } = this.#options;
    const { store } = this.#mustUser();
    const { path, location } = settings;
    const source = reader === null ? null : { folder: `git ${location.url} ${path}`, reader };
    const known =
      source === null ? null : new StoredFiles({ store, source, findJob, now: clock.now(), distrusted: new Set() });
    try {
      const setup = { queues, hasWorkers, ownFolders, privileges };
      return { reading: await readCommit({ checkout, path, known, ...setup }), known };
    } catch (error) {
      if (!(error instanceof PetitError && error.code === "not_found")) throw error;
      log.debug({ commit: info.id, err: error }, "a commit has no folder of job files");
      const message =
        checkout.problems.find((problem) => problem.path === path)?.message ??
        `the commit has no folder '${path}'; expected the folder of the job files; without jobs, keep a .gitkeep in it`;
      const files = { jobs: [], problems: [problemOf(message)], broken: ["."] };
      return { reading: { files, scan: NO_SCAN }, known: null };
    }
  }

  #refuse({ commit, problems, isUnsigned }: Refusal): void {
    const { id, author } = commit;
    const isNew = this.#refused?.commit.id !== id;
    if (this.#storedRefusal?.commit !== id) this.#storeRefusal({ commit: id, since: this.#options.clock.now() });
    this.#refused = { commit, problems, since: this.#storedRefusal?.since ?? this.#options.clock.now() };
    this.#unsigned = isUnsigned ? id : null;
    if (!isNew) return;
    for (const problem of problems.slice(0, MAX_LOGGED))
      this.#options.log.warn(
        { commit: id, author, file: problem.file, line: problem.line },
        `a commit of the job files is refused: ${formatProblem(problem)}`,
      );
  }

  /** Notes that nothing is refused. */
  #accept(): void {
    this.#refused = null;
    this.#unsigned = null;
    if (this.#storedRefusal !== null) this.#storeRefusal(null);
  }

  #storeRefusal(refusal: { readonly commit: string; readonly since: number } | null): void {
    this.#mustUser().store.jobRepository.refuse(refusal);
    this.#storedRefusal = refusal;
  }

  #noteFailure(cause: GitError): void {
    if (this.#stop.signal.aborted) return;
    const isTold = this.#lost === null || cause.fault === "no_such_commit";
    const error = isTold ? cause : new GitError(cause.fault, `${cause.message}; ${MISSING_FILES}`, { cause });
    const since = this.#failure?.since ?? this.#options.clock.now();
    if (this.#failure?.error.message !== error.message)
      this.#options.log.warn({ fault: error.fault }, `the repository of the job files: ${error.message}`);
    this.#failure = { error, since };
    this.#tell();
  }

  /** Notifies clients if the state differs from the last one that was sent. */
  #tell(): void {
    const outline = outlineOf(this.state);
    if (outline === this.#told) return;
    this.#told = outline;
    this.#user?.noteRepository(repositoryStatus(this.state));
  }

  #logUnexpected(error: unknown): void {
    if (this.#stop.signal.aborted) return;
    if (error instanceof PetitError && error.code === "not_running") return;
    this.#options.log.error({ err: error }, "the job files of the repository could not be taken; trying again");
    this.#noteFailure(new GitError("failed", errorMessage(error)));
  }

  async #find(revision: string): Promise<string> {
    if (!isCommitPrefix(revision))
      throw new PetitError(
        "invalid_request",
        `'${revision}' is not the id of a commit; expected 4 to 64 hexadecimal digits`,
      );
    try {
      return await this.#repository.find(revision);
    } catch (error) {
      if (!(error instanceof GitError && error.fault === "no_such_commit")) throw error;
      throw new PetitError("not_found", `the history of '${this.#options.settings.ref}' has no commit ${revision}`);
    }
  }

  #choose(commit: string | null): void {
    this.#mustUser().store.jobRepository.pin(commit);
    this.#pinned = commit;
  }

  /** Provides the commits of the runs that the previous process left. */
  async #provideForRuns(): Promise<void> {
    for (const commit of this.#mustUser().store.jobRepository.listCommitsInUse())
      await this.#ready(commit).catch((error: unknown) =>
        this.#options.log.error({ commit, err: error }, "the files of a run's commit can't be provided"),
      );
  }

  /** Removes the folders of commits that nothing needs, and forgets commits that no run has used. */
  async #clean(): Promise<void> {
    const needed = this.#removeFolders();
    const pinned = this.#pinned === null ? [] : [this.#pinned];
    const { jobRepository } = this.#mustUser().store;
    await this.#repository.keep(new Set([...needed, ...pinned, ...jobRepository.listCommitsOfRuns()]));
  }

  /** Removes the folders of commits that nothing needs. Returns the commits whose folders stay. */
  #removeFolders(): ReadonlySet<string> {
    const current = this.#inUse === null ? [] : [this.#inUse.id];
    const ofRuns = new Set(this.#mustUser().store.jobRepository.listCommitsInUse());
    const needed = new Set([...current, ...this.#provided, ...ofRuns]);
    for (const name of existsSync(this.#commitsDir) ? readdirSync(this.#commitsDir) : []) {
      // Only processes that began before can use a folder that was changed.
      const isNeeded = isChangedFolder(name) ? ofRuns.has(commitOfFolder(name)) : needed.has(name);
      if (isNeeded) continue;
      removeFolder(commitFolder(this.#commitsDir, name));
      this.#folders.forget(name);
    }
    return needed;
  }

  get #keyFile(): string {
    return join(this.#options.dir, "key");
  }

  /** Reads the credentials. A key that is in a variable is in a file until `#removeKey`. */
  #openCredentials(): Credentials {
    const { settings, environment, dir } = this.#options;
    const { key, token, knownHosts, ca } = settings;
    return {
      keyFile: key === null ? null : this.#keyPath(key, dir),
      token: token === null ? null : this.#secret(token, "token"),
      knownHosts,
      ca,
      agent: environment.SSH_AUTH_SOCK ?? null,
    };
  }

  #keyPath(key: SecretSource, dir: string): string {
    const text = this.#secret(key, "key");
    if (hasPassphrase(text))
      throw new GitError(
        "access_refused",
        "jobs.git.key: the key has a passphrase, which nobody can enter; expected one without",
      );
    if ("file" in key) return key.file;
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      writeFileSync(this.#keyFile, `${text}\n`, { mode: 0o600 });
    } catch (error) {
      throw GitError.ofFile("the file of the key", error);
    }
    return this.#keyFile;
  }

  #removeKey(): void {
    rmSync(this.#keyFile, { force: true });
  }

  /** Paths of secrets are absolute. */
  #secret(source: SecretSource, name: "key" | "token"): string {
    const reading = this.#readSecret(source);
    if ("value" in reading) return reading.value;
    throw new GitError("access_refused", `jobs.git.${name}: ${reading.problem}`);
  }

  #readSecret(source: SecretSource): SecretReading {
    const set = Object.entries(this.#options.environment).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    return readSecret(source, { environment: Object.fromEntries(set), folder: "/" });
  }

  #mustUser(): JobsUser {
    if (this.#user === null) throw new Error("the job files of the repository are used before they are prepared");
    return this.#user;
  }
}

/** Returns what clients must learn of at once: all but when the server was asked. */
const outlineOf = ({ commit, head, pinned, refused, failure }: RepositoryState): string =>
  JSON.stringify([commit?.id, head?.id, pinned, refused?.commit.id, failure?.error]);

const MAX_LOGGED = 20;

/** Errors that petit's copy of the repository may be the reason for. */
const MENDED_FAULTS: ReadonlySet<GitFault> = new Set<GitFault>(["failed", "no_such_commit"]);

/** How long changed files need attention, in ms. */
const CHANGED_MS = 3_600_000;

/** How long what nobody asks for waits until the server is asked again for lost files, in ms. */
const MEND_AGAIN_MS = 10_000;

/** Completes an error while the commit in use is lost. */
const MISSING_FILES = "the files of the commit in use are missing, so its runs fail";

const lostError = ({ id }: CommitInfo): GitError =>
  new GitError(
    "no_such_commit",
    `it has no commit ${shortCommit(id)} any more, and the files of that are missing, so its runs fail until another one can be used`,
  );

const originOf = (commit: CommitInfo): FilesOrigin => ({ commit, modifiedAt: () => commit.committedAt });

/** A problem of a commit as a whole. */
const problemOf = (message: string) => ({ file: ".", line: 1, column: 1, path: "", message });

const NO_SCAN: FolderReading["scan"] = { files: [], failures: [], hasLinks: false, states: new Map() };

const asConflict = (error: unknown): never => {
  if (error instanceof GitError)
    throw new PetitError("conflict", `the files of the commit can't be had: ${error.message}`, { cause: error });
  throw error;
};
