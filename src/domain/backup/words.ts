import type { BackupFault } from "./state.ts";

/** What to do about a backup that failed, as a clause. */
export const BACKUP_ADVICE = {
  folder_missing: "create the folder, readable only by petit's user, or mount its disk",
  no_permission:
    "give the folder to petit's user; a systemd unit also needs ReadWritePaths= for it (systemctl edit petit)",
  read_only: "mount the disk so that it can be written to",
  disk_full: "free space on its disk, or keep fewer backups",
  damaged: "look at the database with 'petit doctor', and keep the older copies",
  busy: "wait for the end of the other backup",
  other: "try it with 'petit backup'",
} as const satisfies Record<BackupFault, string>;

type Failure = {
  readonly folder: string;
  readonly fault: BackupFault;
  readonly error: string;
  /** As text; null if there is no good one. */
  readonly last: string | null;
};

/** Returns the sentence about a backup that failed. */
export const failedBackupMessage = ({ folder, fault, error, last }: Failure): string =>
  `the backup to ${folder} failed: ${error}; ${last === null ? "there is no good one" : `the last good one is from ${last}`}; ${BACKUP_ADVICE[fault]}`;
