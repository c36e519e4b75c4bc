import { defaultZone, urlOf } from "../../../app/settings/settings.ts";
import { whyShutNow } from "../../../client/why/gate.ts";
import { type JobFacts, readJobFacts } from "../../../client/why/job-facts.ts";
import { explainOccurrence } from "../../../client/why/occurrence.ts";
import {
  blockerTexts,
  deliveryTexts,
  expectationSentence,
  historyTexts,
  lastRunText,
  nextRunText,
  type TimeContext,
  triggerTexts,
  unfiredSentence,
} from "../../../client/why/sentences.ts";
import { deliveryText } from "../../../domain/words/deliveries/delivery.ts";
import { failureText, failureWords } from "../../../domain/words/failure.ts";
import { markTexts } from "../../../domain/words/inbox/mark.ts";
import { openClient } from "../../client/client.ts";
import { askHealth, type HealthAnswer } from "../../client/health.ts";
import { noteNewId } from "../../client/job-note.ts";
import { defineCommand } from "../../command.ts";
import { EXIT } from "../../exit.ts";
import { runName } from "../../run-display/short-id.ts";
import { fold } from "../../terminal/columns.ts";
import { readableLocal } from "../../terminal/local-time.ts";
import { paint, type Screen } from "../../terminal/terminal.ts";
import { oneLine } from "../../terminal/text-width.ts";

const PAST_OCCURRENCES = 20;
const UPCOMING_OCCURRENCES = 3;

/** Maximum number of lines for past occurrences. */
const HISTORY_LINES = 8;

export const why = defineCommand({
  name: "why",
  summary: "Explain why a job ran or did not run",
  description:
    "Explains a job of the running petit: why it ran last and with which outcome, when it runs next, what blocks it now, and " +
    "the outcomes of its latest occurrences and of the events that reached it. With --json, prints all of it as one object.",
  args: { JOB: { type: "positional", required: true, description: "The id of the job." } },
  settings: ["timezone"],
  examples: ["petit why hello_world", "petit why data_pipeline --json"],
  run: async ({ JOB }, context) => {
    const health = askHealth(urlOf(context.settings));
    const facts = await readJobFacts(JOB, {
      client: openClient(context),
      health: health.then((answer) => (answer.kind === "petit" ? answer : null)),
      past: PAST_OCCURRENCES,
      upcoming: UPCOMING_OCCURRENCES,
    });
    const { out } = context.terminal;
    noteNewId(JOB, facts.job.id, context);
    const zone = facts.job.timezone ?? defaultZone(context.settings);
    const time = { now: context.clock.now(), atText: (at: number) => readableLocal(at, zone) };
    out.write(context.json ? asJson(facts, time, await health) : asText(withRunNames(facts, out), time, out));
    return EXIT.DONE;
  },
});

/** Shortens the ids of runs on a terminal. */
const withRunNames = (facts: JobFacts, out: Screen): JobFacts => {
  const { lastRun, occurrences, deliveries } = facts;
  const nameOf = (id: string | null): string | null => (id === null ? null : runName(id, out));
  return {
    ...facts,
    lastRun:
      lastRun === null
        ? null
        : {
            ...lastRun,
            id: runName(lastRun.id, out),
            retry_of: nameOf(lastRun.retry_of),
            parent: lastRun.parent === null ? null : { ...lastRun.parent, run_id: runName(lastRun.parent.run_id, out) },
          },
    occurrences: occurrences.map((each) => ({ ...each, run_id: nameOf(each.run_id) })),
    deliveries: deliveries.map((each) => ({ ...each, run_id: nameOf(each.run_id) })),
  };
};

const asText = (facts: JobFacts, time: TimeContext, out: Screen): string => {
  const blockers = blockerTexts(facts, time);
  const history = historyTexts(facts, time);
  const unfired = unfiredSentence(facts, time);
  const expectation = expectationSentence(facts, time);
  const known = markTexts(facts.attention, time.atText);
  const triggers = triggerTexts(facts);
  const links = Object.entries(facts.job.links).map(([name, url]) => `${name}: ${url}`);
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ["job", [titleOf(facts)]],
    ...(links.length === 0 ? [] : ([["links", links]] as const)),
    ...(triggers.length === 0 ? [] : ([["started by", triggers]] as const)),
    ["last run", [lastRunText(facts, time), ...failureLines(facts)]],
    ...(unfired === null ? [] : ([["not run", [unfired]]] as const)),
    ...(expectation === null ? [] : ([["expected", [expectation]]] as const)),
    ...(known.length === 0 ? [] : ([["known", known]] as const)),
    ["next run", [nextRunText(facts, time)]],
    ["blocked by", blockers.length === 0 ? ["nothing"] : blockers],
    ...(facts.deliveries.length === 0
      ? []
      : ([["events", deliveryTexts(facts, time).slice(0, HISTORY_LINES)]] as const)),
    ["history", history.length === 0 ? ["no occurrences yet"] : history.slice(0, HISTORY_LINES)],
  ];
  return rows.map(([name, lines]) => section(name, lines, out)).join("");
};

/** Returns why the last run failed with its line of output, as lists show it; none without a line, because the result says the rest. */
const failureLines = ({ lastRun }: JobFacts): readonly string[] => {
  const failure = lastRun?.failure ?? null;
  const words = failure === null ? null : failureWords(failure, lastRun?.error);
  return words === null || words.line === null ? [] : [failureText(words)];
};

const WIDTH = 12;
const INDENT = " ".repeat(WIDTH);

const section = (name: string, lines: readonly string[], out: Screen): string =>
  lines
    .map(
      (line, index) =>
        `${paint(out, "bold", (index === 0 ? name : "").padEnd(WIDTH))}${fold(oneLine(line), INDENT, out)}\n`,
    )
    .join("");

const titleOf = ({ job }: JobFacts): string => {
  const former = job.formerly.length === 0 ? "" : `; formerly ${job.formerly.join(", ")}`;
  const schedule = job.schedule === null ? "no schedule" : job.schedule.join(" and ");
  const zone = job.timezone === null ? "" : ` in ${job.timezone}`;
  const source = `${job.source.file}:${job.source.line}`;
  const place = job.gone ? `gone, it was in ${source}` : source;
  return `${job.id}${job.name === job.id ? "" : ` (${job.name})`}: ${schedule}${zone}; ${place}${former}`;
};

const asJson = (facts: JobFacts, time: TimeContext, health: HealthAnswer): string => {
  const { job, lastRun, waiting, queue, occurrences, upcoming, gates, state, deliveries } = facts;
  const body = {
    job,
    last_run: lastRun === null ? null : { ...lastRun, explanation: lastRunText(facts, time) },
    not_run: unfiredSentence(facts, time),
    expected: expectationSentence(facts, time),
    attention: facts.attention,
    next: { at: upcoming[0] ?? null, coming: upcoming, explanation: nextRunText(facts, time) },
    in_its_way: blockerTexts(facts, time),
    occurrences: occurrences.map((each) => ({ ...each, explanation: explainOccurrence(each, facts) })),
    deliveries: deliveries.map((each) => ({ ...each, explanation: deliveryText(each) })),
    gates: gates.map((each) => ({ ...each.gate, shut: whyShutNow(each, time.now), last_run: each.runs?.[0] ?? null })),
    pending: waiting.count,
    queue,
    scheduler: state,
    health:
      health.kind === "petit" ? { status: health.status, version: health.version, reasons: health.reasons } : null,
  };
  return `${JSON.stringify(body, null, 2)}\n`;
};
