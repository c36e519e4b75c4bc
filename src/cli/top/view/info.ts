import { isFinal } from "../../../domain/run.ts";
import { relativeText } from "../../../domain/words/duration.ts";
import { causeFacts, type RunFactValue, timeFacts, triggerText } from "../../../domain/words/run-facts.ts";
import { shortCommit } from "../../../domain/words/versions/repository.ts";
import { shownStatusOf, statusWords } from "../../../domain/words/waiting-for.ts";
import { waitsForText } from "../../../domain/words/waits-for.ts";
import { assertNever } from "../../../lib/never.ts";
import { pluralize } from "../../../lib/text.ts";
import { durationText, elapsedText, signOf, styleOf } from "../../run-display/status-text.ts";
import { oneLine } from "../../terminal/text-width.ts";
import type { ShownRun, TopState, View } from "../state/state.ts";
import { explaining, type Line, plain, rule, styled } from "./line.ts";
import { clockText } from "./rows.ts";

// What is above the lists of a job or a run. Each has as many lines as the layout gives it.

/** Returns five lines about a job. */
export const jobInfo = (state: TopState, { jobId }: Extract<View, { readonly kind: "job" }>): readonly Line[] => {
  const { columns, job: data } = state;
  const title = rule([styled("bold", `Job ${jobId}`)], columns);
  if (data?.jobId !== jobId) return [title, [styled("dim", " loading …")], [], [], []];
  const { detail, coming } = data;
  const summary = state.jobs.find(({ id }) => id === jobId);
  const schedule = detail.schedule === null ? "no schedule" : detail.schedule.join(", ");
  const zone = detail.timezone === null ? "" : ` ${detail.timezone}`;
  const params = Object.keys(detail.params);
  const usual = summary?.usual_duration_ms ?? null;
  return [
    title,
    [
      plain(` ${oneLine(detail.name)}`),
      styled("dim", detail.description === null ? "" : `  ${oneLine(detail.description)}`),
    ],
    [
      styled("dim", " schedule "),
      plain(`${schedule}${zone}${detail.enabled ? "" : " (disabled)"}`),
      styled("dim", "  usually "),
      plain(durationText(usual)),
      styled("dim", "  "),
      plain(pluralize(detail.tasks.length, "task")),
      styled("dim", params.length === 0 ? "" : `  params ${params.join(", ")}`),
    ],
    [
      styled("dim", " coming   "),
      plain(
        coming.length === 0 ? "none" : coming.map(({ scheduled_for }) => dueText(scheduled_for, state)).join("   "),
      ),
    ],
    [
      styled("dim", ` file     ${detail.source.file}:${detail.source.line}`),
      styled("dim", waitsText(detail.depends_on)),
    ],
  ];
};

const dueText = (at: number, { now, zone }: TopState): string =>
  `${at <= now ? "due" : relativeText(at - now)} (${clockText(at, { now, zone }).trim()})`;

const waitsText = (gates: readonly { readonly job_id: string }[]): string =>
  gates.length === 0 ? "" : `  waits for ${gates.map(({ job_id }) => job_id).join(", ")}`;

/** Returns three lines about a run. */
export const runInfo = (state: TopState, view: Extract<View, { readonly kind: "run" }>): readonly Line[] => {
  const { columns, run: data, now, zone } = state;
  const title = rule([styled("bold", `Run ${view.runId.slice(-8)} of ${view.jobId}`)], columns);
  if (data?.runId !== view.runId) return [title, [styled("dim", " loading …")], []];
  const { detail, tasks } = data;
  const at = detail.started_at ?? detail.created_at;
  const took =
    !isFinal(detail.status) && detail.started_at !== null
      ? elapsedText(now - detail.started_at)
      : durationText(detail.duration_ms);
  const failed = tasks.filter(
    ({ status, allowed, reason }) => status === "failed" && !allowed && reason !== "cancelled",
  ).length;
  const ended = tasks.filter(({ status }) => status !== "pending" && status !== "running").length;
  const params = Object.entries(detail.params).map(([name, value]) => `${name}=${oneLine(value)}`);
  return [
    title,
    [
      styled(styleOf(shownStatusOf(detail)), ` ${signOf(shownStatusOf(detail))} ${statusWords(detail)}`),
      plain(`  ${took}  `),
      plain(`${ended} of ${pluralize(tasks.length, "task")} done`),
      styled("red", failed === 0 ? "" : `, ${failed} failed`),
      styled("yellow", detail.warnings === 0 ? "" : `, ${pluralize(detail.warnings, "warning")}`),
      styled(
        "dim",
        `  ${detail.started_at === null ? "created" : "started"} ${relativeText(at - now)} (${clockText(at, { now, zone }).trim()})  ${oneLine(triggerText({ kind: "trigger", trigger: detail.trigger, by: detail.triggered_by }))}  `,
      ),
      styled("dim", params.length === 0 ? "" : params.join(" ")),
    ],
    [
      explaining(` ${oneLine(detail.error ?? openText(detail))}`, isFinal(detail.status) ? "red" : "yellow"),
      ...[...causeFacts(detail), ...timeFacts(detail)].map(({ phrase, value }) =>
        styled("dim", phrase === undefined ? "" : `  ${phrase} ${factText(value, now)}`),
      ),
    ],
  ];
};

/** Returns a value in as few characters as possible. */
const factText = (value: RunFactValue, now: number): string => {
  switch (value.kind) {
    case "text":
      return oneLine(value.text);
    case "trigger":
      return oneLine(triggerText(value));
    case "time":
    case "since":
    case "occurrence":
      return value.at === null ? "-" : relativeText(value.at - now);
    case "duration":
      return durationText(value.ms);
    case "runs":
      return value.ids.map((id) => id.slice(-8)).join(", ");
    case "commit":
      return shortCommit(value.id);
    case "task":
      return value.runId.slice(-8);
    default:
      return assertNever(value);
  }
};

/** Returns why a run has not ended, if there is something to say. */
const openText = ({ ending, waits_for }: ShownRun["detail"]): string => {
  if (ending !== null) return `ending: ${ending}`;
  return waits_for == null ? "" : `waits for ${waitsForText(waits_for)}`;
};
