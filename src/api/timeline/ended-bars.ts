import { setImmediate } from "node:timers/promises";
import type { RunId } from "../../domain/ids.ts";
import type { Run } from "../../domain/run.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Clock } from "../../lib/clock.ts";
import type { RunSpan, Window } from "../../store/runs/timeline.ts";
import type { ApiStore } from "../options.ts";
import { BarCollector } from "./merge.ts";

export type EndedBarsSources = {
  readonly engine: Pick<Engine, "onEvent">;
  readonly store: Pick<ApiStore, "runs">;
  readonly clock: Clock;
};

/** How long bars are kept, in ms. Runs that are deleted meanwhile are still shown. */
const KEEP_MS = 60_000;

/** Rows that one query reads, which takes about 5 ms. Other work runs between two queries. */
const SLICE = 5_000;

/** Runs of one moment: a run is in one of both. */
export type RunBars = {
  readonly ended: BarCollector;
  readonly unfinished: readonly Run[];
  readonly window: Window;
};

type Kept = {
  readonly key: string;
  readonly bars: Promise<BarCollector>;
  /** Runs that have ended since the bars were read. */
  readonly ended: Set<RunId>;
  /** The bars are those of runs that ended until then, in ms since the Unix epoch. */
  until: number;
  readonly window: Window;
};

/**
 * Reads the bars of ended runs. Those of the last window are kept for a minute: the dashboard asks for the same window whenever it is
 * opened, and to read a day of runs takes as long as everything else that it asks for.
 */
export class EndedBars {
  readonly #sources: EndedBarsSources;
  #kept: Kept | null = null;
  #forget: () => void = () => {};

  constructor(sources: EndedBarsSources) {
    this.#sources = sources;
  }

  /** Reads the runs of all jobs. `windowOf` is called if they are not kept; `key` stands for what it returns. */
  async ofAllJobs(key: string, windowOf: () => Window): Promise<RunBars> {
    const kept = this.#kept?.key === key ? this.#kept : this.#keep(key, windowOf());
    const { window } = kept;
    const bars = await kept.bars;
    if (this.#addEnded(kept, bars))
      return { ended: bars, unfinished: this.#sources.store.runs.listUnfinished(), window };
    if (this.#kept === kept) this.#forget();
    return await this.ofJobs(null, window);
  }

  /** Reads the runs of some jobs; null stands for all. */
  async ofJobs(jobIds: ReadonlySet<string> | null, window: Window): Promise<RunBars> {
    const unfinished = this.#sources.store.runs.listUnfinished();
    return { ended: await this.#read(jobIds, window, this.#sources.clock.now()), unfinished, window };
  }

  /** Reads the runs that ended until `now`. Other work runs in between; what ends meanwhile is left out. */
  async #read(jobIds: ReadonlySet<string> | null, window: Window, now: number): Promise<BarCollector> {
    const { runs } = this.#sources.store;
    const bars = new BarCollector();
    const add = (spans: readonly RunSpan[]): void => {
      for (const { jobId, ...bar } of spans) if (jobIds?.has(jobId) ?? true) bars.add(jobId, bar);
    };
    const until = Math.min(now, window.to + LONG_MS);
    let after = window.from - 1;
    while (after < until) {
      const end = Math.min(runs.findNthEndAfter(after, SLICE) ?? until, until);
      add(runs.listEndedSpans({ ...window, after, until: end }));
      after = end;
      await setImmediate();
    }
    if (until < now) add(runs.listEndedSpans({ ...window, after: until, until: now, long: true }));
    return bars;
  }

  #keep(key: string, window: Window): Kept {
    this.#forget();
    const { engine, clock } = this.#sources;
    const until = clock.now();
    const ended = new Set<RunId>();
    const unsubscribe = engine.onEvent(({ type, runId }) => {
      if (type === "run.finished" && runId !== null) ended.add(runId);
    });
    const cancel = clock.setTimeout(() => this.#forget(), KEEP_MS);
    const kept = { key, bars: this.#read(null, window, until), ended, until, window };
    this.#kept = kept;
    this.#forget = () => {
      unsubscribe();
      cancel();
      this.#kept = null;
      this.#forget = () => {};
    };
    kept.bars.catch(() => this.#kept === kept && this.#forget());
    return kept;
  }

  /** Adds the runs that have ended since. Returns false if one of them ended, by the clock, before the others were read. */
  #addEnded(kept: Kept, bars: BarCollector): boolean {
    const { runs } = this.#sources.store;
    const { ended, until: after, window } = kept;
    if ([...ended].some((runId) => (runs.find(runId)?.endedAt ?? Infinity) <= after)) return false;
    ended.clear();
    kept.until = Math.max(after, this.#sources.clock.now());
    for (const { jobId, ...bar } of runs.listEndedSpans({ ...window, after, until: kept.until })) bars.add(jobId, bar);
    return true;
  }
}

/** Longer runs have their own index. */
const LONG_MS = 3_600_000;
