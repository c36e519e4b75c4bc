import { statSync } from "node:fs";
import { defaultZone } from "../../../app/settings/settings.ts";
import { PetitError } from "../../../domain/errors.ts";
import { formatRoundedSize } from "../../../lib/size.ts";
import { pluralize } from "../../../lib/text.ts";
import { backUpToFolder, type FolderBackup } from "../../../store/backup/back-up-to-folder.ts";
import { backUp } from "../../../store/backup/backup.ts";
import { type Context, defineCommand } from "../../command.ts";
import { firstLines } from "../../doctor/check.ts";
import { EXIT } from "../../exit.ts";

export const backup = defineCommand({
  name: "backup",
  summary: "Copy the database, even while petit runs",
  description:
    "Copies the database given by --db, as a consistent and verified snapshot that only its owner can read. Into a folder, it makes a new copy with " +
    "the artifacts, petit-DATABASE-TIME.db and petit-DATABASE-TIME.db-artifacts: they are hard links where possible. Without TARGET, the folder is that of " +
    "--backup-dir, and copies that expired are deleted, as petit does by itself. To a file, it copies only the database: an older copy is " +
    "replaced atomically, and a file that is not a petit database never. If petit starts on the copy, runs that were " +
    "running at the time of the copy become interrupted. `petit restore` puts both back.",
  args: {
    TARGET: {
      type: "positional",
      required: false,
      description: "The folder for the copy, or the file to write it to. [default: the backup_dir setting]",
    },
  },
  settings: ["backupDir", "backupKeepDays", "backupKeepWeeks", "backupArtifacts", "timezone"],
  examples: [
    "petit backup petit-copy.db",
    "petit --db /var/lib/petit/petit.db backup /var/backups/petit",
    'petit --db /var/lib/petit/petit.db backup "/backup/petit-$(date +%F).db"',
  ],
  run: async ({ TARGET }, context) => {
    const { terminal, settings, runtime, json } = context;
    const folder = TARGET ?? settings.backupDir;
    if (folder === null)
      throw new PetitError(
        "invalid_request",
        "name a folder or a file for the copy, or set backup_dir; expected such as 'petit backup /var/backups/petit'",
      );
    if (TARGET === undefined || isFolder(TARGET)) {
      copyToFolder(folder, { isOwn: TARGET === undefined }, context);
      return EXIT.DONE;
    }
    const bytes = backUp({ path: settings.db, target: TARGET, runtime });
    if (json) terminal.out.write(`${JSON.stringify({ file: TARGET, bytes }, null, 2)}\n`);
    else terminal.err.write(`copied ${settings.db} to ${TARGET}: ${formatRoundedSize(bytes)}\n`);
    return EXIT.DONE;
  },
});

const isFolder = (target: string): boolean => {
  try {
    return statSync(target, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    return false;
  }
};

/** `isOwn`: it is the folder of the settings, so that old copies are deleted. */
const copyToFolder = (
  folder: string,
  { isOwn }: { readonly isOwn: boolean },
  { terminal, settings, runtime, json }: Context,
): void => {
  const keep = { days: settings.backupKeepDays, weeks: settings.backupKeepWeeks };
  const made = backUpToFolder({
    path: settings.db,
    folder,
    artifacts: settings.backupArtifacts,
    rotation: isOwn ? { keep, timezone: defaultZone(settings) } : null,
    runtime,
  });
  if (json) terminal.out.write(`${JSON.stringify(asJson(made), null, 2)}\n`);
  else terminal.err.write(linesOf(made, settings.db).join(""));
};

const asJson = ({ file, bytes, at, artifacts, deleted }: FolderBackup) => ({
  file,
  bytes,
  made_at: at,
  artifacts:
    artifacts === null ? null : { linked: artifacts.linked, copied: artifacts.copied, damaged: artifacts.damaged },
  deleted,
});

const linesOf = ({ file, bytes, artifacts, deleted }: FolderBackup, db: string): readonly string[] => {
  const count = artifacts === null ? 0 : artifacts.linked + artifacts.copied;
  const damaged = artifacts?.damaged ?? [];
  return [
    `copied ${db} to ${file}: ${formatRoundedSize(bytes)}${count === 0 ? "" : `, ${pluralize(count, "artifact")}`}`,
    ...(damaged.length === 0
      ? []
      : [`${pluralize(damaged.length, "artifact")} missing or damaged, and not copied:\n${firstLines(damaged)}`]),
    ...(deleted.length === 0 ? [] : [`deleted ${deleted.length} expired ${deleted.length === 1 ? "copy" : "copies"}`]),
  ].map((line) => `${line}\n`);
};
