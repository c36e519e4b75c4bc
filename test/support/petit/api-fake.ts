import { openRuntime } from "#runtime";
import { createApi } from "../../../src/api/api.ts";
import type { ApiEngine, ApiOptions, SystemFacts } from "../../../src/api/options.ts";
import { createAuth, type SignInOptions } from "../../../src/auth/auth.ts";
import { PetitError } from "../../../src/domain/errors.ts";
import type { Event } from "../../../src/domain/event.ts";
import { newRunId, type RunId } from "../../../src/domain/ids.ts";
import { NO_ATTENTION } from "../../../src/domain/inbox/entry.ts";
import type { Job } from "../../../src/domain/job.ts";
import type { ApiToken } from "../../../src/domain/people/token.ts";
import { entryNotFound, jobNotFound } from "../../../src/domain/refusal.ts";
import type { Health, JobView } from "../../../src/engine/engine.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { MEMORY, openStore } from "../../../src/store/database/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { job } from "../engine/factories.ts";

type FakeOptions = Partial<Omit<ApiOptions, "store">> & {
  readonly jobs?: readonly Job[];
  /** The only token, without a name. */
  readonly token?: string;
  readonly tokens?: readonly ApiToken[];
  readonly signIn?: SignInOptions;
  /** The store of another one, as after a restart. */
  readonly store?: Store;
};

/** `peer` is the address that the request comes from. */
type Asked = RequestInit & { readonly host?: string; readonly peer?: string };

/** Returns an API with a fake engine and a real store in memory, for situations that a real engine cannot be brought into. */
export const fakeApi = ({ token, tokens, signIn, ...options }: FakeOptions = {}) => {
  const store = openStore({ path: MEMORY, runtime: openRuntime() });
  const jobs = options.jobs ?? [job("hello")];
  store.jobs.save(jobs, 0);
  const engine = fakeEngine(store);
  const auth = createAuth({
    store: options.store ?? store,
    clock: options.clock ?? systemClock,
    log: silentLog,
    tokens: tokens ?? (token === undefined ? [] : [{ name: null, role: "admin", token }]),
    isExposed: false,
    signIn: signIn ?? null,
  });
  const api = createApi({
    engine,
    store,
    log: silentLog,
    clock: systemClock,
    version: "0.0.0",
    host: "127.0.0.1",
    port: 8565,
    auth,
    corsOrigins: [],
    allowedHosts: [],
    hostname: "machine",
    system: SYSTEM,
    ...options,
  });
  const ask = async (path: string, init: Asked = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    headers.set("host", init.host ?? "127.0.0.1:8565");
    const connection = init.peer === undefined ? undefined : { peerAddress: init.peer, keepOpen: () => {} };
    return api.handle(new Request(`http://127.0.0.1:8565${path}`, { ...init, headers }), connection);
  };
  const close = (): void => {
    api.close();
    auth[Symbol.dispose]();
  };
  return { api: { ...api, close }, auth, engine, store, system: SYSTEM, ask };
};

const SYSTEM: SystemFacts = {
  runtime: { name: "bun", version: "0" },
  target: "linux-x64",
  startedAt: 0,
  dbPath: MEMORY,
  schemaVersion: 1,
  artifactsDir: "/data/petit.db-artifacts",
  spoolDir: "/data/petit.db-spool",
  jobsDir: "/jobs",
  timezone: "UTC",
  settings: [],
};

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type FakeEngine = Mutable<ApiEngine> & {
  currentHealth: Health;
  movedBy: string | null;
  notifyOutput: (runId: RunId) => void;
  notifyDispatched: (latencyMs: number) => void;
};

const fakeEngine = (store: Store): FakeEngine => {
  const eventListeners = new Set<(event: Event) => void>();
  const outputListeners = new Map<RunId, Set<() => void>>();
  store.events.subscribe((events) => {
    for (const event of events) for (const listener of eventListeners) listener(event);
  });
  const view = (job: Job): JobView => ({
    job,
    nextRunAt: null,
    nextStartAt: null,
    lastRun: store.runs.findNewest(job.id),
    running: 0,
    pending: 0,
    executing: 0,
    waiting: {},
    pause: null,
    unfired: null,
    formerIds: [],
    gone: null,
  });
  const find = (runId: RunId) => {
    const run = store.runs.find(runId);
    if (run === null) throw new PetitError("not_found", "the run was not found");
    return run;
  };
  const engine: FakeEngine = {
    currentHealth: { status: "ok", reasons: [] },
    phase: "running",
    started: Promise.resolve(),
    movedBy: null,
    notifyOutput: (runId) => {
      for (const listener of outputListeners.get(runId) ?? []) listener();
    },
    state: "running",
    counts: { pending: 0, running: 0 },
    queues: [],
    shutGates: () => [],
    queuesOf: () => [],
    queueRuns: () => ({ holding: [], waiting: [] }),
    get knownJobs() {
      return store.jobs
        .list()
        .values()
        .map(({ job: each }) => each)
        .toArray();
    },
    waitsFor: () => null,
    listWaiting: () => [],
    waitingFor: () => null,
    waitingTasks: () => new Map(),
    activity: () => ({ running: 0, pending: 0, executing: 0, waiting: {} }),
    schedulerPause: null,
    dispatch: null,
    workers: [],
    listBlockedAttempts: () => [],
    listWorkerWaits: () => [],
    review: ({ from, to }) => {
      const none = { items: [], leftOut: 0 };
      const runs = { completed: 0, failed: 0, cancelled: 0, interrupted: 0 };
      const parts = {
        broken: none,
        stale: none,
        recovered: none,
        unfired: none,
        slower: none,
        flaky: none,
        people: none,
        waits: none,
        due: none,
      };
      return Promise.resolve({ from, to, timezone: "UTC", jobs: 0, deleted: null, runs, ...parts });
    },
    drainWorker: async () => {},
    resumeWorker: async () => {},
    forgetWorker: async () => {},
    onDispatched: (listener) => {
      engine.notifyDispatched = listener;
      return () => {};
    },
    notifyDispatched: () => {},
    trigger: async (jobId, request = {}) => {
      const stored = [...store.jobs.list().values()].find(({ job }) => job.id === jobId);
      if (stored === undefined) throw new PetitError("not_found", `job '${jobId}' was not found`);
      const now = Date.now();
      return store.runs.start({
        id: newRunId(now),
        job: stored.job,
        versionId: stored.versionId,
        status: "running",
        trigger: "manual",
        params: request.params ?? {},
        now,
        scheduledFor: null,
        ledger: null,
        retry: null,
        idempotency: null,
      });
    },
    cancel: async (runId) => find(runId),
    storeAction: async () => store.transaction(() => {}),
    currentJobId: (jobId) => jobId,
    retry: async (runId) => find(runId),
    canRetry: () => false,
    openArtifact: () => null,
    artifactFile: () => "",
    decide: async () => {},
    testNotifications: async () => [],
    testDigest: async () => [],
    waitForRun: async (runId) => find(runId),
    pause: async (by = null) => {
      engine.movedBy = by;
      store.scheduler.setPaused({ at: Date.now(), by }, Date.now());
    },
    pauseJob: async () => {},
    resumeJob: async () => {},
    resume: async (by = null) => {
      engine.movedBy = by;
      store.scheduler.setPaused(null, Date.now());
    },
    reload: async () => ({ jobs: store.jobs.list().size, problems: [] }),
    listJobs: () => [...store.jobs.list().values()].map(({ job }) => view(job)),
    findJob: (jobId) => {
      const stored = [...store.jobs.list().values()].find(({ job }) => job.id === jobId);
      return stored === undefined ? null : view(stored.job);
    },
    listGoneJobs: () => [],
    findGoneJob: () => null,
    jobNotFound: (jobId) => jobNotFound(jobId, []),
    nextOccurrences: () => [],
    health: () => engine.currentHealth,
    listAttention: async () => NO_ATTENTION,
    findAttention: async (entryId) => {
      throw entryNotFound(entryId);
    },
    changeAttention: async (entryId) => {
      throw entryNotFound(entryId);
    },
    problems: [],
    onEvent: (listener) => {
      eventListeners.add(listener);
      return () => eventListeners.delete(listener);
    },
    onSending: () => () => {},
    receiveWebhook: async () => ({ kind: "unknown" }),
    hasWebhook: () => false,
    testWebhook: async () => ({ kind: "unknown" }),
    replayDelivery: async (deliveryId) => {
      throw new Error(`no delivery ${deliveryId}`);
    },
    planBackfill: async () => {
      throw new Error("no plans");
    },
    createBackfill: async () => {
      throw new Error("no backfills");
    },
    changeBackfill: async (backfillId) => {
      throw new Error(`no backfill ${backfillId}`);
    },
    refusedWebhooks: new Map(),
    expectations: [],
    heartbeat: null,
    traces: null,
    backup: null,
    limitSupport: null,
    onOutput: (runId, listener) => {
      const listeners = outputListeners.get(runId) ?? new Set();
      outputListeners.set(runId, listeners.add(listener));
      return () => listeners.delete(listener);
    },
  };
  return engine;
};
