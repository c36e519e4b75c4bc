import { resolve } from "node:path";
import { whyNoBackupTime } from "../../domain/backup/time.ts";
import type { Entry, MapNode } from "../parse/node.ts";
import type { Fault } from "../parse/parse.ts";
import { Place } from "../place.ts";
import { makeReport } from "../report.ts";
import type { ObjectType } from "../schema/field.ts";
import type { ConfigSource } from "./default-notify.ts";
import { isWhole, readValue } from "./value.ts";

const CONFIGURATION = {
  kind: "object",
  fields: {
    backup: {
      type: {
        kind: "object",
        fields: {
          dir: {
            type: { kind: "text", form: "a folder", maxLength: 4_096, characters: "name" },
            doc: "The folder of the copies.",
            required: true,
            example: "/var/backups/petit",
          },
          at: {
            type: { kind: "text", form: "a cron expression", characters: "prose" },
            doc: "When a backup is made.",
            example: "30 3 * * *",
          },
          keep: {
            type: {
              kind: "object",
              fields: {
                days: {
                  type: { kind: "integer", min: 1, max: 36_500 },
                  doc: "For how many days the newest backup of each day is kept.",
                  example: 14,
                },
                weeks: {
                  type: { kind: "integer", min: 0, max: 5_200 },
                  doc: "For how many weeks before these days the newest backup of each week is kept.",
                  example: 8,
                },
              },
            },
            doc: "Which backups are kept.",
          },
          artifacts: { type: { kind: "boolean" }, doc: "Whether the artifacts are copied, too.", example: true },
        },
      },
      doc: "When petit copies its database by itself, and where.",
      required: true,
    },
  },
} as const satisfies ObjectType;

/** Reads `backup` of a configuration file. Returns its problems, or the values of settings by their names. */
export const readBackup = (
  entry: Entry,
  { text, folder }: ConfigSource,
): { readonly values: ReadonlyMap<string, string> } | { readonly faults: readonly Fault[] } => {
  const root: MapNode = { kind: "map", at: entry.keyAt, entries: [entry] };
  const report = makeReport(root, text);
  const draft = readValue(root, CONFIGURATION, Place.top(report));
  const why = draft?.backup?.at === undefined ? null : whyNoBackupTime(draft.backup.at);
  if (why !== null) report.addAt(["backup", "at"], why);
  if (draft === undefined || report.faults.length > 0 || !isWhole(CONFIGURATION, draft, report))
    return { faults: report.faults };
  const { dir, at, keep, artifacts } = draft.backup;
  const given = {
    backup_dir: resolve(folder, dir),
    backup_at: at,
    backup_keep_days: keep?.days,
    backup_keep_weeks: keep?.weeks,
    backup_artifacts: artifacts,
  };
  return {
    values: new Map(
      Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
    ),
  };
};
