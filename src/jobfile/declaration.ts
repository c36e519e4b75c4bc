import { resolve } from "node:path";
import { hasProcess, type Param, runsProgram } from "../domain/job.ts";
import { whyNotPattern } from "../domain/params/pattern.ts";
import type { OutputRead } from "./check/templates.ts";
import { formatPath, type Path } from "./parse/node.ts";
import type { Position } from "./parse/positions.ts";
import type { Report } from "./report.ts";
import type { JobDraft, TaskDraft } from "./schema/job.ts";
import { hasUserForm } from "./schema/limits.ts";
import type { PositionedFile } from "./source.ts";
import { splitVolume } from "./volume.ts";

/** The parts of a document that other jobs depend on: its id, its params, and the jobs it names. */
export type Declaration = {
  /** Null if the document has no id. */
  readonly id: string | null;
  readonly file: string;
  readonly position: Position;
  /** True if the id was guessed from the text of a file that is not valid YAML. */
  readonly isGuess: boolean;
  /** The ids that it had before. */
  readonly formerly: readonly FormerId[];
  readonly gates: readonly Gate[];
  /** The jobs that its tasks run. */
  readonly calls: readonly Call[];
  /** The jobs whose runs start it when they have ended. */
  readonly follows: readonly Follow[];
  /** What a run of it may be given; null if that is unknown. */
  readonly params: Params | null;
  /** The names of its outputs; null if that is unknown. */
  readonly outputs: readonly string[] | null;
  /** Null if it names none. */
  readonly queue: QueueUse | null;
  /** The positions of `runs_on`. */
  readonly runsOn: readonly Place[];
  /** The positions of the types of `nats` triggers. */
  readonly messages: readonly Place[];
  /** What its containers mount, as far as that is known before a run. */
  readonly mounts: readonly MountPlace[];
  /** The users of tasks on this machine. */
  readonly users: readonly UserPlace[];
  /** The priorities of tasks on this machine that only root can give. */
  readonly priorities: readonly PriorityPlace[];
};

/** A path of this machine that a container mounts. */
type MountPlace = Place & { readonly source: string };

type UserPlace = Place & { readonly user: string };

type PriorityPlace = Place & { readonly value: string };

type Place = { readonly path: string; readonly position: Position };

export type FormerId = Place & { readonly jobId: string };

export type Gate = Place & {
  readonly jobId: string;
  /** True if the gate is open while a run of the other job is unfinished, because it looks at past runs. */
  readonly isWindow: boolean;
};

/** A task that runs another job. */
export type Call = Place & {
  readonly jobId: string;
  /** Whether the task lasts until the run has ended. */
  readonly waits: boolean;
  readonly params: readonly CallParam[];
  /** The outputs of the run that the job reads. */
  readonly reads: readonly CallOutput[];
  /** Where the params are, or would be. */
  readonly given: Place;
};

/** `value` is null if it is known only in a run. */
type CallParam = Place & { readonly name: string; readonly value: string | null };

/** A `run` trigger. */
export type Follow = Place & { readonly jobId: string };

type CallOutput = Place & { readonly name: string };

type QueueUse = Place & { readonly name: string };

export type Params = { readonly [name: string]: Param };

/** `reads` are the outputs that the job reads. */
export const declareJob = (
  draft: JobDraft,
  reads: readonly OutputRead[],
  report: Report,
  { file, folder, positions }: PositionedFile,
): Declaration => {
  const placeOf = (path: Path): Place => {
    const { node, path: written } = report.locate(path);
    return { path: formatPath(written), position: positions(node.at) };
  };
  return {
    id: draft.id ?? null,
    file,
    position: positions(report.locate(["id"]).node.at),
    isGuess: false,
    formerly:
      typeof draft.formerly === "string"
        ? [{ jobId: draft.formerly, ...placeOf(["formerly"]) }]
        : (draft.formerly ?? []).flatMap((jobId, index) =>
            jobId === undefined ? [] : [{ jobId, ...placeOf(["formerly", index]) }],
          ),
    gates: (draft.depends_on ?? []).flatMap((gate, index) => {
      const jobId = typeof gate === "string" ? gate : (gate?.job ?? gate?.job_id);
      const field = typeof gate === "string" ? [] : [gate?.job === undefined ? "job_id" : "job"];
      if (jobId === undefined) return [];
      const isWindow = typeof gate === "object" && typeof gate.condition === "object";
      return [{ jobId, isWindow, ...placeOf(["depends_on", index, ...field]) }];
    }),
    calls: (draft.tasks ?? []).flatMap((task, index) => {
      const call = declareCall(task, ["tasks", index], placeOf);
      const own = reads.filter((read) => read.task === task?.id);
      return call === null ? [] : [{ ...call, reads: own.map(({ name, path }) => ({ name, ...placeOf(path) })) }];
    }),
    follows: (draft.triggers ?? []).flatMap((trigger, index) =>
      trigger?.type === "run" && trigger.job !== undefined
        ? [{ jobId: trigger.job, ...placeOf(["triggers", index, "job"]) }]
        : [],
    ),
    params: declareParams(draft, report),
    outputs: report.has(["outputs"]) ? null : Object.keys(draft.outputs ?? {}),
    queue: draft.queue === undefined ? null : { name: draft.queue, ...placeOf(["queue"]) },
    runsOn: placesOfLabels(draft).map(placeOf),
    messages: (draft.triggers ?? []).flatMap((trigger, index) =>
      trigger?.type === "nats" ? [placeOf(["triggers", index, "type"])] : [],
    ),
    mounts: mountsOf(draft).map(({ path, text }) => ({ source: resolve(folder ?? "", text), ...placeOf(path) })),
    users: usersOf(draft).map(({ path, user }) => ({ user, ...placeOf(path) })),
    priorities: prioritiesOf(draft).map(({ path, value }) => ({ value, ...placeOf(path) })),
  };
};

/** Returns the paths that the containers on this machine mount, without those that have templates. */
const mountsOf = ({ runs_on, tasks = [] }: JobDraft): readonly { readonly path: Path; readonly text: string }[] =>
  tasks.flatMap((task, index) => {
    if (task?.container === undefined || !isEmpty(task.runs_on ?? runs_on)) return [];
    const { working_dir: workingDir, container } = task;
    const volumes = typeof container === "string" ? [] : (container.volumes ?? []);
    const texts = [
      { path: ["working_dir"], text: workingDir ?? null },
      ...volumes.map((volume, nth) => ({
        path: ["container", "volumes", nth],
        text: volume === undefined ? null : splitVolume(volume).source,
      })),
    ];
    return texts.flatMap(({ path, text }) =>
      text === null || text.includes("${{") || text.includes("\0") ? [] : [{ path: ["tasks", index, ...path], text }],
    );
  });

/** Returns the tasks that have a process on this machine, with their index. */
const localTasks = ({
  runs_on,
  tasks = [],
}: JobDraft): readonly { readonly task: TaskDraft; readonly index: number }[] =>
  tasks.flatMap((task, index) =>
    task?.type !== undefined && hasProcess(task.type) && isEmpty(task.runs_on ?? runs_on) ? [{ task, index }] : [],
  );

const usersOf = (job: JobDraft): readonly { readonly path: Path; readonly user: string }[] => {
  const tasks = localTasks(job);
  const ofJob = job.run_as !== undefined && tasks.some(({ task }) => task.run_as === undefined) ? [job.run_as] : [];
  const users = [
    ...ofJob.map((user) => ({ path: ["run_as"], user })),
    ...tasks.flatMap(({ task, index }) =>
      task.run_as === undefined ? [] : [{ path: ["tasks", index, "run_as"], user: task.run_as }],
    ),
  ];
  return users.filter(({ user }) => hasUserForm(user));
};

const prioritiesOf = (job: JobDraft): readonly { readonly path: Path; readonly value: string }[] => {
  const tasks = localTasks(job).filter(
    ({ task: { type, container } }) => type !== undefined && runsProgram(type) && container === undefined,
  );
  const of = (limits: JobDraft["limits"], path: Path) => [
    ...(limits?.nice !== undefined && limits.nice < 0 ? [{ path: [...path, "nice"], value: String(limits.nice) }] : []),
    ...(limits?.io?.startsWith("realtime") ? [{ path: [...path, "io"], value: limits.io }] : []),
  ];
  return [
    ...(tasks.length > 0 ? of(job.limits, ["limits"]) : []),
    ...tasks.flatMap(({ task, index }) => of(task.limits, ["tasks", index, "limits"])),
  ];
};

const placesOfLabels = ({ runs_on, tasks = [] }: JobDraft): readonly Path[] => [
  ...(isEmpty(runs_on) ? [] : [["runs_on"]]),
  ...tasks.flatMap((task, index) => (isEmpty(task?.runs_on) ? [] : [["tasks", index, "runs_on"]])),
];

const isEmpty = (labels: JobDraft["runs_on"]): boolean => labels === undefined || labels.length === 0;

const declareCall = (
  task: TaskDraft | undefined,
  path: Path,
  placeOf: (path: Path) => Place,
): Omit<Call, "reads"> | null => {
  if (task?.type !== "job" || task.job === undefined) return null;
  return {
    jobId: task.job,
    waits: task.wait !== false,
    ...placeOf([...path, "job"]),
    given: placeOf([...path, "params"]),
    params: Object.entries(task.params ?? {}).map(([name, value]) => ({
      name,
      value: value?.includes("${{") ? null : (value ?? null),
      ...placeOf([...path, "params", name]),
    })),
  };
};

/** Returns the params as far as they are valid, so that a problem of one does not hide those of calls. */
const declareParams = ({ params = {} }: JobDraft, report: Report): Params | null => {
  if (report.has(["params"])) return null;
  return Object.fromEntries(
    Object.entries(params).map(([name, param]) => [
      name,
      {
        description: null,
        default: param?.default ?? null,
        required: param?.required ?? false,
        enum: param?.enum?.filter((value) => value !== undefined) ?? null,
        pattern: param?.pattern !== undefined && whyNotPattern(param.pattern) === null ? param.pattern : null,
      },
    ]),
  );
};

/** Guesses the job ids in a file that is not valid YAML, so that jobs that name them are not reported as well. */
export const declareUnread = (source: PositionedFile): Declaration[] =>
  Array.from(source.text.matchAll(/^id:[ \t]*["']?([A-Za-z0-9][\w.-]*)/gm), ([, id = ""]) => ({
    id,
    file: source.file,
    position: { line: 1, column: 1 },
    isGuess: true,
    formerly: [],
    gates: [],
    calls: [],
    follows: [],
    params: null,
    outputs: null,
    queue: null,
    runsOn: [],
    messages: [],
    mounts: [],
    users: [],
    priorities: [],
  }));
