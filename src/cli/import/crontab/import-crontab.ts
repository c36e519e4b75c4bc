import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { PetitError } from "../../../domain/errors.ts";
import { EXIT, Failure } from "../../exit.ts";
import type { GoneLine, Imported, Importer, ImportRequest } from "../imported.ts";
import { type EarlierJob, findEarlierJobs } from "./earlier-import.ts";
import { CRON_PATH } from "./job.ts";
import { type MailServer, serverOfFlag, serverOfTarget } from "./mail.ts";
import { currentUser, homeOf } from "./owner.ts";
import { parseCrontab } from "./parse.ts";
import { type CrontabSource, readSources } from "./source.ts";
import { translateCrontabs } from "./translate.ts";

/** Imports a crontab, or all crontabs of a folder such as /etc/cron.d. */
export const importCrontab: Importer = async (request): Promise<Imported> => {
  const { source, system, as, outputDir, skipInvalid, guardsOk, splitRunParts } = request;
  if (as !== undefined && homeOf(as) === null)
    throw new PetitError("invalid_request", `--as is '${as}'; expected a user of this machine`);
  const { crontabs, ignored } = await readSources(source, { system });
  if (system === null) for (const crontab of crontabs) refuseUserColumn(crontab);
  const earlier = findEarlierJobs(outputDir);
  const sources = crontabs.map((crontab) => ({ source: crontab, as: as ?? (crontab.system ? "root" : currentUser()) }));
  const { files, fates, problems } = translateCrontabs(sources, {
    homeOf,
    ids: new Set<string>(),
    hasFolder: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
    guards: guardsOk ? "skip" : "note",
    splitRunParts,
    mail: mailServer(request),
    skipInvalid,
    earlier,
  });
  const written = new Set(files.map(({ path }) => path));
  return { files, fates: [...fates, ...ignored], problems, gone: goneLines(earlier, crontabs, written) };
};

/** Returns the mail server of `--smtp`, or of the first email of the configuration file's `notify`. */
export const mailServer = ({ smtp, context }: ImportRequest): MailServer | null => {
  if (smtp === null) {
    const target = context.defaultNotify.find((each) => each.type === "email");
    return target === undefined ? null : serverOfTarget(target);
  }
  const server = serverOfFlag(smtp, { hasDefault: context.defaultNotify.length > 0 });
  if (server === null) throw new PetitError("invalid_request", `--smtp is '${smtp}'; expected HOST or HOST:PORT`);
  return server;
};

/** Returns the jobs of earlier imports of the same crontabs that are not written again. */
export const goneLines = (
  earlier: readonly EarlierJob[],
  crontabs: readonly Pick<CrontabSource, "file">[],
  written: ReadonlySet<string>,
): readonly GoneLine[] => {
  const sources = new Set(crontabs.map(({ file }) => file));
  return earlier
    .filter(({ path, file }) => sources.has(file) && !written.has(path))
    .map(({ path, file, text }) => ({ path, file, text }));
};

/**
 * Throws if the lines of a crontab without a user column all seem to have one: a user of this machine, or a word that is no program
 * either, as a user of another machine is. A name that is also a program does not count alone: `mail` is both.
 */
const refuseUserColumn = ({ file, text, system }: CrontabSource): void => {
  if (system) return;
  const entries = parseCrontab(text, { system: false }).filter((line) => line.kind === "entry");
  const words = entries.map(({ command }) => USER_COLUMN.exec(command)?.[1] ?? null);
  const isUser = (word: string | null): boolean => word !== null && homeOf(word) !== null;
  const user = words.find((word) => word !== null && !isProgram(word) && isUser(word));
  if (user === undefined || !words.every((word) => word !== null && (!isProgram(word) || isUser(word)))) return;
  const message = words.every(isUser)
    ? `every line of ${file} runs a command that is the name of a user, such as '${user}'`
    : `the lines of ${file} run commands that are the names of users, such as '${user}', or of no program`;
  throw new Failure(
    EXIT.FAILED,
    `${message}; expected --system for a user column, or --no-system if there is none; nothing was written`,
  );
};

/** A name before a command, or before `-n`, which is an option of cron there. Other options belong to a program of that name. */
const USER_COLUMN = /^([A-Za-z_][\w.-]*)[ \t]+(?:-n[ \t]|(?!-))\S/;

const isProgram = (name: string): boolean => CRON_PATH.split(":").some((dir) => existsSync(join(dir, name)));
