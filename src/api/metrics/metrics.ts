/// <reference path="./prom-client.d.ts" />
import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";
import Histogram from "prom-client/lib/histogram.js";
import Registry from "prom-client/lib/registry.js";
import type { Event } from "../../domain/event.ts";
import { NOTIFY_TYPES } from "../../domain/notification.ts";
import { isFinal } from "../../domain/run.ts";
import { OUTCOMES } from "../../domain/schedule/occurrence.ts";
import { DELIVERY_OUTCOMES, type DeliveryResult } from "../../engine/notify/dispatcher.ts";
import type { ApiContext } from "../context.ts";
import { durationMs } from "../shapes/run.ts";
import { processMetrics } from "./process.ts";

/** Figures for Prometheus. Counters begin at 0 with each petit, as Prometheus expects, and never go back. */
export interface Metrics extends Disposable {
  /** All of them as text. */
  readonly text: () => Promise<string>;
}

/** Of the answer that holds them. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Sources = Pick<ApiContext, "engine" | "store" | "log" | "version">;

export const createMetrics = (sources: Sources): Metrics => {
  const registry = new Registry();
  gauges(registry, sources);
  processMetrics(registry);
  const count = counters(registry, sources.store);
  const stopDeliveries = sources.engine.onDelivery(deliveries(registry));
  const stopEvents = sources.engine.onEvent((event) => {
    try {
      count(event);
    } catch (error) {
      // Whoever told of it has work to do; a figure may be lacking.
      sources.log.warn({ err: error, seq: event.seq }, "an event was not counted");
    }
  });
  return {
    text: () => registry.metrics(),
    [Symbol.dispose]: () => {
      stopEvents();
      stopDeliveries();
    },
  };
};

const deliveries = (registry: Registry): ((news: DeliveryResult) => void) => {
  const counter = new Counter({
    name: "petit_notifications_total",
    help: "Attempts to deliver a notification, by how it is told and what came of it; failed ones are tried again.",
    labelNames: ["type", "outcome"],
    registers: [registry],
  });
  for (const type of NOTIFY_TYPES) for (const outcome of DELIVERY_OUTCOMES) counter.inc({ type, outcome }, 0);
  return ({ type, outcome, times }) => counter.inc({ type, outcome }, times);
};

/** What happens, one by one. The start of a run costs nothing here: who triggers one waits for that. */
const counters = (registry: Registry, store: Sources["store"]): ((event: Event) => void) => {
  const registers = [registry];
  const runs = new Counter({
    name: "petit_runs_total",
    help: "Runs that ended, by what came of them and why they existed.",
    labelNames: ["job_id", "status", "trigger"],
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
    help: "Instants that a schedule was due at, by what became of them.",
    labelNames: ["outcome"],
    registers,
  });
  const lateness = new Histogram({
    name: "petit_firing_lateness_seconds",
    help: "Time from when an occurrence was due, jitter included, to when it fired; without those that were caught up on.",
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
    registers,
  });
  for (const outcome of OUTCOMES) occurrences.inc({ outcome }, 0);

  const runFinished = ({ runId }: Event): void => {
    const run = runId === null ? null : store.runs.find(runId);
    if (run === null || !isFinal(run.status)) return;
    runs.inc({ job_id: run.jobId, status: run.status, trigger: run.trigger });
    const ms = durationMs(run.startedAt, run.endedAt);
    if (ms !== null) durations.observe(ms / 1000);
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
    else if (event.type === "occurrence") occurrence(event);
  };
};

/** What is so at the moment of the scrape. */
const gauges = (registry: Registry, { engine, store, version }: Sources): void => {
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
  gauge("petit_running_runs", "Runs that are going on.", () => engine.counts.running);
  gauge("petit_pending_runs", "Runs that wait for a place.", () => engine.counts.pending);
  gauge("petit_waiting_notifications", "Notifications that nobody took yet.", () => store.notifications.countWaiting());
  gauge("petit_db_bytes", "Size of the database, its write-ahead log included.", () => store.sizeBytes());
  new Gauge({
    name: "petit_build_info",
    help: "Always 1; the label tells petit's version.",
    labelNames: ["version"],
    registers,
  }).set({ version }, 1);
};
