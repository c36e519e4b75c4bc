/** The arguments of petit for the process that makes a backup. The command is not for people. */
export const backupArguments: readonly string[] = ["make-backup"];
