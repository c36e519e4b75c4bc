/// <reference path="./prom-client.d.ts" />
import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";
import Histogram from "prom-client/lib/histogram.js";
import Registry from "prom-client/lib/registry.js";
import type { BackupState } from "../../domain/backup/state.ts";
import type { Event } from "../../domain/event.ts";
import type { Expectation } from "../../domain/inbox/expectation.ts";
import type { QueueState } from "../../domain/limits/queue.ts";
import { NOTIFY_TYPES } from "../../domain/notification.ts";
import { durationMs, isFinal } from "../../domain/run.ts";
import { OUTCOMES } from "../../domain/schedule/occurrence.ts";
import { WORKER_STATES, type WorkerView } from "../../domain/workers/worker.ts";
import { SENDING_OUTCOMES, type SendingResult } from "../../engine/notify/dispatcher.ts";
import type { TracesState } from "../../engine/traces/tracer.ts";
import type { ApiContext } from "../context.ts";
import { registerProcessMetrics } from "./process.ts";

/** Metrics for Prometheus. Counters start at 0 with each process, as Prometheus expects, and never decrease. */
export interface Metrics extends Disposable {
  /** Returns all metrics in the text format. */
  readonly text: () => Promise<string>;
}

/** Content type of `/metrics`. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type MetricSources = Pick<ApiContext, "engine" | "store" | "clock" | "log" | "version">;

export const createMetrics = (sources: MetricSources): Metrics => {
  const registry = new Registry();
  registerGauges(registry, sources);
  registerProcessMetrics(registry);
  const count = createEventCounter(registry, sources.store);
  const stopSendings = sources.engine.onSending(createSendingCounter(registry));
  const stopDispatches = sources.engine.onDispatched(createDispatchTimer(registry));
  const stopEvents = sources.engine.onEvent((event) => {
    try {
      count(event);
    } catch (error) {
      // The engine must continue, even if a metric is missing.
      sources.log.warn({ err: error, seq: event.seq }, "an event was not counted");
    }
  });
  return {
    text: () => registry.metrics(),
    [Symbol.dispose]: () => {
      stopEvents();
      stopSendings();
      stopDispatches();
    },
  };
};

const createSendingCounter = (registry: Registry): ((news: SendingResult) => void) => {
  const counter = new Counter({
    name: "petit_notifications_total",
    help: "Attempts to deliver a notification, by type and outcome; failed ones are retried.",
    labelNames: ["type", "outcome"],
    registers: [registry],
  });
  for (const type of NOTIFY_TYPES) for (const outcome of SENDING_OUTCOMES) counter.inc({ type, outcome }, 0);
  return ({ type, outcome, times }) => counter.inc({ type, outcome }, times);
};

const createDispatchTimer = (registry: Registry): ((latencyMs: number) => void) => {
  const latency = new Histogram({
    name: "petit_worker_dispatch_seconds",
    help: "Time from when an attempt was ready for a worker to when one claimed it.",
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300, 3600],
    registers: [registry],
  });
  return (latencyMs) => latency.observe(latencyMs / 1000);
};

const MIB = 2 ** 20;

/** Registers the counters of events. The start of a run is not counted, because it would delay the trigger. */
const createEventCounter = (registry: Registry, store: MetricSources["store"]): ((event: Event) => void) => {
  const registers = [registry];
  const runs = new Counter({
    name: "petit_runs_total",
    help: "Runs that have ended, by job, status and trigger.",
    labelNames: ["job_id", "status", "trigger"],
    registers,
  });
  const late = new Counter({
    name: "petit_late_runs_total",
    help: "Runs that were unfinished for longer than warn_after of their job, by job.",
    labelNames: ["job_id"],
    registers,
  });
  const durations = new Histogram({
    name: "petit_run_duration_seconds",
    help: "Time from the start of a run to its end.",
    buckets: [0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400],
    registers,
  });
  const occurrences = new Counter({
    name: "petit_occurrences_total",
    help: "Occurrences of schedules, by outcome.",
    labelNames: ["outcome"],
    registers,
  });
  const lateness = new Histogram({
    name: "petit_firing_lateness_seconds",
    help: "Time from when an occurrence was due, including jitter, to when it fired, without catch-up runs.",
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
    registers,
  });
  const cpu = new Histogram({
    name: "petit_task_cpu_seconds",
    help: "CPU time of an attempt of a task, user and system, by job, counted at the end of the run.",
    labelNames: ["job_id"],
    buckets: [0.01, 0.1, 1, 10, 60, 300, 1800, 7200],
    registers,
  });
  const memory = new Histogram({
    name: "petit_task_memory_peak_bytes",
    help: "Most memory of an attempt of a task, by job, counted at the end of the run if it is known.",
    labelNames: ["job_id"],
    buckets: [16, 64, 256, 1024, 4096, 16_384, 65_536].map((size) => size * MIB),
    registers,
  });
  for (const outcome of OUTCOMES) occurrences.inc({ outcome }, 0);

  const runFinished = ({ runId }: Event): void => {
    const run = runId === null ? null : store.runs.find(runId);
    if (run === null || !isFinal(run.status)) return;
    runs.inc({ job_id: run.jobId, status: run.status, trigger: run.trigger });
    const ms = durationMs(run.startedAt, run.endedAt);
    if (ms !== null) durations.observe(ms / 1000);
    const labels = { job_id: run.jobId };
    for (const { cpuUserMs, cpuSystemMs, memoryPeakBytes } of store.runs.listUsageOf(run.id)) {
      cpu.observe(labels, (cpuUserMs + cpuSystemMs) / 1000);
      if (memoryPeakBytes !== null) memory.observe(labels, memoryPeakBytes);
    }
  };
  const occurrence = ({ runId, status, times }: Event): void => {
    occurrences.inc({ outcome: status ?? "" }, times ?? 1);
    const run = runId === null ? null : store.runs.find(runId);
    if (run === null || run.scheduledFor === null || run.trigger !== "schedule") return;
    const fired = store.occurrences.find(run.jobId, run.scheduledFor);
    if (fired === null) return;
    lateness.observe(Math.max(0, fired.decidedAt - fired.scheduledFor - fired.jitterMs) / 1000);
  };
  return (event) => {
    if (event.type === "run.finished") runFinished(event);
    else if (event.type === "run.late") late.inc({ job_id: event.jobId ?? "" });
    else if (event.type === "occurrence") occurrence(event);
  };
};

/** Without backups, there are no such metrics. */
const registerBackupGauges = (registers: Registry[], engine: MetricSources["engine"]): void => {
  if (engine.backup === null) return;
  const gauge = (name: string, help: string, value: (state: BackupState) => number): void =>
    void new Gauge({
      name,
      help,
      registers,
      collect() {
        if (engine.backup !== null) this.set(value(engine.backup));
      },
    });
  gauge(
    "petit_backup_last_success_timestamp_seconds",
    "When the last good backup was made; 0 if there is none.",
    ({ last }) => (last?.at ?? 0) / 1000,
  );
  gauge(
    "petit_backup_last_size_bytes",
    "Size of the database in the last good backup.",
    ({ last }) => last?.bytes ?? 0,
  );
  gauge("petit_backup_failing", "1 if the last backup failed, otherwise 0.", ({ failing }) =>
    failing === null ? 0 : 1,
  );
};

/** Registers the metrics that are read at each scrape. */
const registerGauges = (registry: Registry, { engine, store, clock, version }: MetricSources): void => {
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number): void =>
    void new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  gauge("petit_running_runs", "Runs that are running.", () => engine.counts.running);
  gauge("petit_pending_runs", "Runs that wait for a slot.", () => engine.counts.pending);
  const queueGauge = (name: string, help: string, value: (queue: QueueState) => number): void =>
    void new Gauge({
      name,
      help,
      labelNames: ["queue"],
      registers,
      collect() {
        this.reset();
        for (const queue of engine.queues) this.set({ queue: queue.name }, value(queue));
      },
    });
  queueGauge("petit_queue_limit", "Maximum of concurrent runs in a queue.", ({ limit }) => limit);
  queueGauge("petit_queue_running_runs", "Runs that hold a place in a queue.", ({ running }) => running);
  queueGauge("petit_queue_pending_runs", "Runs that wait in a queue.", ({ pending }) => pending);
  registerBackupGauges(registers, engine);
  new Gauge({
    name: "petit_backfill_runs",
    help: "Runs that the backfills which have not ended will still make or end, by job and state.",
    labelNames: ["job_id", "state"],
    registers,
    collect() {
      this.reset();
      for (const { jobId, status, runs } of store.backfills.listUnended()) {
        const states = {
          running: runs.running,
          waiting: status === "paused" ? 0 : runs.pending,
          paused: status === "paused" ? runs.pending : 0,
        };
        for (const [state, count] of Object.entries(states)) this.inc({ job_id: jobId, state }, count);
      }
    },
  });
  registerWorkerGauges(registers, engine);
  const expectationGauge = (name: string, help: string, value: (expectation: Expectation) => number): void =>
    void new Gauge({
      name,
      help,
      labelNames: ["job_id"],
      registers,
      collect() {
        this.reset();
        for (const each of engine.expectations) this.set({ job_id: each.jobId }, value(each));
      },
    });
  expectationGauge(
    "petit_job_last_success_timestamp_seconds",
    "When the last completed run of a job with expect ended; 0 if none has.",
    ({ lastSuccessAt }) => (lastSuccessAt ?? 0) / 1000,
  );
  expectationGauge(
    "petit_job_expected_within_seconds",
    "Time within which a run of a job is expected to complete.",
    ({ withinMs }) => withinMs / 1000,
  );
  new Counter({
    name: "petit_webhook_refused_total",
    help: "Webhooks that were refused because their signature or token was wrong or missing, by job.",
    labelNames: ["job_id"],
    registers,
    collect() {
      this.reset();
      for (const [jobId, count] of engine.refusedWebhooks) this.inc({ job_id: jobId }, count);
    },
  });
  gauge("petit_waiting_notifications", "Notifications that are not delivered yet.", () =>
    store.notifications.countWaiting(),
  );
  registerTraceMetrics(registers, engine);
  gauge("petit_db_bytes", "Size of the database, including its write-ahead log.", () => store.sizeBytes());
  const artifactBytes = readAtIntervals(clock, () => store.artifacts.getTotals().bytes);
  gauge("petit_artifact_bytes", "Size of all artifacts; at most a minute old.", artifactBytes);
  new Gauge({
    name: "petit_attention",
    help: "Things that need attention, by kind, as in /api/attention.",
    labelNames: ["kind"],
    registers,
    async collect() {
      const { counts } = await engine.listAttention(0);
      for (const [kind, count] of Object.entries(counts)) this.set({ kind }, count);
    },
  });
  new Gauge({
    name: "petit_build_info",
    help: "Always 1; the label is the version of petit.",
    labelNames: ["version"],
    registers,
  }).set({ version }, 1);
};

/** Registers the metrics of traces, which stay 0 if petit sends none. */
const registerTraceMetrics = (registers: Registry[], engine: MetricSources["engine"]): void => {
  const counter = (name: string, help: string, value: (state: TracesState) => number): void =>
    void new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(engine.traces === null ? 0 : value(engine.traces));
      },
    });
  counter("petit_spans_sent_total", "Spans of traces that the receiver has accepted.", ({ sent }) => sent);
  counter(
    "petit_spans_dropped_total",
    "Spans of traces that were given up, because too many waited or the receiver refused or rejected them.",
    ({ dropped }) => dropped,
  );
  new Gauge({
    name: "petit_waiting_spans",
    help: "Spans of traces that are not sent yet.",
    registers,
    collect() {
      this.set(engine.traces?.waiting ?? 0);
    },
  });
};

/** Registers the metrics of workers. Without workers they have no samples. */
const registerWorkerGauges = (registers: Registry[], engine: MetricSources["engine"]): void => {
  new Gauge({
    name: "petit_workers",
    help: "Workers, by state.",
    labelNames: ["state"],
    registers,
    collect() {
      this.reset();
      if (engine.dispatch === null && engine.workers.length === 0) return;
      for (const state of WORKER_STATES)
        this.set({ state }, engine.workers.filter((worker) => worker.state === state).length);
    },
  });
  const workerGauge = (name: string, help: string, value: (worker: WorkerView) => number): void =>
    void new Gauge({
      name,
      help,
      labelNames: ["worker"],
      registers,
      collect() {
        this.reset();
        for (const worker of engine.workers) this.set({ worker: worker.name }, value(worker));
      },
    });
  workerGauge("petit_worker_slots", "Maximum of attempts that a worker runs at once.", ({ slots }) => slots);
  workerGauge("petit_worker_slots_used", "Attempts that a worker has claimed.", ({ attempts }) => attempts.length);
  new Gauge({
    name: "petit_worker_waiting_attempts",
    help: "Attempts that wait for a worker, by the labels that it must have.",
    labelNames: ["labels"],
    registers,
    collect() {
      this.reset();
      for (const { labels } of engine.listWorkerWaits()) this.inc({ labels: labels.join(",") });
    },
  });
};

/** How long a sum over many rows is used, in ms. */
const SUM_INTERVAL_MS = 60_000;

/** Returns a function that returns the value of `read`, which it calls at most once a minute. */
const readAtIntervals = (clock: MetricSources["clock"], read: () => number): (() => number) => {
  let [value, readAt] = [0, Number.NEGATIVE_INFINITY];
  return () => {
    const now = clock.monotonic();
    if (now - readAt >= SUM_INTERVAL_MS) [value, readAt] = [read(), now];
    return value;
  };
};
