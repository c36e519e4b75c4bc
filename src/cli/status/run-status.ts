import { defaultZone } from "../../app/settings/settings.ts";
import type { Client } from "../../client/client.ts";
import { ifShown } from "../../client/error.ts";
import { relativeText } from "../../domain/words/duration.ts";
import { decisionsOf, decisionText } from "../../domain/words/people/decision.ts";
import { causeFacts, otherParamsText, type RunFactValue, timeFacts } from "../../domain/words/run-facts.ts";
import { notInUseText, shortCommit } from "../../domain/words/versions/repository.ts";
import { shownStatusOf } from "../../domain/words/waiting-for.ts";
import { waitsForText } from "../../domain/words/waits-for.ts";
import { assertNever } from "../../lib/never.ts";
import { formatRoundedSize } from "../../lib/size.ts";
import { pluralize } from "../../lib/text.ts";
import { failureReport } from "../client/failure-report.ts";
import type { RunSnapshot, TaskBody } from "../client/run-snapshot.ts";
import type { Context } from "../command.ts";
import { FEW_TASKS, statusCounts } from "../run-display/frame.ts";
import { runName } from "../run-display/short-id.ts";
import { durationText, styleOf } from "../run-display/status-text.ts";
import { commandLines, fold } from "../terminal/columns.ts";
import { readableLocal } from "../terminal/local-time.ts";
import { paint, type Screen } from "../terminal/terminal.ts";
import { oneLine } from "../terminal/text-width.ts";
import { statusText, taskTable } from "./task-table.ts";

type RunTextOptions = {
  readonly snapshot: RunSnapshot;
  /** Whether to list all tasks on a terminal. */
  readonly all: boolean;
};

/** Returns a run and its tasks as text. Of a run that failed, it ends with the last error lines and the next commands. */
export const runStatusText = async (
  client: Client,
  { snapshot, all }: RunTextOptions,
  context: Context,
): Promise<string> => {
  const { out } = context.terminal;
  const parts = [
    runText(
      snapshot,
      { artifacts: await artifactsText(client, snapshot.run.id), commitInUse: await readCommitInUse(client, snapshot) },
      context,
    ),
    tasksText(snapshot.tasks, all, context) + childrenNote(snapshot, context),
    approvalCommands(snapshot, out),
    await failureReport(client, { snapshot, withLines: true, screen: out }),
  ];
  return parts.filter((part) => part !== "").join("\n");
};

/** Returns the commands that answer the first approval that waits. */
const approvalCommands = ({ run, tasks }: RunSnapshot, screen: Screen): string => {
  const [asking] = tasks.filter(isAsking);
  if (asking === undefined) return "";
  const target = `${runName(run.id, screen)} ${asking.task_id}`;
  return commandLines(
    [
      [`petit approve ${target}`, "lets the run continue"],
      [`petit reject ${target}`, "fails the task"],
    ],
    screen,
  );
};

const isAsking = ({ status: word, approval }: TaskBody): boolean => word === "running" && approval !== null;

/** Returns what a run waits for: a limit, or the approvals of its tasks. */
const waitingTexts = ({ run, tasks }: RunSnapshot): readonly string[] =>
  run.waits_for === null
    ? tasks
        .filter(isAsking)
        .map(({ task_id, approval }) =>
          oneLine(`approval of task '${task_id}'${approval?.prompt == null ? "" : `: ${approval.prompt}`}`),
        )
    : [waitsForText(run.waits_for)];

/** Says how to list the runs that the items of a task started. */
const childrenNote = ({ run, tasks }: RunSnapshot, { terminal: { out } }: Context): string => {
  if (!out.isTerminal || !tasks.some(({ runs_job, items }) => runs_job !== null && items !== null)) return "";
  return `${paint(out, "dim", `'petit runs --parent ${runName(run.id, out)}' lists the runs of the items`)}\n`;
};

/** Returns a table of the tasks. Of many tasks, a terminal shows those that run or failed. */
const tasksText = (tasks: readonly TaskBody[], all: boolean, context: Context): string => {
  const { out } = context.terminal;
  if (all || !out.isTerminal || tasks.length <= FEW_TASKS)
    return taskTable(tasks, { screen: out, now: context.clock.now() });
  const shown = tasks.filter(({ status: word }) => word === "running" || word === "failed");
  const others = tasks.filter((task) => !shown.includes(task));
  const counts = `${shown.length === 0 ? "" : "… "}${others.length} ${shown.length === 0 ? "tasks" : "more"}: ${statusCounts(others)}; --all lists them`;
  return `${taskTable(shown, { screen: out, now: context.clock.now() })}${paint(out, "dim", counts)}\n`;
};

/** Returns how many artifacts a run has, and the command that lists them; empty if it has none. */
const artifactsText = async (client: Client, runId: string): Promise<string> => {
  const { artifacts, count } = await client.get("/api/runs/:run_id/artifacts", { params: { run_id: runId } });
  if (count === 0) return "";
  const bytes = artifacts.reduce((sum, { size }) => sum + size, 0);
  return `${pluralize(count, "file")}, ${formatRoundedSize(bytes)}: petit artifacts ${runName(runId, PLAIN)}`;
};

const PLAIN = { isTerminal: true };

/** Returns the commit of the job files in use, if the run has one and it is known. */
const readCommitInUse = async (client: Client, { run }: RunSnapshot): Promise<string | null> =>
  run.commit == null ? null : ((await ifShown(client.get("/api/job-repository")))?.commit?.id ?? null);

/** What a run does not say of itself. */
type Around = { readonly artifacts: string; readonly commitInUse: string | null };

const runText = (snapshot: RunSnapshot, { artifacts, commitInUse }: Around, context: Context): string => {
  const { run } = snapshot;
  const { out } = context.terminal;
  const rows: readonly (readonly [string, string])[] = [
    ["run", run.id],
    ["job", run.job_id],
    ["status", paint(out, styleOf(shownStatusOf(run)), statusText(run, out))],
    ["recovered", recoveryText(snapshot, context)],
    ["warnings", warningsText(snapshot, out)],
    ...waitingTexts(snapshot).map((text, index) => [index === 0 ? "waits for" : "", text] as const),
    ...[...causeFacts(run), ...timeFacts(run)].flatMap(({ name, value }) =>
      name === undefined ? [] : [[name, factText(value, commitInUse, context)] as const],
    ),
    ...decisionRows(snapshot),
    ["artifacts", artifacts],
    ...linkRows(run),
  ];
  return rows
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name.padEnd(NAME_WIDTH)}${fold(value, " ".repeat(NAME_WIDTH), out)}\n`)
    .join("");
};

/** Returns who decided about the approvals of the run. */
const decisionRows = ({ tasks }: RunSnapshot): readonly (readonly [string, string])[] =>
  decisionsOf(tasks).map((decision, index) => [index === 0 ? "decided" : "", oneLine(decisionText(decision))]);

/** Returns what made a failed run good, to follow `recovered`. */
const recoveryText = ({ run: { recovered_by: by } }: RunSnapshot, context: Context): string =>
  by == null
    ? ""
    : `by ${runName(by.run_id, context.terminal.out)} at ${whenText(by.at, context)}${otherParamsText(by)}`;

const warningsText = ({ tasks }: RunSnapshot, screen: Screen): string => {
  const count = tasks.filter(({ allowed }) => allowed).length;
  return count === 0 ? "" : paint(screen, "yellow", `${pluralize(count, "task")} failed, which the job allows`);
};

const NAME_WIDTH = 10;

const factText = (value: RunFactValue, commitInUse: string | null, context: Context): string => {
  const { out } = context.terminal;
  switch (value.kind) {
    case "text":
      return oneLine(value.text);
    case "trigger":
      return value.trigger;
    case "time":
    case "occurrence":
      return whenText(value.at, context);
    case "since":
      return `since ${whenText(value.at, context)}`;
    case "duration":
      return durationText(value.ms);
    case "runs":
      return value.ids.map((id) => runName(id, out)).join(" ");
    case "commit":
      return [shortCommit(value.id), notInUseText(value.id, commitInUse)].filter((text) => text !== "").join(", ");
    case "task": {
      const item = value.item === null ? "" : `, item ${value.item}`;
      return `task '${value.taskId}'${item} of run ${runName(value.runId, out)}`;
    }
    default:
      return assertNever(value);
  }
};

/** Returns the links of the job, such as its runbook, if the run did not complete. */
const linkRows = ({ status: word, links }: RunSnapshot["run"]): readonly (readonly [string, string])[] =>
  word === "failed" || word === "interrupted"
    ? Object.entries(links).map(([name, url], index) => [index === 0 ? "links" : "", `${oneLine(name)}: ${url}`])
    : [];

/** Returns a time such as `2026-03-08 03:00:00 EDT`, on a terminal followed by how long ago it was. */
const whenText = (at: number | null, { terminal: { out }, settings, clock }: Context): string => {
  if (at === null) return "-";
  const absolute = readableLocal(at, defaultZone(settings));
  return out.isTerminal ? `${absolute} (${relativeText(at - clock.now())})` : absolute;
};
