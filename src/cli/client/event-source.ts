import { type Clock, sleep } from "../../lib/clock.ts";
import { EXIT } from "../exit.ts";
import { Failure } from "../failure.ts";

/** A server-sent event; without `data` it is a sign of life. */
export type StreamedEvent = { readonly id: string | null; readonly data: string | null };

export type EventSourceOptions = {
  /** Opens the stream, after the event with that id where one is given. */
  readonly open: (lastId: string | null, signal: AbortSignal) => AsyncIterable<Uint8Array>;
  /** Asked when the stream has ended: whether nothing more can come. One that ends before that is opened again. */
  readonly isOver: () => Promise<boolean>;
  readonly clock: Clock;
  /** Ms that petit may be away; then the `Failure` that told of it is thrown. */
  readonly patienceMs: number;
  /** Told when petit went away (false), and when it is back (true). */
  readonly onBreak?: (isBack: boolean) => void;
};

/** Ms without a sign of life, of which there is one every 15 s, after which petit counts as away. */
const SILENCE_MS = 45_000;

const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 2_000;

/** The events of a stream from its beginning to its end, over any number of breaks: none twice, none left out. */
export async function* eventSource(options: EventSourceOptions): AsyncGenerator<StreamedEvent> {
  const breaks = new Breaks(options);
  let lastId: string | null = null;
  for (let over = false; ; ) {
    try {
      for await (const event of openEvents(options, lastId)) {
        breaks.end();
        lastId = event.id ?? lastId;
        yield event;
      }
      // What came between the end of the stream and the answer is had by opening it once more.
      if (over) return;
      over = await options.isOver();
      if (!over) throw new Failure(EXIT.UNREACHABLE, "petit went away");
    } catch (error) {
      await breaks.endure(error);
    }
  }
}

/** How long petit is away, and when to look for it again. */
class Breaks {
  readonly #options: EventSourceOptions;
  #since: number | null = null;
  #delayMs = FIRST_DELAY_MS;

  constructor(options: EventSourceOptions) {
    this.#options = options;
  }

  /** Waits before the next try. Throws the error where waiting can't help, or patience is at an end. */
  async endure(error: unknown): Promise<void> {
    const { clock, patienceMs, onBreak } = this.#options;
    if (!(error instanceof Failure) || error.status !== EXIT.UNREACHABLE) throw error;
    if (this.#since === null && patienceMs > 0) onBreak?.(false);
    this.#since ??= clock.monotonic();
    const left = this.#since + patienceMs - clock.monotonic();
    if (left <= 0) throw error;
    await sleep(clock, Math.min(left, this.#delayMs));
    this.#delayMs = Math.min(MAX_DELAY_MS, this.#delayMs * 2);
  }

  end(): void {
    if (this.#since !== null) this.#options.onBreak?.(true);
    this.#since = null;
    this.#delayMs = FIRST_DELAY_MS;
  }
}

/** The events of one opening of the stream. */
export async function* openEvents(
  options: Pick<EventSourceOptions, "open" | "clock">,
  lastId: string | null,
): AsyncGenerator<StreamedEvent> {
  const silence = new AbortController();
  const watch = (): (() => void) => options.clock.setTimeout(() => silence.abort(), SILENCE_MS);
  const decoder = new TextDecoder();
  let rest = "";
  let unwatch = watch();
  try {
    for await (const bytes of options.open(lastId, silence.signal)) {
      unwatch();
      unwatch = watch();
      const blocks = `${rest}${decoder.decode(bytes, { stream: true })}`.split("\n\n");
      rest = blocks.pop() ?? "";
      yield* blocks.map(readEvent);
    }
  } finally {
    unwatch();
    silence.abort();
  }
}

const readEvent = (block: string): StreamedEvent => ({ id: fieldOf(block, "id"), data: fieldOf(block, "data") });

/** petit writes each on a line of its own. */
const fieldOf = (block: string, name: string): string | null =>
  block
    .split("\n")
    .find((line) => line.startsWith(`${name}: `))
    ?.slice(name.length + 2) ?? null;
