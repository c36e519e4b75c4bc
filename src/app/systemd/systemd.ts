import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { StatusSource } from "./status-line.ts";

export type SystemdOptions = {
  readonly runtime: Pick<Runtime, "sendDatagram" | "monotonicMicros">;
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/** Minimum interval between two statuses. */
const STATUS_MS = 1_000;

/** While petit stops, it repeatedly asks for this much more time. */
const EXTEND_MS = 15_000;

/**
 * Notifies systemd (sd_notify(3)) about readiness, status, reloads and stops, and sends watchdog pings from the event
 * loop. Does nothing without `NOTIFY_SOCKET`.
 */
export class Systemd implements Disposable {
  readonly #options: SystemdOptions;
  readonly #socket: string | null;
  readonly #timers = new Map<string, () => void>();
  #source: StatusSource | null = null;
  #unlisten = (): void => {};
  #isStopping = false;
  #isUnheard = false;

  constructor(options: SystemdOptions) {
    this.#options = options;
    this.#socket = options.environment.NOTIFY_SOCKET || null;
    const periodMs = watchdogPeriodMs(options.environment);
    if (periodMs !== null) this.#every("watchdog", periodMs, () => this.#tell("WATCHDOG=1"));
  }

  /** Reports that petit accepts work, and its status from now on. */
  ready(source: StatusSource): void {
    if (this.#socket === null) return;
    this.#source = source;
    this.#unlisten = source.onChange(() => this.#statusSoon());
    this.#tell("READY=1", ...this.#status());
  }

  /** Calls `reload` and reports the unit as reloading meanwhile. */
  async reloading(reload: () => Promise<void>): Promise<void> {
    const now = this.#socket === null ? null : this.#options.runtime.monotonicMicros();
    if (!this.#isStopping) this.#tell("RELOADING=1", ...(now === null ? [] : [`MONOTONIC_USEC=${now}`]));
    await reload();
    if (!this.#isStopping) this.#tell("READY=1", ...this.#status());
  }

  /** Reports that petit is stopping and extends the stop timeout until it has ended. */
  stopping(): void {
    this.#isStopping = true;
    this.#tell("STOPPING=1", ...this.#status());
    this.#every("extend", EXTEND_MS / 3, () => this.#tell(`EXTEND_TIMEOUT_USEC=${EXTEND_MS * 1_000}`));
  }

  [Symbol.dispose](): void {
    this.#unlisten();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #status(): readonly string[] {
    return this.#source === null ? [] : [`STATUS=${this.#source.text()}`];
  }

  #statusSoon(): void {
    if (!this.#timers.has("status")) this.#in("status", STATUS_MS, () => this.#tell(...this.#status()));
  }

  #every(name: string, periodMs: number, tell: () => void): void {
    if (this.#socket === null) return;
    tell();
    this.#in(name, periodMs, () => this.#every(name, periodMs, tell));
  }

  #in(name: string, delayMs: number, callback: () => void): void {
    const cancel = this.#options.clock.setTimeout(() => {
      this.#timers.delete(name);
      callback();
    }, delayMs);
    this.#timers.set(name, cancel);
  }

  #tell(...lines: readonly string[]): void {
    if (this.#socket === null) return;
    const told = this.#options.runtime.sendDatagram(this.#socket, lines.join("\n"));
    // Log this once, because it would recur every second.
    if (told !== true && !this.#isUnheard) {
      this.#options.log.warn({ socket: this.#socket, lines }, told === null ? CANNOT : UNHEARD);
    }
    this.#isUnheard = told !== true;
  }
}

const UNHEARD = "systemd does not accept notifications";
const CANNOT = "petit cannot notify systemd without the C library; use a unit with Type=exec and without WatchdogSec=";

/** Returns half of the watchdog timeout for this process, or null if the watchdog is off. */
const watchdogPeriodMs = ({ WATCHDOG_USEC, WATCHDOG_PID }: SystemdOptions["environment"]): number | null => {
  const micros = Number(WATCHDOG_USEC ?? 0);
  const isMeant = !WATCHDOG_PID || Number(WATCHDOG_PID) === process.pid;
  return isMeant && Number.isFinite(micros) && micros > 0 ? Math.max(1, Math.floor(micros / 2_000)) : null;
};
