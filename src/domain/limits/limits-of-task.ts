import { runsProgram, type Task } from "../job.ts";
import { type CgroupLimit, cgroupLimitsOf, mergeLimits, type TaskLimits } from "./task-limits.ts";

/**
 * Returns what the processes of a task may use: its limits over the defaults of the configuration file. The client of a server has none. The
 * memory and the processors that a container limits itself replace the defaults, and it does not inherit priorities.
 */
export const limitsOfTask = (
  { program, container, limits }: Pick<Task, "program" | "container" | "limits">,
  defaults: TaskLimits,
): TaskLimits => {
  if (!runsProgram(program.type)) return {};
  return mergeLimits(container === undefined ? defaults : defaultsOfContainer(defaults, container), limits);
};

const defaultsOfContainer = (
  { nice: _nice, io: _io, memoryBytes, cpus, ...rest }: TaskLimits,
  own: NonNullable<Task["container"]>,
): TaskLimits => {
  if (own.memory !== null || own.cpus !== null) return rest;
  return { ...rest, ...(memoryBytes !== undefined && { memoryBytes }), ...(cpus !== undefined && { cpus }) };
};

/**
 * Returns those of the limits of a task that the machine on which it runs must enforce, unless it has `enforce: best_effort`, which accepts
 * that it does not. Those of a container are a matter of its engine.
 */
export const limitsToEnforce = ({ container }: Pick<Task, "container">, limits: TaskLimits): readonly CgroupLimit[] =>
  container !== undefined || limits.enforce === "best_effort" ? [] : cgroupLimitsOf(limits);
