import { type MapNode, toJson } from "../../../jobfile/parse/node.ts";
import { jobText } from "../../../jobfile/write-job.ts";
import type { Json } from "../../../lib/json.ts";
import { escapeUnprintable } from "../../../lib/text.ts";
import { uniqueId } from "../crontab/job-name.ts";
import type { Remarks } from "../remarks.ts";
import { conditionTask, preconditionLines } from "./conditions.ts";
import { DagSource, type Fields, OPEN, textOf } from "./fields.ts";
import { handlerTasks } from "./handlers.ts";
import { notifyOf } from "./notify.ts";
import { schedulesOf, type ZoneSchedule } from "./schedule.ts";
import { secretsOf } from "./secrets.ts";
import { dynamicText, isDynamic, splitLine } from "./shell.ts";
import { type DagContext, type DagStep, type DagTask, outputsOf, type StepTasks } from "./step.ts";
import { dependenciesOf, readSteps, retryOf, stepTasks } from "./steps.ts";
import { envOf, paramFields, paramsOf } from "./variables.ts";

export type DagFile = {
  readonly id: string;
  readonly file: string;
  readonly root: MapNode;
  readonly lineOf: (offset: number) => number;
  /** The absolute path of the folder of the file, in which steps run. */
  readonly folder: string;
  readonly remarks: Remarks;
  readonly jobOf: DagContext["jobOf"];
};

/** A job before it is known which params other jobs pass to it. */
export type DagJob = {
  readonly id: string;
  readonly text: (extraParams: ReadonlySet<string>) => string;
};

/** Translates a DAG. */
export const dagJob = (dag: DagFile): DagJob => {
  const source = new DagSource(dag.file, dag.remarks, dag.lineOf);
  const fields = source.fields(dag.root);
  const schedules = schedulesOf(fields);
  const job = jobFields(dag, fields, schedules[0] ?? null);
  source.nameTheRest();
  return {
    id: dag.id,
    text: (extraParams) => {
      const head = [`From ${escapeUnprintable(dag.file)}.`, ...dag.remarks.comments()];
      const extra = [...extraParams].filter((name) => !Object.hasOwn(job.params, name));
      const params = { ...job.params, ...Object.fromEntries(extra.map((name) => [name, {}])) };
      const environment = {
        ...job.environment,
        ...Object.fromEntries(extra.map((name) => [name, `\${{ params.${name} }}`])),
      };
      const others = schedules.slice(1).map((each) => callingJob(dag.id, each));
      return [jobText({ head, fields: job.fields({ params, environment }) }), ...others].join("---\n");
    },
  };
};

const callingJob = (id: string, { timezone, schedule }: ZoneSchedule): string =>
  jobText({
    head: [`Starts ${id} at the times of another time zone.`],
    fields: {
      id: `${id}-${(timezone ?? "local").toLowerCase().replace(/[^a-z0-9]+/g, "-")}`,
      schedule: { ...schedule },
      tasks: [{ id: "run", type: "job", job: id }],
    },
  });

type JobFields = {
  readonly params: Readonly<Record<string, Json>>;
  readonly environment: Readonly<Record<string, Json>>;
  readonly fields: (found: {
    readonly params: Readonly<Record<string, Json>>;
    readonly environment: Readonly<Record<string, Json>>;
  }) => Record<string, Json>;
};

const jobFields = (dag: DagFile, fields: Fields, schedule: ZoneSchedule | null): JobFields => {
  const name = fields.text("name");
  const description = fields.text("description");
  const tags = tagsOf(fields);
  const params = paramsOf(fields);
  const env = envOf(fields);
  const secrets = secretsOf(fields);
  const ofParams = paramFields(params);
  const special = { DAG_NAME: dag.id, DAG_RUN_ID: "${{ run.id }}" };
  const text = JSON.stringify(toJson(dag.root));
  const mentioned = Object.fromEntries(Object.entries(special).filter(([variable]) => text.includes(variable)));
  const environment = { ...mentioned, ...ofParams.environment, ...env.environment, ...secrets };
  const shell = fields.take("shell");
  const context: DagContext = {
    prelude: [...dotenvOf(fields, dag.folder), ...ofParams.prelude, ...env.prelude],
    environment: env.environment,
    params: new Set(params.params.map((param) => param.name)),
    shell:
      shell === null
        ? null
        : shell.value.kind === "list"
          ? shell.value.items.map((item) => textOf(item) ?? "")
          : splitLine(textOf(shell.value) ?? ""),
    workingDir: workingDirOf(fields, dag.folder),
    container: containerOf(fields),
    ssh: fields.child("ssh"),
    jobOf: dag.jobOf,
  };
  const tasks = tasksOf(dag, fields, context);
  const dir = fields.take("working_dir", "dir");
  if (dir !== null && !JSON.stringify(tasks).includes(JSON.stringify(context.workingDir).slice(1, -1)))
    fields.leaveOut(dir, "no task of this job has a folder of the machine");
  const timeout = fields.number(0, "timeout_sec");
  const grace = fields.number(1, "max_clean_up_time_sec");
  const runs = fields.number(-1, "max_active_runs");
  const retention = {
    ...field("days", fields.number(1, "hist_retention_days")),
    ...field("runs", fields.number(1, "hist_retention_runs")),
  };
  const notify = notifyOf(fields);
  return {
    params: ofParams.params,
    environment,
    fields: ({ params: allParams, environment: allVariables }) =>
      withoutTemplatesIn({
        id: dag.id,
        ...(name === null || name === dag.id ? {} : { name: name.slice(0, 256) }),
        ...(description === null ? {} : { description }),
        ...(tags.length === 0 ? {} : { tags: [...tags] }),
        ...(schedule === null ? {} : { schedule: { ...schedule.schedule } }),
        ...(runs !== null && runs < 1 ? {} : { max_concurrency: runs ?? 1 }),
        ...(timeout === null || timeout === 0 ? {} : { timeout: `${timeout}s` }),
        ...(grace === null ? {} : { kill_grace: `${grace}s` }),
        ...(Object.keys(retention).length === 0 ? {} : { retention }),
        ...(notify === null ? {} : { notify }),
        ...(Object.keys(allParams).length === 0 ? {} : { params: { ...allParams } }),
        ...(Object.keys(allVariables).length === 0 ? {} : { environment: { ...allVariables } }),
        tasks: [...tasks],
      }),
  };
};

/** A `${{` of the source becomes a template whose value it is. */
const withoutTemplatesIn = (fields: Record<string, Json>): Record<string, Json> => {
  const text = JSON.stringify(fields);
  // A copy, because values that tasks share would become anchors.
  if (!text.includes(OPEN)) return JSON.parse(text);
  const { id, name, ...rest }: Record<string, Json> = JSON.parse(text.replaceAll(OPEN, "${{ config.open }}"));
  return { id: id ?? "", ...(name === undefined ? {} : { name }), config: { open: "${{" }, ...rest };
};

const field = (name: string, value: number | null): Readonly<Record<string, Json>> =>
  value === null ? {} : { [name]: value };

const TAG = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}_.:/-]{0,63}$/u;

/** Reads `tags`, `labels` and `group`. */
const tagsOf = (fields: Fields): readonly string[] => {
  const entry = fields.take("tags", "labels");
  const group = fields.text("group");
  const texts =
    entry === null
      ? []
      : entry.value.kind === "map"
        ? entry.value.entries.map(({ key, value }) => `${key}:${textOf(value) ?? ""}`)
        : entry.value.kind === "list"
          ? entry.value.items.flatMap((item) =>
              item.kind === "map"
                ? item.entries.map(({ key, value }) => `${key}:${textOf(value) ?? ""}`)
                : [textOf(item) ?? ""],
            )
          : (textOf(entry.value) ?? "").split(",");
  const tags = [...texts, ...(group === null ? [] : [group])]
    .map((tag) =>
      tag
        .trim()
        .replace(/[\s=]+/g, ":")
        .replace(/[^\p{L}\p{M}\p{N}_.:/-]+/gu, "-"),
    )
    .filter((tag) => tag !== "");
  for (const tag of tags) if (!TAG.test(tag) && entry !== null) fields.leaveOut(entry, `'${tag}' can't be a tag here`);
  return [...new Set(tags.filter((tag) => TAG.test(tag)))].slice(0, 20);
};

/** Files of variables, which a shell reads before each script. */
const dotenvOf = (fields: Fields, folder: string): readonly string[] => {
  const entry = fields.take("dotenv");
  if (entry === null) return [];
  const nodes = entry.value.kind === "list" ? entry.value.items : [entry.value];
  const paths = nodes.flatMap((node) => textOf(node) || []);
  fields.note(
    entry,
    "a shell reads the file: it expands $ and `…`, and runs what follows a blank in a value without quotes as a command",
  );
  return paths.flatMap((path) => {
    const file = dynamicText(path.startsWith("/") || isDynamic(path) ? path : `${folder}/${path.replace(/^\.\//, "")}`);
    return ["set -a", `[ ! -r ${file} ] || . ${file}`, "set +a"];
  });
};

const workingDirOf = (fields: Fields, folder: string): string => {
  const dir = fields.text("working_dir", "dir");
  if (dir === null) return folder;
  return dir.startsWith("/") || dir.startsWith("~") || isDynamic(dir) ? dir : `${folder}/${dir.replace(/^\.\//, "")}`;
};

const containerOf = (fields: Fields): Fields | string | null => {
  const entry = fields.take("container");
  if (entry === null) return null;
  return entry.value.kind === "map" ? fields.source.fields(entry.value) : textOf(entry.value)?.trim() || null;
};

const tasksOf = (dag: DagFile, fields: Fields, context: DagContext): readonly DagTask[] => {
  const ids = new Set<string>();
  const entry = fields.take("steps");
  const steps = readSteps(fields.source, entry, ids);
  const type = fields.text("type");
  const isGraph =
    type === "graph" ||
    entry?.value.kind === "map" ||
    (type !== "chain" && steps.some(({ fields: { map } }) => map.entries.some(({ key }) => key === "depends")));
  if (!isGraph && type === null && steps.length > 1 && entry !== null)
    fields.note(
      entry,
      "the steps run one after the other; versions of Dagu without `type` ran steps without `depends` at once",
    );
  const needs = dependenciesOf(steps, !isGraph);
  const done = new Map<DagStep, StepTasks>();
  const translate = (step: DagStep): StepTasks => {
    const known = done.get(step);
    if (known !== undefined) return known;
    const upstream = (needs.get(step) ?? []).map(translate);
    const tasks = stepTasks(step, { upstream, outputs: outputsOf(upstream) }, context, ids);
    done.set(step, tasks);
    return tasks;
  };
  const order = steps.map(translate);
  const policyEntry = fields.map.entries.find(({ key }) => /^retry_?policy$/i.test(key));
  const policy = retryOf(fields);
  if (policyEntry !== undefined) fields.note(policyEntry, "petit repeats the tasks that failed, not the whole run");
  const own = order
    .flatMap(({ tasks }) => tasks)
    .map((task) => (task.type === "approval" ? task : { ...task, ...(task.retry === undefined ? policy : {}) }));
  const lines = preconditionLines(fields);
  const checks =
    lines.length === 0 ? [] : [conditionTask(uniqueId("preconditions", ids), lines, context.prelude) as DagTask];
  const { first, last } = handlerTasks(fields, order, context, ids);
  const before = [
    ...checks,
    ...first.map((task) => (checks.length === 0 ? task : { ...task, depends_on: checks.map(({ id }) => id) })),
  ];
  const gate = before.at(-1)?.id;
  const gated =
    gate === undefined
      ? own
      : own.map((task) => (task.depends_on === undefined ? { ...task, depends_on: [gate] } : task));
  const all = [...before, ...gated, ...last];
  if (all.length === 0)
    dag.remarks.leaveOut(fields.source.placeOfNode(dag.root, "steps"), "there are none, so its only task does nothing");
  return all.length === 0 ? [{ id: "nothing", type: "shell", script: "true\n" }] : all;
};
