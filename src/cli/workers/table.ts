import type { ResponseBody } from "../../client/routes.ts";
import { roughlyText } from "../../domain/words/duration.ts";
import { waitsForText } from "../../domain/words/waits-for.ts";
import { PETIT_SETUP, WORKER_SETUP } from "../../domain/words/worker-setup.ts";
import { pluralize } from "../../lib/text.ts";
import { runName } from "../run-display/short-id.ts";
import { elapsedText } from "../run-display/status-text.ts";
import { commandLines } from "../terminal/columns.ts";
import { columnTable } from "../terminal/table.ts";
import { paint, type Screen, type Style } from "../terminal/terminal.ts";
import { oneLine } from "../terminal/text-width.ts";

export type WorkersAnswer = ResponseBody<"get", "/api/workers">;
type WorkerBody = WorkersAnswer["workers"][number];

type TextOptions = { readonly screen: Screen; readonly now: number };

/** Returns the workers as a table, then what waits for one. */
export const workersText = ({ workers, waiting, nats }: WorkersAnswer, options: TextOptions): string =>
  [natsText(nats, options), workerTable(workers, options), waitingTable(waiting, options)]
    .filter((part) => part !== "")
    .join("\n");

/** Returns a warning while petit does not reach NATS. */
const natsText = (nats: WorkersAnswer["nats"], { screen, now }: TextOptions): string => {
  if (nats === null || nats.connected) return "";
  const why = nats.error === null ? "" : `: ${oneLine(nats.error)}`;
  const text = `petit has not reached NATS at ${nats.url} for ${elapsedText(now - nats.since)}${why}`;
  return `${paint(screen, "yellow", text)}\n`;
};

const workerTable = (workers: readonly WorkerBody[], { screen, now }: TextOptions): string =>
  columnTable(
    [
      { title: "WORKER", cells: workers.map(({ name }) => name), shrink: 5, min: 10 },
      {
        title: "STATE",
        cells: workers.map(stateText),
        style: (row) => (workers[row] === undefined ? null : styleOfWorker(workers[row])),
      },
      { title: "SLOTS", cells: workers.map(({ slots, slots_used }) => `${slots_used}/${slots}`) },
      { title: "LABELS", cells: workers.map(({ labels }) => labels.join(",") || "-"), shrink: 3, min: 8, drop: 8 },
      {
        title: "ENFORCES",
        cells: workers.map(({ limits }) => limits?.join(",") ?? "-").map((text) => text || "none"),
        drop: 2,
      },
      { title: "VERSION", cells: workers.map(versionText), drop: 1 },
      { title: "ADDRESS", cells: workers.map(({ address }) => address || "-"), shrink: 2, min: 10, drop: 4 },
      { title: "CONTACT", cells: workers.map(({ last_contact_at }) => roughlyText(last_contact_at - now)), drop: 6 },
      { title: "RUNS", cells: workers.map((worker) => runsText(worker, screen)), shrink: 4, min: 16, drop: 7 },
    ],
    screen,
  );

const REFUSALS = {
  name_in_use: "name in use",
  copied: "copy of another",
  untrusted: "refuses petit's key",
  storage: "can't store",
} as const satisfies Record<Exclude<NonNullable<WorkerBody["refused"]>, "protocol">, string>;

/** A worker that is drained or stops finishes the attempts that it has. */
export const stateText = ({ state, draining, refused, protocol }: WorkerBody): string => {
  if (refused !== null) return `refused (${refused === "protocol" ? `protocol ${protocol}` : REFUSALS[refused]})`;
  if (!draining || state === "gone") return state;
  return state === "connected" ? "draining" : `${state}, draining`;
};

export const styleOfWorker = (worker: WorkerBody): Style => {
  if (worker.state === "gone" || worker.state === "unknown") return "dim";
  if (worker.unreachable_since !== null) return "red";
  return worker.state === "refused" || worker.draining ? "yellow" : "green";
};

/** Smaller clock differences are not shown, in ms. */
const CLOCK_TOLERANCE_MS = 2_000;

const versionText = ({ version, clock_difference_ms: difference }: WorkerBody): string =>
  difference === null || Math.abs(difference) < CLOCK_TOLERANCE_MS
    ? version
    : `${version} (clock ${elapsedText(Math.abs(difference))} ${difference > 0 ? "ahead" : "behind"})`;

/** Returns what runs on a worker. On a terminal, that is the first attempt and the number of others. */
export const runsText = ({ running }: WorkerBody, screen: Pick<Screen, "isTerminal">): string => {
  const texts = running.map(
    ({ task_id, item, job_id, run_id }) =>
      `${task_id}${item === null ? "" : `[${item}]`} of ${job_id} (${runName(run_id, screen)})`,
  );
  if (!screen.isTerminal || texts.length < 2) return texts.join(", ") || "-";
  return `${texts[0]} and ${texts.length - 1} more`;
};

const waitingTable = (waiting: WorkersAnswer["waiting"], { screen, now }: TextOptions): string =>
  columnTable(
    [
      {
        title: "WAITING",
        cells: waiting.map(({ task_id, job_id, count }) =>
          count === 1 ? `${task_id} of ${job_id}` : `${task_id} of ${job_id} and ${count - 1} more`,
        ),
        style: (row) => (waiting[row]?.waits_for.connected === 0 ? "yellow" : "dim"),
        shrink: 2,
        min: 16,
      },
      { title: "FOR", cells: waiting.map(({ since }) => elapsedText(now - since)) },
      { title: "RUN", cells: waiting.map(({ run_id }) => runName(run_id, screen)), drop: 1 },
      { title: "NEEDS", cells: waiting.map(({ waits_for }) => waitsForText(waits_for)), shrink: 1, min: 20 },
    ],
    screen,
  );

type EmptyOptions = {
  readonly screen: Screen;
  /** URL of petit. */
  readonly base: string;
};

/** Returns what to do if there are no workers. */
export const noWorkersText = ({ count, nats }: WorkersAnswer, { screen, base }: EmptyOptions): string => {
  if (nats === null) {
    const known =
      count === 0 ? "" : ` now; ${pluralize(count, "worker")} from before ${count === 1 ? "is" : "are"} listed`;
    return `petit at ${base} runs without workers${known}\n${commandLines(PETIT_SETUP, screen)}`;
  }
  return count === 0 ? `no worker has connected to petit at ${base} yet\n${commandLines([WORKER_SETUP], screen)}` : "";
};
