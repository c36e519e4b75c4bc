import { ENFORCEMENTS, IO_CLASS_PATTERN, LEFTOVERS, LIMIT_BOUNDS } from "../../domain/limits/task-limits.ts";
import type { Field, ObjectType, TextType } from "./field.ts";

/** What the processes of a task may use; also in the configuration file, for all jobs. */
export const LIMITS = {
  kind: "object",
  fields: {
    memory: {
      type: { kind: "size", minBytes: LIMIT_BOUNDS.memoryBytes.min },
      doc: "The most memory that its processes may use together. One that needs more ends with the reason `out_of_memory`.",
      absent: "no limit",
      example: "512MiB",
    },
    cpus: {
      type: { kind: "number", ...LIMIT_BOUNDS.cpus },
      doc: "How many processors' worth of time its processes may use together.",
      absent: "no limit",
      example: 1.5,
    },
    pids: {
      type: { kind: "integer", ...LIMIT_BOUNDS.pids },
      doc: "How many processes and threads it may have at once.",
      absent: "no limit",
      example: 200,
    },
    nice: {
      type: { kind: "integer", ...LIMIT_BOUNDS.nice },
      doc: "The priority of its processes: 19 is the lowest. One below 0 needs petit to run as root.",
      absent: "that of petit",
      example: 10,
    },
    io: {
      type: {
        kind: "text",
        form: "an I/O class: idle, best-effort or realtime, the last two also with a level from 0, the highest, to 7, such as best-effort:7",
        pattern: IO_CLASS_PATTERN,
        characters: "name",
      },
      doc: "The I/O class of its processes: `idle`, `best-effort` or `realtime`, the last two with a level such as `best-effort:7` (0 is the highest, 7 the lowest). `realtime` needs petit to run as root.",
      absent: "that of petit",
      example: "idle",
    },
    enforce: {
      type: { kind: "choice", values: ENFORCEMENTS },
      doc: "What happens where `memory`, `cpus` and `pids` can't be enforced. `required`: a task with `runs_on` waits for a worker that enforces them. `best_effort`: it runs without them.",
      absent: "required",
    },
  },
} as const satisfies ObjectType;

/** A name or a number. Without braces, so that a template is refused. */
const user = {
  kind: "text",
  form: "a user: a name or a numeric id",
  pattern: "^[^\\s:/,{}-][^\\s:/,{}]{0,255}$",
  scalars: true,
  characters: "name",
} as const satisfies TextType;

/** Returns whether a text has the form of a user; the schema reports it if it has not. */
export const hasUserForm = (text: string): boolean => new RegExp(user.pattern).test(text);

/** Fields that a job and its tasks have: those of the job are the defaults of its tasks. */
export const limitFields = (of: "job" | "task") => {
  const isJob = of === "job";
  return {
    limits: {
      type: LIMITS,
      doc: isJob
        ? "What the processes of each task may use; a task can replace each of the limits. Tasks that run a program on petit's machine or on a worker have them: not `http` and `ssh`, approvals and `job` tasks."
        : "What its processes may use, over the limits of the job.",
      absent: isJob ? "those of the configuration file" : "those of the job",
      example: { memory: "512MiB", cpus: 1.5 },
    },
    run_as: {
      type: user,
      doc: isJob
        ? "The user that its tasks run as, one of those that `run_as_allowed` lists. It needs petit to run as root. Approvals and `job` tasks ignore it."
        : "The user that it runs as, instead of that of the job; `user` is another thing, the login of an `ssh` task on the other machine.",
      absent: isJob ? "petit's own user" : "that of the job",
      example: "www-data",
    },
    leftovers: {
      type: { kind: "choice", values: LEFTOVERS },
      doc: isJob
        ? "What happens to processes that a task leaves running when it ends by itself: they live on (`keep`), or petit ends them (`kill`)."
        : "What happens to processes that it leaves running when it ends by itself, instead of what the job says.",
      absent: isJob ? "keep" : "that of the job",
    },
  } as const satisfies { readonly [name: string]: Field };
};
