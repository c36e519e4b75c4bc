import { parseIoClass, type TaskLimits } from "../../domain/limits/task-limits.ts";
import type { Value } from "../schema/field.ts";
import type { LIMITS } from "../schema/limits.ts";

/** Builds the limits of valid fields. */
export const buildLimits = (fields: Value<typeof LIMITS> | undefined): TaskLimits | undefined => {
  if (fields === undefined) return undefined;
  const { memory, cpus, pids, nice, enforce } = fields;
  const io = fields.io === undefined ? null : parseIoClass(fields.io);
  return {
    ...(memory !== undefined && { memoryBytes: memory }),
    ...(cpus !== undefined && { cpus }),
    ...(pids !== undefined && { pids }),
    ...(nice !== undefined && { nice }),
    ...(io !== null && { io }),
    ...(enforce !== undefined && { enforce }),
  };
};
