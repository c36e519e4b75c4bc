import { defaultZone } from "../../../app/settings/settings.ts";
import type { Client } from "../../../client/client.ts";
import type { ResponseBody } from "../../../client/routes.ts";
import { isFinal, RUN_STATUSES } from "../../../domain/run.ts";
import { formatSize } from "../../../lib/size.ts";
import { escapeUnprintable } from "../../../lib/text.ts";
import { openClient } from "../../client/client.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT, Failure } from "../../exit.ts";
import { parseSince, readCount } from "../../flag-values.ts";
import { runName } from "../../run-display/short-id.ts";
import { TAG_FLAG } from "../../tags.ts";
import { readableLocal } from "../../terminal/local-time.ts";
import { paint, type Screen } from "../../terminal/terminal.ts";
import { oneLine } from "../../terminal/text-width.ts";

const ENDED = RUN_STATUSES.filter(isFinal);

const DEFAULT_LIMIT = 20;
const LIMIT = { flag: "--limit", max: 10_000 } as const;
/** Lines that one request asks for. */
const PAGE = 500;

const CONTEXT = { flag: "--context", max: 5 } as const;

export const search = defineCommand({
  name: "search",
  summary: "Search the output of all runs",
  description:
    "Finds lines of ended runs that contain a text of 3 or more characters, the newest run first, and in a run its last line first. Upper and " +
    "lower case are equal. The exit status is 1 if no line is found. If older runs do not fit into the index, a message says so.",
  args: {
    TEXT: { type: "positional", required: true, description: "What the lines contain." },
    regex: {
      type: "boolean",
      alias: "E",
      description:
        "TEXT is a regular expression in RE2's syntax, which has no lookaround and no backreferences. It must contain some text of 3 or more characters.",
    },
    job: { type: "string", valueHint: "JOB", description: "Only runs of this job." },
    tag: {
      ...TAG_FLAG,
      description: "Only runs of jobs with this tag; several tags, separated by commas, must all be there.",
    },
    since: {
      type: "string",
      valueHint: "TIME",
      description: "Only lines since a time: 10m ago, friday, or 2026-03-08T01:30.",
    },
    stream: { type: "string", valueHint: "stdout|stderr", description: "Only this stream. [default: both]" },
    status: {
      type: "string",
      valueHint: ENDED.join("|"),
      description: "Only runs that ended like this. [default: all]",
    },
    context: {
      type: "string",
      alias: "C",
      valueHint: "N",
      description: "Also print N lines before and after each, at most 5. [default: 0]",
    },
    limit: { type: "string", alias: "n", valueHint: "N", description: `Maximum of lines. [default: ${DEFAULT_LIMIT}]` },
    before: { type: "string", valueHint: "NEXT", description: "Continue a search: the 'next' of its answer." },
  },
  settings: ["timezone"],
  examples: [
    "petit search 'connection refused'",
    "petit search timeout --job data_pipeline --since 7d --stream stderr",
    "petit search --regex 'exit (code|status) [1-9]' --tag nightly -C 2",
  ],
  run: async ({ TEXT, regex, job, tag, since, stream, status, context: around, limit: given, before }, context) => {
    const limit = readCount(given, LIMIT) ?? DEFAULT_LIMIT;
    const lines = around === "0" ? 0 : (readCount(around, CONTEXT) ?? 0);
    const { clock, settings, json, terminal } = context;
    const zone = defaultZone(settings);
    const query = {
      q: TEXT,
      regex,
      job,
      tag,
      stream,
      status,
      since: since === undefined ? undefined : parseSince(since, { now: clock.now(), zone }),
      context: lines,
    };
    const client = openClient(context, { timeoutMs: TIMEOUT_MS });
    const found = await readPages(limit, before, (page) => client.get("/api/search", { query: { ...query, ...page } }));
    const { out, err } = terminal;
    if (json) out.write(`${JSON.stringify(found, null, 2)}\n`);
    else out.write(textOf(found.lines, { zone, hasContext: lines > 0 }, out));
    if (!json) for (const text of notes(found, context)) err.write(paint(err, "dim", `${text}\n`));
    if (found.count > 0 || json) return found.count > 0 ? EXIT.DONE : EXIT.FAILED;
    throw new Failure(EXIT.FAILED, `no line contains '${oneLine(TEXT)}'`);
  },
});

/** A search takes up to 10 s. */
const TIMEOUT_MS = 40_000;

type Found = ResponseBody<"get", "/api/search">;
type Line = Found["lines"][number];

type Page = { readonly limit: number; readonly before: string | undefined };

/** Reads pages until there are `limit` lines: a search can end before its page is full. */
const readPages = async (
  limit: number,
  before: string | undefined,
  read: (page: Page) => Promise<Awaited<ReturnType<Client["get"]>> & Found>,
): Promise<Found> => {
  const lines: Line[] = [];
  for (let from = before; ; ) {
    const page = await read({ limit: Math.min(PAGE, limit - lines.length), before: from });
    lines.push(...page.lines);
    if (page.next === null || lines.length >= limit) return { ...page, lines, count: lines.length };
    from = page.next;
  }
};

type TextOptions = { readonly zone: string; readonly hasContext: boolean };

/** Returns a heading for each task of a run, and its lines with their numbers. */
const textOf = (lines: readonly Line[], { zone, hasContext }: TextOptions, out: Screen): string => {
  let text = "";
  let heading = "";
  for (const line of lines) {
    const item = line.item === undefined ? "" : `[${line.item_key ?? line.item}]`;
    const attempt = line.attempt > 1 ? `, attempt ${line.attempt}` : "";
    const next = `${line.job_id} ${line.task_id}${item}${attempt}  run ${runName(line.run_id, out)}  ${readableLocal(line.at, zone)}`;
    const of = `${line.run_id} ${line.task_id} ${item} ${line.attempt}`;
    if (of !== heading) text += `${heading === "" ? "" : "\n"}${paint(out, "bold", escapeUnprintable(next))}\n`;
    else if (hasContext) text += "  --\n";
    heading = of;
    for (const each of line.before) text += contextLine(each, out);
    text += `${paint(out, "cyan", numberOf(line.seq))}  ${marked(line, out)}\n`;
    for (const each of line.after) text += contextLine(each, out);
  }
  return text;
};

const numberOf = (seq: number): string => String(seq).padStart(6);

const contextLine = ({ seq, text }: { readonly seq: number; readonly text: string }, out: Screen): string =>
  paint(out, "dim", `${numberOf(seq)}  ${escapeUnprintable(text)}\n`);

const marked = ({ text, start, end }: Line, out: Screen): string =>
  `${escapeUnprintable(text.slice(0, start))}${paint(out, "red", escapeUnprintable(text.slice(start, end)))}${escapeUnprintable(text.slice(end))}`;

/** Says what was not searched. */
const notes = ({ next, index }: Found, { settings, terminal: { err } }: Context): readonly string[] => {
  const to = index.reaches_to === null ? "" : ` back to ${readableLocal(index.reaches_to, defaultZone(settings))}`;
  const size = index.size_bytes === null ? "" : ` of ${formatSize(index.size_bytes)}`;
  return [
    ...(next !== null && err.isTerminal ? [`for older lines: --before ${next}`] : []),
    ...(index.building && err.isTerminal
      ? ["petit is still building the index; until then a search takes longer"]
      : []),
    ...(index.fault !== null && err.isTerminal
      ? ["petit can't write the index; until then a search takes longer ('petit status' says why)"]
      : []),
    ...(index.full ? [`older runs do not fit into the index${size}; petit searches runs${to}`] : []),
  ];
};
