import { isHandledEntry } from "../../../../domain/inbox/order.ts";
import { isFinal, type RunStatus } from "../../../../domain/run.ts";
import { paramsText } from "../../../../domain/words/run-facts.ts";
import { shortRunId } from "../../../../domain/words/run-path.ts";
import { taskLabel } from "../../../../domain/words/task.ts";
import { oneLine } from "../../../terminal/text-width.ts";
import type { TopAttention, TopJobDetail } from "../../data/shapes.ts";
import { attentionRows, subjectOf } from "../list/lists.ts";
import { type KeyPress, type Step, unchanged } from "../message.ts";
import { activeList, type FormField, type Overlay, type TopAction, type TopState } from "../state.ts";
import { searchBindings } from "./bindings.ts";

// What asks before something is changed, and the help. A dialog gets all keys.

type Confirm = Extract<Overlay, { readonly kind: "confirm" }>;
type Form = Extract<Overlay, { readonly kind: "form" }>;
type Help = Extract<Overlay, { readonly kind: "help" }>;

export const pressInOverlay = (state: TopState, overlay: Overlay, key: KeyPress): Step => {
  switch (overlay.kind) {
    case "help":
      return { state: { ...state, overlay: afterKeyInHelp(overlay, key) }, effects: [] };
    case "confirm":
      return afterKeyInConfirm(state, overlay, key);
    case "form":
      return afterKeyInForm(state, overlay, key);
  }
};

const afterKeyInHelp = (help: Help, key: KeyPress): Help | null => {
  if (key === "escape" || key === "enter" || (key === "?" && help.search === "") || (key === "q" && help.search === ""))
    return null;
  if (key === "up" || key === "page-up") return { ...help, top: Math.max(0, help.top - (key === "up" ? 1 : 10)) };
  if (key === "down" || key === "page-down") {
    const last = Math.max(0, searchBindings(help.search).length - 1);
    return { ...help, top: Math.min(last, help.top + (key === "down" ? 1 : 10)) };
  }
  return { ...help, search: typeText(help.search, key), top: 0 };
};

/** Enter chooses nothing, because it may follow the key that opened the question at once. */
const afterKeyInConfirm = (state: TopState, { choices }: Confirm, key: KeyPress): Step => {
  const closed = { ...state, overlay: null };
  const choice = choices.find((each) => each.key === key);
  if (choice !== undefined) return { state: closed, effects: [{ kind: "act", action: choice.action }] };
  return ["escape", "enter", "n", "q"].includes(key) ? { state: closed, effects: [] } : unchanged(state);
};

const afterKeyInForm = (state: TopState, form: Form, key: KeyPress): Step => {
  if (key === "escape") return { state: { ...state, overlay: null }, effects: [] };
  if (form.isBusy) return unchanged(state);
  const count = form.fields.length;
  const to = (field: number): Step => ({
    state: { ...state, overlay: { ...form, field, isTouched: true } },
    effects: [],
  });
  if (key === "up" || key === "shift-tab") return to((form.field + count - 1) % count);
  if (key === "down" || key === "tab") return to((form.field + 1) % count);
  if (key === "enter") {
    if (form.field < count - 1) return to(form.field + 1);
    return form.isTouched ? submit(state, form) : to(form.field);
  }
  const fields = form.fields.map((each, index) =>
    index === form.field ? { ...each, text: typeText(each.text, key) } : each,
  );
  return { state: { ...state, overlay: { ...form, fields, isTouched: true, error: null } }, effects: [] };
};

const submit = (state: TopState, form: Form): Step => {
  const missing = form.fields.findIndex(({ required, text }) => required && text === "");
  const name = form.fields[missing]?.name;
  if (name !== undefined) {
    return { state: { ...state, overlay: { ...form, field: missing, error: `${name} is required` } }, effects: [] };
  }
  return {
    state: { ...state, overlay: { ...form, isBusy: true, error: null } },
    effects: [{ kind: "act", action: actionOf(form) }],
  };
};

const actionOf = ({ purpose, fields }: Form): TopAction => {
  if (purpose.kind !== "trigger") return { ...purpose, comment: fields[0]?.text.trim() ?? "" };
  // An empty field is left out, so that petit uses the default.
  const typed = fields.filter(({ text }) => text !== "").map(({ name, text }) => [name, text]);
  return { ...purpose, params: Object.fromEntries(typed) };
};

/** Asks for the params of a job, or for confirmation if it has none. */
export const askTrigger = (state: TopState): Step => {
  const { jobId } = subjectOf(state);
  if (jobId === null) return unchanged(state);
  const job = state.jobs.find(({ id }) => id === jobId);
  if (job === undefined) return { state: refused(state, `job '${jobId}' does not exist any more`), effects: [] };
  if (job.has_params) return { state, effects: [{ kind: "load-params", jobId }] };
  const question: Confirm = {
    kind: "confirm",
    title: `Run ${jobId} now?`,
    lines: job.running > 0 ? [`It is running already (${job.running}).`] : [],
    choices: [{ key: "y", label: "run", action: { kind: "trigger", jobId, params: {} } }],
  };
  return { state: { ...state, overlay: question }, effects: [] };
};

/** Opens the dialog with the params of a job, filled with the defaults. */
export const withParams = (state: TopState, { id, params }: TopJobDetail): TopState => ({
  ...state,
  overlay: {
    kind: "form",
    purpose: { kind: "trigger", jobId: id },
    title: `Run ${id} with these params?`,
    lines: [],
    fields: Object.entries(params).map(
      ([name, param]): FormField => ({
        name,
        text: (param.secret ? null : param.default) ?? "",
        required: param.required && param.default === null,
        note: [param.description, param.enum === null || param.secret ? null : `one of ${param.enum.join(", ")}`]
          .filter((each) => each !== null)
          .join("; "),
      }),
    ),
    field: 0,
    isTouched: false,
    error: null,
    isBusy: false,
  },
});

export const askCancel = (state: TopState): TopState => {
  const { jobId, runId } = subjectOf(state);
  if (runId === null) return state;
  const status = statusOfRun(state, runId);
  if (status !== null && isFinal(status))
    return refused(state, `the newest run of ${jobId} has ended: it is ${status}`);
  return asked(
    state,
    `Cancel the run of ${jobId}?`,
    [["y", "cancel", { kind: "cancel", runId }]],
    ["Running tasks are ended, waiting ones skipped. Clean-up tasks still run; cancel again to end those too."],
  );
};

export const askRetry = (state: TopState): TopState => {
  const { jobId, runId } = subjectOf(state);
  if (runId === null) return state;
  const status = statusOfRun(state, runId);
  if (status !== null && !isFinal(status)) return refused(state, `the run of ${jobId} has not ended: it is ${status}`);
  const all = ["a", "all tasks again", { kind: "retry", runId, scope: { kind: "all" } }] as const;
  const rest = ["y", "retry", { kind: "retry", runId, scope: { kind: "rest" } }] as const;
  const ofRun = status === "completed" ? [all] : [rest, all];
  return asked(
    state,
    `Retry the run of ${jobId}?`,
    [...ofRun, ...taskRetries(state, runId)],
    [
      status === "completed"
        ? "The run completed."
        : `The run is ${status ?? "over"}. A retry reuses its completed tasks.`,
    ],
  );
};

/** The retries of the selected task of a run. */
const taskRetries = (state: TopState, runId: string): readonly (readonly [string, string, TopAction])[] => {
  const { taskId } = subjectOf(state);
  if (taskId === null || activeList(state) === "attention") return [];
  return [
    ["t", `only ${taskId}`, { kind: "retry", runId, scope: { kind: "task", taskId } }],
    ["f", `from ${taskId} on`, { kind: "retry", runId, scope: { kind: "from", taskId } }],
  ];
};

/** Asks about a task that waits for approval: the selected one, or the first of the run. */
export const askDecision = (state: TopState, kind: "approve" | "reject"): TopState => {
  const { jobId, runId } = subjectOf(state);
  const found = askingTask(state);
  if (runId === null || found === null) return refused(state, "no task here waits for approval");
  const { taskId, name, prompt, params } = found;
  const note =
    kind === "approve" ? "The task completes, and the run continues." : "The task fails with the reason 'rejected'.";
  return {
    ...state,
    overlay: {
      kind: "form",
      purpose: { kind, runId, taskId },
      title: `${kind === "approve" ? "Approve" : "Reject"} ${oneLine(taskLabel(name, taskId))} of ${jobId}?`,
      lines: [
        `Run ${shortRunId(runId)}${params === "" ? "" : ` (${oneLine(params)})`}`,
        ...(prompt === null ? [] : [oneLine(prompt)]),
        note,
      ],
      fields: [{ name: "comment", text: "", required: false, note: "Stored with the decision; can be empty." }],
      field: 0,
      isTouched: false,
      error: null,
      isBusy: false,
    },
  };
};

type AskingTask = {
  readonly taskId: string;
  readonly name: string;
  readonly prompt: string | null;
  /** The params of the run; empty if it has none. */
  readonly params: string;
};

/** Returns the task that waits for approval in what is selected; null if none does. */
export const askingTask = (state: TopState): AskingTask | null => {
  if (activeList(state) === "attention") {
    const item = attentionRows(state)[state.cursors.attention?.index ?? 0];
    if (item?.kind !== "approval_needed") return null;
    const { task_id, task_name: name = task_id, prompt, params = {} } = item;
    return { taskId: task_id, name, prompt, params: paramsText(params) };
  }
  const { taskId } = subjectOf(state);
  const asking = (state.run?.tasks ?? []).filter(({ approval, status }) => approval !== null && status === "running");
  const task = asking.find(({ task_id }) => task_id === taskId) ?? asking[0];
  if (task === undefined) return null;
  const params = paramsText(state.run?.detail.params ?? {});
  return { taskId: task.task_id, name: task.name, prompt: task.approval?.prompt ?? null, params };
};

export const askPause = (state: TopState): TopState =>
  state.system.scheduler.is_paused
    ? asked(state, "Resume all schedules?", [["y", "resume", { kind: "resume", jobId: null }]])
    : asked(
        state,
        "Pause all schedules?",
        [["y", "pause", { kind: "pause", jobId: null }]],
        [
          "Occurrences are skipped until somebody resumes the schedules, even over a restart. Manual triggers still work.",
        ],
      );

export const askPauseJob = (state: TopState): TopState => {
  const { jobId } = subjectOf(state);
  const job = state.jobs.find(({ id }) => id === jobId);
  if (job === undefined) return state;
  if (job.paused) return asked(state, `Resume ${job.id}?`, [["y", "resume", { kind: "resume", jobId: job.id }]]);
  const note =
    "Its occurrences are skipped until somebody resumes it, even over a restart. Manual triggers still work.";
  return asked(state, `Pause ${job.id}?`, [["y", "pause", { kind: "pause", jobId: job.id }]], [note]);
};

const HOUR_MS = 3_600_000;

/** Asks how to handle the selected entry of what needs attention. An older petit sends no ids. */
export const askHandling = (state: TopState): TopState => {
  const item = attentionRows(state)[state.cursors.attention?.index ?? 0];
  if (item?.id === undefined) return state;
  const { id: entryId, message } = item;
  if (isHandledEntry(item))
    return asked(state, "Take it back?", [["y", "yes", { kind: "unhandle", entryId }]], [message]);
  const note = "Everybody sees it. Further failures of the same cause send no notification, until it gets worse.";
  return asked(
    state,
    "Acknowledge or snooze?",
    [
      ["a", "acknowledge", { kind: "acknowledge", entryId }],
      ["h", "snooze for an hour", { kind: "snooze", entryId, forMs: HOUR_MS }],
      ["d", "for a day", { kind: "snooze", entryId, forMs: 24 * HOUR_MS }],
      ["c", "until it changes", { kind: "snooze", entryId, forMs: null }],
    ],
    [message, note],
  );
};

export const askReload = (state: TopState): TopState =>
  asked(state, "Read the job files again?", [["y", "reload", { kind: "reload" }]]);

/** Shows something that needs attention and has no run. */
export const showAttention = (state: TopState, { message }: TopAttention): TopState =>
  asked(state, "Needs attention", [], [message]);

const asked = (
  state: TopState,
  title: string,
  choices: readonly (readonly [string, string, TopAction])[],
  lines: readonly string[] = [],
): TopState => ({
  ...state,
  overlay: { kind: "confirm", title, lines, choices: choices.map(([key, label, action]) => ({ key, label, action })) },
});

const statusOfRun = ({ runs, run, job, jobs }: TopState, runId: string): RunStatus | null => {
  if (run?.runId === runId) return run.detail.status;
  const found = [...runs, ...(job?.runs ?? [])].find(({ id }) => id === runId);
  return found?.status ?? jobs.find(({ last_run }) => last_run?.id === runId)?.last_run?.status ?? null;
};

const REFUSAL_MS = 6_000;

export const refused = (state: TopState, text: string): TopState => ({
  ...state,
  notice: { text, isError: true, until: state.now + REFUSAL_MS },
});

/** Maximum length of what can be typed. */
export const MAX_TEXT = 200;

/** Returns a text after a key at its end. Keys that are not characters change nothing. */
export const typeText = (text: string, key: KeyPress): string => {
  if (key === "backspace") return [...text].slice(0, -1).join("");
  if (key === "ctrl-u") return "";
  if (key === "ctrl-w") return text.trimEnd().replace(/\S+$/, "");
  return isCharacter(key) && text.length < MAX_TEXT ? text + key : text;
};

/** Names of special keys have several letters. */
const isCharacter = (key: KeyPress): boolean => [...key].length === 1 && !/\p{Cc}/u.test(key);
