import type { ResponseBody } from "../../client/routes.ts";
import { RUN_STATUSES } from "../../domain/run.ts";
import type { AnswerEntry } from "../answer/answer.ts";
import { fenceLine } from "../answer/fence.ts";
import { literal, required, text, whole, word } from "../arguments.ts";
import { defineTool, type ToolContext } from "../tool.ts";
import { momentOf } from "./moment.ts";

type RunFacts = ResponseBody<"get", "/api/runs">["runs"][number];

const DEFAULT_RUNS = 50;
const MAX_RUNS = 500;
/** Runs of one request. */
const PAGE = 50;
/** Lines of a run that are shown. */
const LINES_OF_RUN = 5;
/** A search ends with the run that reaches one of these. */
const MAX_CHARACTERS = 12_000;
const MAX_MS = 8_000;

export const searchLogs = defineTool({
  name: "search_logs",
  description: "Search the output of the newest runs for a text. The answer says what was not scanned.",
  args: {
    text: required(literal("Literal; case is ignored")),
    job: text(),
    status: word(RUN_STATUSES),
    since: text(),
    runs: whole({ max: MAX_RUNS, initial: DEFAULT_RUNS }, "Runs to scan"),
    cursor: text(),
  },
  effect: "reads",
  run: async ({ text: wanted, job, status, since, runs: limit = DEFAULT_RUNS, cursor }, context) => {
    const query = { status, from: momentOf("since", since, context) };
    const scan = new Scan(wanted, context);
    let before = cursor;
    while (scan.scanned < limit && !scan.isFull) {
      const page = await listPage(context, job, { ...query, before, limit: Math.min(PAGE, limit - scan.scanned) });
      for (const run of page.runs) {
        if (scan.isFull) break;
        await scan.search(run);
        before = run.id;
      }
      if (scan.isFull) break;
      if (page.next === null) return scan.answer(null);
      before = page.next;
    }
    return scan.answer(before ?? null);
  },
});

type PageQuery = { readonly before: string | undefined; readonly limit: number } & Readonly<
  Record<string, string | number | undefined>
>;

const listPage = ({ client, signal }: ToolContext, job: string | undefined, query: PageQuery) =>
  job === undefined
    ? client.get("/api/runs", { query, signal })
    : client.get("/api/jobs/:job_id/runs", { params: { job_id: job }, query, signal });

/** Searches the output of runs, within its limits. */
class Scan {
  readonly #text: string;
  readonly #context: ToolContext;
  readonly #until: number;
  readonly #entries: AnswerEntry[] = [];
  readonly #found: { run: string; job: string; status: string; created: string | null; lines: string }[] = [];
  readonly #incomplete: string[] = [];
  #characters = 0;
  #oldest: number | null = null;
  scanned = 0;

  constructor(wanted: string, context: ToolContext) {
    this.#text = wanted;
    this.#context = context;
    this.#until = context.clock.monotonic() + MAX_MS;
  }

  get isFull(): boolean {
    return this.#characters >= MAX_CHARACTERS || this.#context.clock.monotonic() >= this.#until;
  }

  async search(run: RunFacts): Promise<void> {
    const { client, signal, iso } = this.#context;
    const found = await client.get("/api/runs/:run_id/lines/search", {
      params: { run_id: run.id },
      query: { q: this.#text, lines: true, limit: LINES_OF_RUN },
      signal,
    });
    this.scanned++;
    this.#oldest = run.created_at;
    const { lines = [] } = found;
    const isCut = lines.length === LINES_OF_RUN;
    if (!found.complete && !isCut) this.#incomplete.push(run.id);
    if (lines.length === 0) return;
    const count = isCut ? `the first ${LINES_OF_RUN}; read_log with match has more` : String(lines.length);
    this.#found.push({ run: run.id, job: run.job_id, status: run.status, created: iso(run.created_at), lines: count });
    this.#characters += ENTRY_CHARACTERS;
    for (const { seq, task_id, stream, text: line } of lines) {
      const data = fenceLine(`${run.id.slice(-8)} ${seq} ${task_id} ${stream}`, line);
      this.#characters += data.length;
      this.#entries.push({ data, cursor: run.id });
    }
  }

  /** `before` continues the search; null if there are no older runs. */
  answer(before: string | null) {
    const { iso } = this.#context;
    return {
      fields: {
        scanned_runs: this.scanned,
        not_scanned:
          before === null ? "nothing" : `runs created before ${iso(this.#oldest)}; the cursor continues there`,
        partly_scanned: this.#incomplete,
        runs: this.#found,
      },
      list: {
        entries: this.#entries,
        lines: "Output: end of the run's id, line number, task, stream",
        cursor: before,
      },
    };
  }
}

/** What a run with matches takes in the answer. */
const ENTRY_CHARACTERS = 200;
