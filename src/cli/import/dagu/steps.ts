import type { Entry, MapNode, Node } from "../../../jobfile/parse/node.ts";
import type { Json } from "../../../lib/json.ts";
import { uniqueId } from "../crontab/job-name.ts";
import { idOfName } from "../job-id.ts";
import { conditionTask, preconditionLines } from "./conditions.ts";
import { type DagSource, type Fields, textOf, valueText } from "./fields.ts";
import { programOf } from "./programs.ts";
import type { DagContext, DagStep, DagTask, StepOutput, StepTasks } from "./step.ts";
import { envOf } from "./variables.ts";

/** Reads the steps of a DAG: a list, whose items can be lists, commands or maps, or a map of steps by name. */
export const readSteps = (source: DagSource, entry: Entry | null, ids: Set<string>): readonly DagStep[] => {
  const items = entry === null ? [] : itemsOf(entry.value);
  return items.flatMap(({ node, name, group }, index) => {
    if (node.kind === "list") return [];
    const fields = source.fields(node.kind === "map" ? node : commandMap(node));
    const given = fields.text("name") ?? name;
    const own = fields.text("id");
    const label = own ?? given ?? `step-${index + 1}`;
    return [
      {
        fields,
        id: uniqueId(idOfName(label, `step-${index + 1}`), ids),
        names: [own, given].flatMap((each) => each ?? []),
        group,
      },
    ];
  });
};

/** A step that is only a text is its command. */
const commandMap = (node: Node): MapNode => ({
  kind: "map",
  at: node.at,
  entries: [{ key: "command", keyAt: node.at, value: node }],
});

type Item = { readonly node: Node; readonly name: string | null; readonly group: number };

const itemsOf = (node: Node): readonly Item[] => {
  if (node.kind === "map") return node.entries.map(({ key, value }, group) => ({ node: value, name: key, group }));
  if (node.kind !== "list") return [];
  return node.items.flatMap((item, group) =>
    item.kind === "list"
      ? item.items.map((each) => ({ node: each, name: null, group }))
      : [{ node: item, name: null, group }],
  );
};

/** Returns the ids of the steps that each step waits for. */
export const dependenciesOf = (
  steps: readonly DagStep[],
  isChain: boolean,
): ReadonlyMap<DagStep, readonly DagStep[]> => {
  const byName = new Map(steps.flatMap((step) => [...step.names, step.id].map((name) => [name, step] as const)));
  const found = new Map<DagStep, readonly DagStep[]>();
  for (const step of steps) {
    const entry = step.fields.take("depends");
    if (entry === null) {
      found.set(step, isChain ? steps.filter(({ group }) => group === step.group - 1) : []);
      continue;
    }
    const names = entry.value.kind === "list" ? entry.value.items.map(valueText) : [valueText(entry.value)];
    const known = new Set<DagStep>();
    for (const name of names) {
      const other = byName.get(name);
      if (other === undefined) step.fields.leaveOut(entry, `there is no step '${name}'`);
      else if (waitsFor(other, step, found))
        step.fields.leaveOut(entry, `'${step.id}' and '${name}' would wait for each other`);
      else known.add(other);
    }
    found.set(step, [...known]);
  }
  return found;
};

/** Returns whether a step is another one, or waits for it. */
const waitsFor = (step: DagStep, other: DagStep, found: ReadonlyMap<DagStep, readonly DagStep[]>): boolean =>
  step === other || (found.get(step) ?? []).some((each) => waitsFor(each, other, found));

/** What a step waits for, and the outputs that it knows. */
type Before = { readonly upstream: readonly StepTasks[]; readonly outputs: readonly StepOutput[] };

/** Translates a step. `ids` are those in use. */
export const stepTasks = (
  step: DagStep,
  { upstream, outputs }: Before,
  dag: DagContext,
  ids: Set<string>,
): StepTasks => {
  const { fields } = step;
  const checks = preconditionLines(fields);
  const own = envOf(fields);
  const going = continueOf(fields);
  const prelude = [...dag.prelude, ...own.prelude];
  const { program, output } = programOf(step, { dag, prelude, outputs });
  const approval = fields.take("approval");
  const description = fields.text("description");
  const timeout = fields.number(1, "timeout_sec");
  const environment = { ...outputVariables(outputs), ...own.environment };
  const hasProgram = program.type !== "job" && program.type !== "http" && program.type !== "approval";
  const waits = waitFields(upstream);
  const before =
    checks.length === 0
      ? []
      : [
          {
            ...conditionTask(uniqueId(`${step.id}-if`, ids), checks, prelude),
            ...environmentField(environment, true),
            ...waits,
          },
        ];
  const task: DagTask = {
    id: step.id,
    ...nameField(step, description),
    ...program,
    ...environmentField(environment, hasProgram),
    ...(timeout === null ? {} : { timeout: `${timeout}s` }),
    ...retryOf(fields),
    ...going.allow,
    ...(before.length === 0 ? waits : { depends_on: before.map(({ id }) => String(id)) }),
  };
  const after =
    approval === null ? [] : [approvalTask(fields, approval, uniqueId(`${step.id}-approval`, ids), step.id)];
  const tasks = [...before.map((each) => each as DagTask), task, ...after];
  return {
    step,
    tasks,
    last: tasks.at(-1)?.id ?? step.id,
    upstream,
    passesSkipped: going.skipped,
    passesFailed: Object.keys(going.allow).length > 0,
    output,
  };
};

const environmentField = (
  environment: Readonly<Record<string, Json>>,
  isUsed: boolean,
): Readonly<Record<string, Json>> =>
  isUsed && Object.keys(environment).length > 0 ? { environment: { ...environment } } : {};

const nameField = ({ id, names }: DagStep, description: string | null): Readonly<Record<string, Json>> => {
  const name = description?.replace(/\s+/g, " ").trim() || names.at(-1) || id;
  return name === id ? {} : { name: name.slice(0, 256) };
};

/** The outputs of steps before, as variables. */
const outputVariables = (outputs: readonly StepOutput[]): Readonly<Record<string, Json>> =>
  Object.fromEntries(outputs.map(({ name, task }) => [name, `\${{ tasks.${task}.outputs.${name} }}`]));

/** What a task waits for. After a step whose skipping does not matter, the status of each is looked at. */
const waitFields = (upstream: readonly StepTasks[]): Readonly<Record<string, Json>> => {
  if (upstream.length === 0) return {};
  const depends = { depends_on: upstream.map(({ last }) => last) };
  if (!upstream.some(({ passesSkipped }) => passesSkipped)) return depends;
  const checks = upstream.map(({ last, passesSkipped, passesFailed }) => {
    const status = `tasks.${last}.status`;
    if (!passesSkipped) return passesFailed ? `${status} != 'skipped'` : `${status} == 'completed'`;
    return passesFailed ? null : `${status} != 'failed'`;
  });
  const conditions = checks.flatMap((check) => check ?? []);
  return { ...depends, condition: "all_done", ...(conditions.length === 0 ? {} : { if: conditions.join(" && ") }) };
};

type Going = { readonly allow: Readonly<Record<string, Json>>; readonly skipped: boolean };

/** Reads `continue_on`. */
const continueOf = (fields: Fields): Going => {
  const entry = fields.take("continue_on");
  if (entry === null) return { allow: {}, skipped: false };
  if (entry.value.kind !== "map") {
    const text = textOf(entry.value)?.toLowerCase();
    if (text !== "failed" && text !== "failure" && text !== "skipped")
      fields.leaveOut(entry, "expected failed or skipped");
    return {
      allow: text === "failed" || text === "failure" ? { allow_failure: true } : {},
      skipped: text === "skipped",
    };
  }
  const map = fields.source.fields(entry.value);
  const output = map.take("output");
  if (output !== null) map.leaveOut(output, "petit does not look at the output to allow a failure");
  const failed = map.boolean("failure", "failed");
  const exit = map.take("exit_code");
  const numbers = map.texts("exit_code").map(Number);
  const codes = [...new Set(numbers)].filter((code) => code >= 1 && code <= 255);
  if (exit !== null && numbers.some((code) => code !== 0 && !codes.includes(code)))
    map.leaveOut(exit, "an exit code is a whole number from 1 to 255");
  const skipped = map.boolean("skipped");
  map.take("mark_success");
  const allow = failed ? { allow_failure: true } : codes.length > 0 ? { allow_failure: { exit_codes: codes } } : {};
  return { allow, skipped };
};

/** Reads `retry_policy`. */
export const retryOf = (fields: Fields): Readonly<Record<string, Json>> => {
  const policy = fields.child("retry_policy");
  if (policy === null) return {};
  const limit = policy.number(0, "limit");
  const interval = policy.number(0, "interval_sec");
  const max = policy.number(1, "max_interval_sec");
  const factor = policy.take("backoff");
  const backoff = factor === null ? null : textOf(factor.value);
  if (factor !== null && backoff !== "true" && Number(backoff) > 1 && backoff !== "2")
    policy.note(factor, "petit doubles the delay, and waits for a random part of it");
  if (limit === null) {
    policy.release(["limit", "interval_sec", "max_interval_sec", "backoff"]);
    policy.whyUnused = "without a limit there are no retries";
    return {};
  }
  const isExponential = backoff !== null && backoff !== "false" && backoff !== "0" && backoff !== "1";
  return {
    retry: {
      max_attempts: limit,
      ...(interval === null || interval === 0 ? {} : { delay: `${interval}s` }),
      ...(isExponential ? { backoff: "exponential" } : {}),
      ...(max === null ? {} : { max_delay: `${max}s` }),
    },
  };
};

/** A person approves after the step, and before those that wait for it. */
const approvalTask = (fields: Fields, entry: Entry, id: string, step: string): DagTask => {
  const map = entry.value.kind === "map" ? fields.source.fields(entry.value) : null;
  const prompt = map?.text("prompt") ?? null;
  return { id, type: "approval", ...(prompt === null ? {} : { prompt }), depends_on: [step] };
};
