import { compileSchedule, whyUnusable } from "../schedule/schedule.ts";
import type { BackupPlan } from "./state.ts";

/** Returns what is wrong with the time of backups, or null. */
export const whyNoBackupTime = (at: string): string | null =>
  whyUnusable(at) ??
  (at.trim().startsWith("@reboot") ? "expected a time; a start of petit makes up for a missed backup" : null);

/** Returns when the next backup after a time is due, or null. */
export const nextBackupAt = ({ at }: Pick<BackupPlan, "at">, timezone: string, after: number): number | null =>
  compileSchedule({ expressions: [at], timezone: null }, timezone).next(after);
