import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { isLoopback, refuseOpenBind } from "../api/guard/host.ts";
import { startServer } from "../api/server.ts";
import { type Auth, createAuth, type SignInOptions } from "../auth/auth.ts";
import type { OpenAccess } from "../domain/attention.ts";
import { PetitError } from "../domain/errors.ts";
import type { NotifyTarget } from "../domain/notification.ts";
import type { SignInSettings } from "../domain/people/sign-in.ts";
import type { ReloadRequest } from "../domain/versions/version.ts";
import { unenforcedText } from "../domain/words/task.ts";
import { watchEpochFile } from "../engine/backup/watch-epoch.ts";
import type { Engine, StopMode } from "../engine/engine.ts";
import type { FolderReading, JobFiles } from "../jobfile/read/job-dir.ts";
import type { GitAccess } from "../jobfile/read/job-source.ts";
import { deleteIndex } from "../search/index-file.ts";
import { RunSearch, searchIndexOf } from "../search/run-search.ts";
import { supersededError } from "../store/backup/epoch-file.ts";
import { gitDirOf, MEMORY, toUnusable } from "../store/database/open.ts";
import { writeAuditLog } from "./audit-log.ts";
import { logEvents } from "./event-log.ts";
import { FolderJobs } from "./job-files/folder-jobs.ts";
import { GitJobs } from "./job-files/git-jobs.ts";
import type { JobSource } from "./job-files/job-source.ts";
import { readerIdentity } from "./job-files/reader-identity.ts";
import { watchOpenAccess } from "./open-access.ts";
import { type OpenEngineOptions, openEngine } from "./open-engine.ts";
import { defaultMaxConnections } from "./open-files.ts";
import { pageFiles } from "./page.ts";
import { privilegesOf } from "./privileges.ts";
import { releaseMemoryLater } from "./release-memory.ts";
import type { RemoteWorkersOptions } from "./remote-workers.ts";
import { type KeptSecret, keepSecret } from "./settings/kept-secret.ts";
import { addressUrl, hasOtherUsers, hasWorkers, natsAccess, type Origins } from "./settings/settings.ts";
import { TokenSource } from "./settings/token-source.ts";
import { traceTargetOf } from "./settings/trace-target.ts";
import { ownFoldersOf } from "./spool-dir.ts";
import { systemFacts } from "./system-facts.ts";

export type AppOptions = Omit<OpenEngineOptions, "readJobs"> & {
  readonly origins: Origins;
  readonly jobsDir: string;
  /** The access to the repository with the job files. */
  readonly gitAccess: GitAccess;
  /** Where people come from, besides tokens; null if only from there. */
  readonly signIn: SignInSettings | null;
  /** A reading of JOBS_DIR that was made just now; null if there is none. */
  readonly firstReading: FolderReading | null;
  /** The receivers of jobs that name none. */
  readonly defaultNotify: readonly NotifyTarget[];
  /** petit's version. */
  readonly version: string;
};

/** A running petit: database, engine, API and job file watcher. */
export interface App extends AsyncDisposable {
  readonly engine: Engine;
  /** URL of the API; null if it is off. */
  readonly url: string | null;
  /** The problems of the job files at the start. */
  readonly firstProblems: Pick<JobFiles, "problems" | "broken">;
  /** Resolves with the reason when this petit must not go on, because its database was restored elsewhere. */
  readonly superseded: Promise<PetitError>;
  /** Reads the job files again, because of a signal. Logs errors. */
  reload(): Promise<void>;
  /** Stops the engine, then everything else. Idempotent; a second call with `now` ends the wait of the first. */
  stop(how: StopMode): Promise<void>;
}

/** Time for open requests when petit stops. */
const SERVER_GRACE_MS = 1_000;

/**
 * Starts petit. Takes the database and then the port before it runs anything, because both may be in use. Until the
 * engine has recovered the runs of the previous process, the API answers that petit is starting.
 */
export const startApp = (options: AppOptions): Promise<App> =>
  start(options).catch((error: unknown) => {
    throw toUnusable({ path: options.settings.db, runtime: options.runtime }, error);
  });

const start = async (options: AppOptions): Promise<App> => {
  const { settings, runtime, clock, log, environment, jobsDir, version } = options;
  await using parts = new AsyncDisposableStack();
  const source = parts.use(new TokenSource(options));
  const secrets: KeptSecret[] = [];
  const keep = (kept: KeptSecret): (() => string) => {
    secrets.push(kept);
    return kept.get;
  };
  const superseded = Promise.withResolvers<PetitError>();
  const errorOf = (by: string): PetitError => supersededError(settings.db, { where: "NATS", by });
  const signIn = settings.api ? openSignIn(options, keep) : null;
  // A database that is there may have tokens: the server looks.
  if (settings.api && !existsSync(settings.db))
    refuseOpenBind(settings.apiHost, source.tokens.length > 0 || signIn !== null);
  const jobSource = parts.use(openJobSource(options));
  let openAccess: () => OpenAccess | null = () => null;
  let search: RunSearch | null = null;
  const engine: Engine = openEngine(
    {
      settings,
      jobsDir,
      runtime,
      clock,
      log,
      environment,
      ...(await openNats({ settings, clock, onSuperseded: (by) => superseded.resolve(errorOf(by)) }, parts)),
      digest: options.digest ?? null,
      heartbeat: options.heartbeat ?? null,
      traces: traceTargetOf({ settings, environment, version }),
      taskLimits: options.taskLimits ?? {},
      repository: jobSource instanceof GitJobs ? jobSource : null,
      readJobs: (findJob) => {
        source.reload();
        return jobSource.read(findJob);
      },
      openAccess: () => openAccess(),
      failingIndex: () => search?.failing ?? null,
      unreadableSecrets: () => secrets.flatMap(({ fault }) => fault() ?? []),
    },
    parts,
  );
  if (settings.epochFile !== null)
    parts.use(
      watchEpochFile({
        file: settings.epochFile,
        db: settings.db,
        store: engine.store,
        clock,
        log,
        onSuperseded: superseded.resolve,
      }),
    );
  if (settings.auditLog) parts.use(writeAuditLog({ audit: engine.store.audit, clock }));
  const auth = parts.use(
    createAuth({
      clock,
      log,
      store: engine.store,
      tokens: source.tokens,
      followTokens: source.follow,
      isExposed: !isLoopback(settings.apiHost),
      signIn,
    }),
  );
  search = openSearch(engine, options, parts);
  const url = settings.api ? await serve(engine, { options, auth, jobSource, search, parts }) : null;
  parts.use(logEvents(engine, log));
  // A reload during the stop is rejected, which is not an error.
  const reload = async (request: ReloadRequest): Promise<void> => {
    await engine.reload(request).catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
    });
  };
  const reloadForSignal = async (): Promise<void> => {
    await jobSource
      .refresh({ cause: "signal", by: null })
      .catch((error: unknown) => log.error({ err: error }, "the reload failed"));
  };
  await jobSource.prepare({
    store: engine.store,
    findJob: (jobId) => engine.findJob(jobId)?.job ?? null,
    reload,
    noteRepository: (status) => engine.noteRepository(status),
  });
  if (hasWorkers(settings)) await refuseSuccessor(engine, { settings, clock, errorOf });
  await engine.start();
  search?.start();
  warnOfLimits(engine, log);
  if (settings.api)
    openAccess = watchOpenAccess({
      store: engine.store.scheduler,
      clock,
      log,
      needsToken: auth.needsToken,
    });
  const { first, settled } = jobSource.start();
  parts.use(releaseMemoryLater({ runtime, clock, log, isHeavy: first.jobs.length >= MANY_JOBS, after: settled }));
  return assemble(
    { engine, url, superseded: superseded.promise, reload: reloadForSignal, firstProblems: first },
    parts.move(),
  );
};

/** Returns null if searches are off. Then an index of earlier is deleted. */
const openSearch = (engine: Engine, options: AppOptions, parts: AsyncDisposableStack): RunSearch | null => {
  const { settings, runtime, clock, log, environment } = options;
  const { db, searchLimitBytes: limitBytes } = settings;
  if (db === MEMORY) return null;
  if (limitBytes === 0) {
    deleteIndex(searchIndexOf(db));
    return null;
  }
  const search = parts.use(new RunSearch({ db, limitBytes, runtime, clock, log, environment }));
  parts.defer(
    engine.onEvent(({ type }) => {
      if (type === "run.finished") search.noteEnd();
    }),
  );
  return search;
};

/** Logs which limits of jobs are not enforced. Later changes of the job files need attention, too. */
const warnOfLimits = (engine: Engine, log: OpenEngineOptions["log"]): void => {
  const found = engine.unenforcedLimits();
  if (found === null) return;
  const { jobs, reason, advice } = found;
  const jobIds = jobs.map(({ jobId }) => jobId);
  const limits = [...new Set(jobs.flatMap((job) => job.limits))];
  log.warn(
    { jobs: jobIds.slice(0, MAX_LOGGED_JOBS), limits, reason, advice },
    `${unenforcedText({ count: jobs.length, jobIds, limits, reason })}; ${advice}`,
  );
};

const MAX_LOGGED_JOBS = 20;

/** Returns where people come from, besides tokens; `keep` gets each secret, and returns what reads it. Throws `invalid_request` if a secret can't be read. */
const openSignIn = (
  { signIn, settings, runtime, clock, log, environment }: AppOptions,
  keep: (secret: KeptSecret) => () => string,
): SignInOptions | null => {
  if (signIn === null) return null;
  const { proxy, provider, contact } = signIn;
  if (
    provider !== null &&
    settings.publicUrl === null &&
    !(isLoopback(settings.apiHost) && settings.allowedHosts.length === 0)
  )
    throw new PetitError(
      "invalid_request",
      "auth.oidc needs the setting public_url, the URL to which the provider sends browsers back; expected one such as https://petit.example.com",
    );
  const secret = provider?.clientSecret ?? null;
  return {
    provider:
      provider === null
        ? null
        : {
            settings: provider,
            request: runtime.request,
            clientSecret:
              secret === null
                ? () => null
                : keep(keepSecret({ key: "auth.oidc.client_secret", source: secret, environment, clock, log })),
          },
    proxy:
      proxy === null
        ? null
        : {
            settings: proxy,
            secret: keep(keepSecret({ key: "auth.proxy.secret", source: proxy.secret, environment, clock, log })),
          },
    contact,
  };
};

/** Returns the repository of the settings, or else JOBS_DIR. */
const openJobSource = (options: AppOptions): JobSource => {
  const { settings, runtime, clock, log, environment, jobsDir, gitAccess, firstReading, defaultNotify, version } =
    options;
  const common = {
    log,
    clock,
    defaultNotify,
    queues: settings.queues,
    hasWorkers: hasWorkers(settings),
    privileges: privilegesOf(settings),
    reader: readerIdentity({ executable: runtime.executable, version }),
  };
  const { jobsGit: location, jobsGitRef: ref, jobsGitPath: path, jobsGitPollMs: pollMs } = settings;
  if (location === null) {
    const ownFolders = ownFoldersOf({ db: settings.db, spoolDir: null, jobsDir });
    return new FolderJobs({
      ...common,
      jobsDir,
      ownFolders,
      given: firstReading,
      watch: settings.watch,
      edit: settings.edit,
    });
  }
  const dir = gitDirOf(settings.db);
  return new GitJobs({
    ...common,
    dir,
    watch: settings.watch,
    environment,
    hasOtherUsers: hasOtherUsers(settings),
    ownFolders: ownFoldersOf({ db: settings.db, spoolDir: null, jobsDir: dir }),
    settings: { location, ref, path, pollMs, ...gitAccess },
  });
};

/** Throws if NATS knows another petit with a later epoch of the database. */
const refuseSuccessor = async (
  { store }: Engine,
  {
    settings,
    clock,
    errorOf,
  }: Pick<AppOptions, "settings" | "clock"> & { readonly errorOf: (by: string) => PetitError },
): Promise<void> => {
  const { findSuccessor } = await import("../nats/inspect.ts");
  const own = { token: store.identity.getToken(), epoch: store.identity.get().restoredAt ?? 0 };
  const by = await findSuccessor(natsAccess(settings), own, clock);
  if (by !== null) throw errorOf(by);
};

/** The client of NATS is loaded only when it is asked for. */
const openNats = async (
  options: RemoteWorkersOptions,
  parts: AsyncDisposableStack,
): Promise<Pick<OpenEngineOptions, "workers" | "messages">> => {
  if (!hasWorkers(options.settings)) return {};
  const { openRemoteWorkers } = await import("./remote-workers.ts");
  return openRemoteWorkers(options, parts);
};

/** With fewer jobs a garbage collection is not worth its time. */
const MANY_JOBS = 500;

const isRefusal = (error: unknown): boolean => error instanceof PetitError && error.code === "not_running";

type ServeParts = {
  readonly options: AppOptions;
  readonly auth: Auth;
  readonly jobSource: JobSource;
  readonly search: RunSearch | null;
  readonly parts: AsyncDisposableStack;
};

const serve = async (engine: Engine, { options, auth, jobSource, search, parts }: ServeParts): Promise<string> => {
  const { settings, runtime, clock, log, version } = options;
  const server = await startServer({
    engine,
    runtime,
    clock,
    log,
    version,
    auth,
    store: engine.store,
    host: settings.apiHost,
    port: settings.apiPort,
    maxConnections: settings.maxConnections ?? defaultMaxConnections(),
    corsOrigins: settings.corsOrigins,
    allowedHosts: settings.allowedHosts,
    hostname: hostname(),
    system: systemFacts(options),
    publicUrl: settings.publicUrl,
    repository: jobSource instanceof GitJobs ? jobSource : null,
    editor: jobSource instanceof FolderJobs ? jobSource.editor : null,
    search,
    mcp: async (call) => {
      // Loaded when the first agent connects.
      const { answerHttp } = await import("../mcp/http.ts");
      return answerHttp(call, {
        clock,
        version,
        whyReadOnly: settings.mcpWrite
          ? null
          : "this petit lets agents only read; start it with 'petit run --mcp-write'",
        onError: (error) => log.error({ err: error }, "a tool for agents failed"),
        onProtocolError: (error) => log.debug({ err: error }, "a message of an agent was not understood"),
      });
    },
    page: pageFiles(),
  });
  parts.defer(() => server.stop(SERVER_GRACE_MS));
  const url = addressUrl(server.hostname, server.port);
  engine.store.scheduler.setOwner({ pid: process.pid, url });
  return url;
};

const assemble = (
  made: Pick<App, "engine" | "url" | "superseded" | "reload" | "firstProblems">,
  parts: AsyncDisposableStack,
): App => {
  const stop = async (how: StopMode): Promise<void> => {
    await made.engine.stop(how);
    await parts.disposeAsync();
  };
  return { ...made, stop, [Symbol.asyncDispose]: async () => (parts.disposed ? undefined : stop("now")) };
};
