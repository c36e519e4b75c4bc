import { ClientError } from "../../client/error.ts";
import type { ResponseBody } from "../../client/routes.ts";
import { isFinal, RUN_STATUSES } from "../../domain/run.ts";
import { STREAMS } from "../../domain/task-run.ts";
import type { AnswerEntry } from "../answer/answer.ts";
import { fenceLine } from "../answer/fence.ts";
import { flag, literal, required, text, whole, word } from "../arguments.ts";
import { lineLabel } from "../facts/line.ts";
import { defineTool, type ToolContext } from "../tool.ts";
import { ToolError } from "../tool-error.ts";
import { momentOf } from "./moment.ts";

type Found = ResponseBody<"get", "/api/search">;
type Line = Found["lines"][number];

const DEFAULT_LINES = 50;
const MAX_LINES = 200;
/** Maximum of characters of the runs and of the lines of an answer, so that it has each run of its lines. */
const MAX_RUNS = 9_000;
const MAX_TEXT = 14_000;

export const searchLogs = defineTool({
  name: "search_logs",
  description: "Search the output of ended runs, the newest first, for a text of 3 or more characters.",
  args: {
    text: required(literal("Literal, or RE2 with regex; case is ignored")),
    regex: flag(),
    job: text(),
    tag: text(),
    status: word(RUN_STATUSES.filter(isFinal)),
    stream: word(STREAMS),
    since: text(),
    lines: whole({ max: MAX_LINES, initial: DEFAULT_LINES }),
    cursor: text(),
  },
  effect: "reads",
  run: async ({ text: q, regex, job, tag, status, stream, since, lines: limit = DEFAULT_LINES, cursor }, context) => {
    const filter = { job, tag, status, stream, since: momentOf("since", since, context) };
    const found = await find({ q, regex, ...filter, limit, context: 0, before: cursor }, context);
    const lines = firstThatFit(found.lines, context);
    const last = lines.at(-1);
    const next = last === undefined || lines.length === found.lines.length ? found.next : last.position;
    return {
      fields: { not_searched: notSearched(found, next, context), runs: runsOf(lines, context) },
      list: {
        entries: lines.map(lineEntry),
        lines: "Output: end of the run's id, line number, task/attempt, stream",
        cursor: next,
      },
    };
  },
});

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** Searches, and says what is wrong in the words of this tool: the API names its own parameters. */
const find = async (query: Query, { client, signal }: ToolContext): Promise<Found> => {
  try {
    return await client.get("/api/search", { query, signal });
  } catch (error) {
    const failure = error instanceof ClientError && error.failure.kind === "refused" ? error.failure : null;
    if (failure?.details?.reason === "search_off")
      throw new ToolError(`${failure.message}; read_log with match searches one run`, { cause: error });
    if (failure?.details?.reason !== "invalid_value") throw error;
    const { name, problem } = failure.details;
    if (name === "before")
      throw new ToolError("argument 'cursor': expected that of an earlier answer of search_logs", { cause: error });
    throw new ToolError(`argument '${name === "q" ? "text" : name}': ${problem}`, { cause: error });
  }
};

const firstThatFit = (lines: readonly Line[], context: ToolContext): readonly Line[] => {
  const runs = new Set<string>();
  let [runsRoom, textRoom] = [MAX_RUNS, MAX_TEXT];
  const tooMuch = lines.findIndex((line, index) => {
    if (!runs.has(line.run_id)) runsRoom -= JSON.stringify(runOf(line, context)).length + 20;
    runs.add(line.run_id);
    textRoom -= lineEntry(line).data.length + 1;
    return index > 0 && (runsRoom < 0 || textRoom < 0);
  });
  return tooMuch === -1 ? lines : lines.slice(0, tooMuch);
};

const lineEntry = (line: Line): AnswerEntry & { readonly data: string } => ({
  data: fenceLine(`${line.run_id.slice(-8)} ${lineLabel(line)}`, line.text),
  cursor: line.position,
});

const runOf = ({ run_id: run, job_id: job, run_status: status, run_created_at: at }: Line, { iso }: ToolContext) => ({
  run,
  job,
  status,
  created: iso(at),
});

/** Returns the runs of lines, each with how many lines of it are shown. */
const runsOf = (lines: readonly Line[], context: ToolContext) => {
  const byRun = Map.groupBy(lines, ({ run_id }) => run_id);
  return [...byRun.values()].flatMap((ofRun) =>
    ofRun.slice(0, 1).map((line) => ({ ...runOf(line, context), lines: ofRun.length })),
  );
};

const notSearched = ({ index }: Found, next: string | null, { iso }: ToolContext): string => {
  if (next !== null) return "what is older; the cursor continues there";
  if (index.full) return `runs created before ${iso(index.reaches_to)}: they do not fit into the index`;
  return "nothing but runs that have not ended, which read_log with match searches";
};
