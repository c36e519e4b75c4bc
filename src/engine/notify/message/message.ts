import type { MissReason } from "../../../domain/schedule/occurrence.ts";
import { durationText } from "../../../domain/words/duration.ts";
import { REASON_TEXT } from "../../../domain/words/run.ts";
import { paramsText } from "../../../domain/words/run-facts.ts";
import { OCCURRENCE_REASON_TEXT } from "../../../domain/words/schedule/occurrence.ts";
import { formatDuration } from "../../../lib/duration.ts";
import { assertNever } from "../../../lib/never.ts";
import { removeEscapes } from "../../../lib/text.ts";
import { type FailedTask, type NotificationBody, TAIL_BYTES } from "../notification-body.ts";
import { cutEnd } from "./cut.ts";

/**
 * A message for a person, without the markup of any service. Every text can contain what a task printed, so each service
 * escapes all of them.
 */
export type Message = {
  readonly tone: "bad" | "warning" | "good" | "neutral";
  /** What happened to which job, in one line of at most 140 characters. */
  readonly title: string;
  /** What is known about it: at most 9 lines with 2,500 characters in total. */
  readonly lines: readonly string[];
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  /** The last lines of the output, at most 10 with 500 characters each. Empty if there are none. */
  readonly output: string;
  /** For `output`: the end of the output, at most 10 kB, for services without a narrow limit. Otherwise empty. */
  readonly longOutput: string;
  /** Commands with which a person can act. */
  readonly commands: readonly string[];
  /** Pages on which a person can act, at most 8: first petit's own. */
  readonly links: readonly { readonly name: string; readonly url: string }[];
};

const MAX_NAME = 100;
const MAX_LINE = 300;
const MAX_PROMPT = 1_000;
const MAX_DIGEST_LINE = 270;
const MAX_LISTED = 5;
const MAX_LINKS = 8;

/** Returns the message about an event. */
export const messageOf = (body: NotificationBody): Message => ({
  tone: toneOf(body),
  title: titleOf(body),
  lines: linesOf(body).filter((line) => line !== ""),
  facts: factsOf(body),
  output: outputOf(body),
  longOutput: body.event === "output" ? longOutputOf(body) : "",
  commands: body.approval === null ? [] : Object.values(body.approval.commands),
  links: linksOf(body),
});

const MAX_OUTPUT_LINES = 10;
const MAX_OUTPUT_LINE = 500;

const outputOf = (body: NotificationBody): string => {
  if (body.event === "failure") return body.error_lines.map(clean).join("\n").trimEnd();
  if (body.event !== "output") return "";
  const lines = clean(body.log_tail ?? "")
    .split("\n")
    .filter((line) => line.trim() !== "");
  return lines
    .slice(-MAX_OUTPUT_LINES)
    .map((line) => cutEnd(line, MAX_OUTPUT_LINE))
    .join("\n");
};

/** A character that was cut in two is left out, so a tail that was cut can be up to 3 bytes shorter than the maximum. */
const longOutputOf = ({ log_tail, run }: NotificationBody): string => {
  const text = log_tail ?? "";
  const isCut = Buffer.byteLength(text) > TAIL_BYTES - 4;
  return `${isCut ? `… (all of it: petit logs ${run?.id ?? ""})\n` : ""}${clean(text).trimEnd()}`;
};

const toneOf = ({ event, digest }: NotificationBody): Message["tone"] => {
  switch (event) {
    case "failure":
    case "missed":
    case "stale":
      return "bad";
    case "late":
    case "approval":
    case "cancelled":
      return "warning";
    case "recovery":
    case "success":
      return "good";
    case "digest":
    case "test":
      return digest?.is_broken === true ? "warning" : "neutral";
    case "started":
    case "output":
      return "neutral";
    default:
      return assertNever(event);
  }
};

const titleOf = (body: NotificationBody): string => {
  const name = lineOf(body.job.name, MAX_NAME);
  switch (body.event) {
    case "failure":
      return `${name} ${body.run?.status === "interrupted" ? "was interrupted" : "failed"}`;
    case "recovery":
      return `${name} recovered`;
    case "success":
      return `${name} completed`;
    case "cancelled":
      return `${name} was cancelled`;
    case "missed":
      return `${name} missed ${body.missed?.count === 1 ? "an occurrence" : `${body.missed?.count ?? 0} occurrences`}`;
    case "started":
      return `${name} started`;
    case "output":
      return body.run?.status === "completed" ? `${name} printed output` : `${name} failed and printed output`;
    case "late":
      return `${name} is late`;
    case "stale":
      return `${name} is stale`;
    case "approval":
      return `${name} waits for approval`;
    case "test":
      return body.digest === undefined ? `Test of ${name}` : lineOf(`Test of the digest: ${body.digest.title}`, 140);
    case "digest":
      return lineOf(body.digest?.title ?? "Review", 140);
    default:
      return assertNever(body.event);
  }
};

const linesOf = (body: NotificationBody): readonly string[] => {
  switch (body.event) {
    case "failure":
      return failureLines(body);
    case "recovery":
      return recoveryLines(body);
    case "missed":
      return missedLines(body);
    case "late":
      return lateLines(body);
    case "stale":
      return staleLines(body);
    case "approval":
      return approvalLines(body);
    case "test":
      return body.digest === undefined
        ? ["This is a test of the notifications of the job. Nothing has happened."]
        : ["This is a test. The digest itself is sent at its time.", ...digestLines(body)];
    case "output":
      return body.run?.status === "completed" ? [] : failureLines(body);
    case "digest":
      return digestLines(body);
    case "success":
    case "cancelled":
    case "started":
      return [];
    default:
      return assertNever(body.event);
  }
};

const digestLines = ({ digest }: NotificationBody): readonly string[] =>
  (digest?.lines ?? []).map((line) => lineOf(line, MAX_DIGEST_LINE));

const failureLines = ({ run, failed_tasks: failed }: NotificationBody): readonly string[] => {
  if (failed.length === 0) return [lineOf(run?.error ?? "")];
  const more = failed.length - MAX_LISTED;
  const rest = more > 0 ? [`And ${more} more failed ${more === 1 ? "task" : "tasks"}.`] : [];
  return [...failed.slice(0, MAX_LISTED).map(failedTaskLine), ...rest];
};

const failedTaskLine = ({ task_id, error, reason, attempts }: FailedTask): string => {
  const why = error ?? (reason === null ? "unknown reason" : REASON_TEXT[reason]);
  const tries = attempts > 1 ? ` (${attempts} attempts)` : "";
  return lineOf(`Task ${task_id}: ${lineOf(why, MAX_LINE - 160)}${tries}`);
};

const missedLines = ({ missed }: NotificationBody): readonly string[] => {
  if (missed === null) return [];
  const listed = missed.occurrences.slice(-MAX_LISTED);
  const earlier = missed.count - listed.length;
  const lines = listed.map(({ scheduled_for, reason }) => `${timeText(scheduled_for)}: ${missReason(reason)}`);
  return earlier > 0 ? [`${earlier} earlier ${earlier === 1 ? "one" : "ones"}, and:`, ...lines] : lines;
};

const missReason = (reason: string): string =>
  Object.hasOwn(OCCURRENCE_REASON_TEXT, reason) ? OCCURRENCE_REASON_TEXT[reason as MissReason] : reason;

const lateLines = ({ late }: NotificationBody): readonly string[] =>
  late === null
    ? []
    : [`The run was due at ${timeText(late.due_at)}, and has not ended within ${formatDuration(late.warn_after_ms)}.`];

const staleLines = ({ stale }: NotificationBody): readonly string[] => {
  if (stale === null) return [];
  const { success_within_ms: withinMs, last_success_at: last } = stale;
  const completed = last === null ? "No run has completed yet" : `The last completed run ended at ${timeText(last)}`;
  return [`${completed}, although one is expected within ${formatDuration(withinMs)}.`];
};

const recoveryLines = ({ stale, run }: NotificationBody): readonly string[] => {
  if (run === null) return ["Its job file was changed, and by that no run is overdue."];
  if (stale === null) return ["The run completed, and the last run before it had not."];
  const { last_success_at: last, success_within_ms: withinMs } = stale;
  const before = last === null ? "none had before" : `the last one before it had at ${timeText(last)}`;
  return [`The run completed, and ${before}, although one is expected within ${formatDuration(withinMs)}.`];
};

const approvalLines = ({ approval }: NotificationBody): readonly string[] => {
  if (approval === null) return [];
  const { task_id, prompt, expires_at, on_timeout } = approval;
  const decided = on_timeout === "approve" ? "approved" : "rejected";
  return [
    lineOf(prompt ?? `Task ${task_id} waits for a person.`, MAX_PROMPT),
    expires_at === null ? "" : `Without an answer it is ${decided} at ${timeText(expires_at)}.`,
  ];
};

const factsOf = ({ job, run, approval, digest }: NotificationBody): Message["facts"] => {
  const facts: [name: string, value: string][] =
    digest === undefined
      ? [["Job", job.id]]
      : [
          ["From", timeText(digest.from)],
          ["To", timeText(digest.to)],
          ...(digest.tag === null ? [] : [["Tag", digest.tag] satisfies [string, string]]),
        ];
  if (approval !== null) facts.push(["Task", approval.task_id]);
  const params = paramsText(approval?.params ?? {});
  if (params !== "") facts.push(["Params", lineOf(params)]);
  if (run !== null) {
    const due = run.scheduled_for === null ? "" : `, due at ${timeText(run.scheduled_for)}`;
    facts.push(["Run", run.id], ["Trigger", run.trigger + personText(run.triggered_by) + due]);
    if (run.cancelled_by != null) facts.push(["Cancelled by", lineOf(run.cancelled_by, MAX_NAME)]);
    if (run.duration_ms !== null) facts.push(["Duration", durationText(run.duration_ms)]);
  }
  return facts.map(([name, value]) => ({ name, value: clean(value) }));
};

const personText = (by: string | null | undefined): string => (by == null ? "" : ` by ${lineOf(by, MAX_NAME)}`);

const linksOf = ({ url, run, links, digest }: NotificationBody): Message["links"] => {
  const own = url === null ? [] : [{ name: digest !== undefined ? "Review" : run === null ? "Job" : "Run", url }];
  const others = Object.entries(links).map(([name, href]) => ({ name: lineOf(name, MAX_NAME), url: href }));
  return [...own, ...others].slice(0, MAX_LINKS);
};

/** Returns a time such as `2026-01-01 02:00:00 UTC`. */
const timeText = (at: number): string =>
  new Date(at)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");

/** Returns a text as one line. */
const lineOf = (text: string, length = MAX_LINE): string => cutEnd(clean(text).replace(/\s+/g, " ").trim(), length);

/** Removes the escape sequences of terminals, control characters, and characters that change the direction of text. */
const clean = (text: string): string => removeEscapes(text).replace(UNPRINTABLE, "").toWellFormed();

const UNPRINTABLE = /(?![\t\n])[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
