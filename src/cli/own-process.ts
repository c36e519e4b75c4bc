import { sendFilesArguments } from "../engine/artifacts/send-files-command.ts";
import { requestArguments } from "../engine/attempt/http/request-command.ts";
import { backupArguments } from "../engine/backup/backup-command.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { SEARCH_COMMAND } from "../search/search-command.ts";

/** Returns whether this is the process of an `http` task. */
export const isRequestProcess = ([command]: readonly string[]): boolean => command === requestArguments[0];

/** Sends the request of an `http` task. Returns the exit status. Loads nothing else of petit. */
export const runRequestProcess = async (runtime: Runtime): Promise<number> => {
  const { send } = await import("../engine/attempt/http/send.ts");
  return send(runtime);
};

/** Returns whether this is the process that reads artifacts as the user of a task. */
export const isFilesProcess = ([command]: readonly string[]): boolean => command === sendFilesArguments[0];

/** Reads artifacts as the user of a task. Returns the exit status. Loads nothing else of petit. */
export const runFilesProcess = async (): Promise<number> => {
  const { sendFiles } = await import("../engine/artifacts/send-files.ts");
  return sendFiles();
};

/** Returns whether this is the process that makes a backup. */
export const isBackupProcess = ([command]: readonly string[]): boolean => command === backupArguments[0];

/** Makes a backup. Returns the exit status. Loads nothing else of petit. */
export const runBackupProcess = async (runtime: Runtime): Promise<number> => {
  const { makeBackup } = await import("../engine/backup/make-backup.ts");
  return makeBackup(runtime);
};

/** Returns whether this is a process that searches output, or writes the index for that. */
export const isSearchProcess = ([command]: readonly string[]): boolean => command === SEARCH_COMMAND;

/** Searches output, or writes the index for that. Returns the exit status. Loads nothing else of petit. */
export const runSearchProcess = async (runtime: Runtime, [, task = ""]: readonly string[]): Promise<number> => {
  const module = await import("../search/search-process.ts");
  return module.runSearchProcess(runtime, task);
};
