import type { Keep } from "./rotation.ts";

/** When and where petit makes backups. */
export type BackupPlan = {
  readonly folder: string;
  /** A cron expression. */
  readonly at: string;
  readonly keep: Keep;
  readonly artifacts: boolean;
};

/** Why a backup can fail. */
export const BACKUP_FAULTS = [
  "folder_missing",
  "no_permission",
  "read_only",
  "disk_full",
  "damaged",
  "busy",
  "other",
] as const;
export type BackupFault = (typeof BACKUP_FAULTS)[number];

/** A backup that failed, and those after it. */
export type FailedBackup = {
  /** When the first of them failed, in ms since the Unix epoch. */
  readonly since: number;
  readonly fault: BackupFault;
  /** Why the last one failed. */
  readonly error: string;
};

/** How backups fare. Times are in ms since the Unix epoch. */
export type BackupState = {
  readonly plan: BackupPlan;
  /** The newest copy; null if there is none, or if the folder can't be read. */
  readonly last: { readonly at: number; readonly bytes: number } | null;
  /** How many copies there are. */
  readonly copies: number;
  /** When the next backup is due. Null if none is. */
  readonly nextAt: number | null;
  readonly isRunning: boolean;
  /** Null if the last one did not fail. */
  readonly failing: FailedBackup | null;
};
