import { onSignal } from "../../app/signals.ts";
import type { Client } from "../../client/client.ts";
import { isTemporary } from "../../client/error.ts";
import { eventStream } from "../../client/event-stream.ts";
import { Reconnect } from "../../client/reconnect.ts";
import { abortQuietly, anyAborted } from "../../lib/abort.ts";
import { sleep } from "../../lib/clock.ts";
import type { Context } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { FullScreen } from "../terminal/full-screen.ts";
import { readableLocal } from "../terminal/local-time.ts";
import { paint } from "../terminal/terminal.ts";
import { type Overview, overviewJson, readOverview } from "./overview-data.ts";
import { type OverviewTextOptions, overviewText } from "./overview-text.ts";

type WatchOptions = Omit<OverviewTextOptions, "now">;

/** Minimum time between two reads, in ms. */
const PAUSE_MS = 1_000;
/** The same as a multiple of the time that a read took. */
const PAUSE_PER_READ = 5;

/**
 * Shows the overview until a signal comes. On a terminal it is redrawn in place, and stays at the end. Otherwise it is written
 * again after each change, with --json as one line.
 */
export const watchOverview = async (client: Client, options: WatchOptions, context: Context): Promise<ExitStatus> => {
  const stop = new AbortController();
  using _ = onSignal(() => abortQuietly(stop));
  const first = await readOverview(client);
  using view = openView(first, options, context);
  const signal = stop.signal;
  let changed = Promise.withResolvers<void>();
  const listen = async (): Promise<void> => {
    const reconnect = new Reconnect({ clock: context.clock, onAway: () => view.away(), onBack: () => view.back() });
    const open = (lastId: string | null, ending: AbortSignal) =>
      client.stream("/api/events", { headers: lastId === null ? {} : { "last-event-id": lastId }, signal: ending });
    for await (const _item of eventStream({ open, clock: context.clock, reconnect, signal })) changed.resolve();
  };
  const refresh = async (): Promise<void> => {
    while (!signal.aborted) {
      await Promise.race([changed.promise, anyAborted([signal])]);
      changed = Promise.withResolvers();
      const from = context.clock.monotonic();
      const next = signal.aborted ? null : await readIfThere(client);
      if (next !== null) view.show(next);
      // A petit with many jobs, or far away, is asked less often.
      const tookMs = context.clock.monotonic() - from;
      await sleep(context.clock, Math.max(PAUSE_MS, PAUSE_PER_READ * tookMs), signal);
    }
  };
  await Promise.race([Promise.all([listen(), refresh()]), anyAborted([signal])]);
  return EXIT.DONE;
};

/** Returns null while petit is away; the event stream notices that too. */
const readIfThere = async (client: Client): Promise<Overview | null> => {
  try {
    return await readOverview(client);
  } catch (error) {
    if (isTemporary(error)) return null;
    throw error;
  }
};

interface View extends Disposable {
  show(overview: Overview): void;
  /** petit does not answer. */
  away(): void;
  back(): void;
}

const openView = (first: Overview, options: WatchOptions, context: Context): View => {
  const view =
    options.screen.movesCursor && !context.json
      ? new ScreenView(first, options, context)
      : new TextView(options, context);
  view.show(first);
  return view;
};

/** Redraws the terminal every second, because durations grow. */
class ScreenView implements View {
  readonly #options: WatchOptions;
  readonly #context: Context;
  readonly #screen: FullScreen;
  #overview: Overview;
  #readAt: number;
  #isAway = false;
  #cancelTimer: () => void = () => {};

  constructor(overview: Overview, options: WatchOptions, context: Context) {
    this.#overview = overview;
    this.#options = options;
    this.#context = context;
    this.#readAt = context.clock.now();
    this.#screen = new FullScreen(options.screen);
    this.#tick();
  }

  show(overview: Overview): void {
    this.#overview = overview;
    this.#readAt = this.#context.clock.now();
    this.#draw();
  }

  away(): void {
    this.#isAway = true;
    this.#draw();
  }

  back(): void {
    this.#isAway = false;
    this.#draw();
  }

  [Symbol.dispose](): void {
    this.#cancelTimer();
    this.#screen[Symbol.dispose]();
    this.#options.screen.write(this.#text());
  }

  #tick(): void {
    this.#draw();
    this.#cancelTimer = this.#context.clock.setTimeout(() => this.#tick(), PAUSE_MS);
  }

  #draw(): void {
    const { screen, zone } = this.#options;
    const at = readableLocal(this.#readAt, zone);
    const footer = this.#isAway
      ? paint(screen, "yellow", `petit does not answer; connecting again. The state of ${at}`)
      : paint(screen, "dim", `updated ${at}; Ctrl-C ends`);
    this.#screen.draw(this.#text().trimEnd().split("\n"), footer);
  }

  #text(): string {
    const { screen, zone, base, all } = this.#options;
    return overviewText(this.#overview, { screen, zone, base, all, now: this.#context.clock.now() });
  }
}

/** Writes the overview after each change. */
class TextView implements View {
  readonly #options: WatchOptions;
  readonly #context: Context;
  #last = "";

  constructor(options: WatchOptions, context: Context) {
    this.#options = options;
    this.#context = context;
  }

  show(overview: Overview): void {
    const line = `${JSON.stringify(overviewJson(overview))}\n`;
    if (line === this.#last) return;
    const { clock, json } = this.#context;
    const separator = this.#last === "" ? "" : "\n";
    this.#last = line;
    const { screen, zone, base, all } = this.#options;
    const text = json ? line : `${separator}${overviewText(overview, { screen, zone, base, all, now: clock.now() })}`;
    screen.write(text);
  }

  away(): void {
    this.#context.terminal.err.write(`petit at ${this.#options.base} does not answer; connecting again …\n`);
  }

  back(): void {
    this.#context.terminal.err.write(`petit at ${this.#options.base} is back\n`);
  }

  [Symbol.dispose](): void {}
}
