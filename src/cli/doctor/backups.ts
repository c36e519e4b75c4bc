import { existsSync } from "node:fs";
import { defaultZone } from "../../app/settings/settings.ts";
import { nextBackupAt } from "../../domain/backup/time.ts";
import { formatDuration } from "../../lib/duration.ts";
import { errorMessage } from "../../lib/error-message.ts";
import { formatRoundedSize } from "../../lib/size.ts";
import { databaseIdOf, type FolderCopy, listCopies, shortId } from "../../store/backup/folder.ts";
import { readDatabase } from "../../store/database/read-only.ts";
import type { Context } from "../command.ts";
import { readableLocal } from "../terminal/local-time.ts";
import { type Check, failed, ok, warning } from "./check.ts";

const NAME = "backups";

/** Says how old the last good backup is. */
export const backupCheck = (context: Context): readonly Check[] => {
  const { backupDir: folder } = context.settings;
  return folder === null ? [] : [checkFolder(folder, context)];
};

const checkFolder = (folder: string, context: Context): Check => {
  try {
    return checkAge(folder, { copies: ownCopies(folder, context), context });
  } catch (error) {
    return failed(NAME, {
      message: `${folder} can't be read: ${errorMessage(error)}`,
      hint: "create the folder for petit's user, readable only by that user, or mount its disk",
    });
  }
};

/** Without a readable database, all copies count. */
const ownCopies = (folder: string, { settings: { db: path }, runtime }: Context): readonly FolderCopy[] => {
  const copies = listCopies(folder);
  const id = existsSync(path) ? idOf({ path, runtime }) : null;
  return id === null ? copies : copies.filter(({ database }) => database === shortId(id));
};

const idOf = (options: { readonly path: string } & Pick<Context, "runtime">): string | null => {
  try {
    return readDatabase(options, ({ db }) => databaseIdOf(db));
  } catch {
    return null;
  }
};

type Found = { readonly copies: readonly FolderCopy[]; readonly context: Context };

const checkAge = (folder: string, { copies, context: { settings, clock } }: Found): Check => {
  const [now, zone] = [clock.now(), defaultZone(settings)];
  const last = copies.find(({ at }) => at <= now) ?? copies[0];
  if (last === undefined)
    return warning(NAME, {
      message: `there is no backup in ${folder}`,
      hint: "petit makes the first one when it runs; 'petit backup' makes one now",
    });
  const count = copies.length === 1 ? "1 copy" : `${copies.length} copies`;
  const age = formatDuration(Math.max(0, Math.floor((now - last.at) / 60_000) * 60_000));
  const message = `${count} in ${folder}, the last of ${readableLocal(last.at, zone)} (${age} ago, ${formatRoundedSize(last.bytes)})`;
  const plan = { at: settings.backupAt };
  const due = nextBackupAt(plan, zone, last.at);
  const second = due === null ? null : nextBackupAt(plan, zone, due);
  return second !== null && second < now
    ? warning(NAME, { message, hint: "backups were missed: 'petit status' says why, and 'petit backup' makes one now" })
    : ok(NAME, message);
};
