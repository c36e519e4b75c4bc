import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { defaultZone } from "../../../app/settings/settings.ts";
import { findStrays, type Stray } from "../../../engine/attempt/strays.ts";
import { pluralize } from "../../../lib/text.ts";
import { planRestore, type RestorePlan, restore as restoreDatabase } from "../../../store/backup/restore.ts";
import { siblingFile } from "../../../store/database/sibling-file.ts";
import { isLost } from "../../../store/identity.ts";
import { type Context, defineCommand } from "../../command.ts";
import { firstLines } from "../../doctor/check.ts";
import { endStraysCommand, strayText } from "../../doctor/strays.ts";
import { EXIT } from "../../exit.ts";
import { parseSince } from "../../flag-values.ts";
import { commandFacts } from "../../people/as-command.ts";
import { readableLocal } from "../../terminal/local-time.ts";

export const restore = defineCommand({
  name: "restore",
  summary: "Replace the database by a backup",
  description:
    "Replaces the database given by --db by a copy, while petit is stopped: by a file, or by the newest copy of this database in a folder. Checks the copy first. Keeps what was there as " +
    "DB.before-restore-TIME. If there is a folder COPY-artifacts, it replaces DB-artifacts. All files belong to the owner of the old " +
    "database. Nobody knows what petit did after the copy was made, so the next start records the occurrences since then as missed " +
    "and catches none of them up. Tokens that were revoked since then, and logins that have ended, stay so, and the audit log keeps its entries, if the replaced database can be read. Processes of runs that the copy does not know are listed: `petit doctor --end-strays` ends them.",
  args: {
    COPY: { type: "positional", required: true, description: "The file, or the folder of backups." },
    at: {
      type: "string",
      valueHint: "TIME",
      description:
        "Take the newest copy of the folder that was made at or before TIME: 2026-03-08T01:30, 3d, yesterday.",
    },
    "dry-run": {
      type: "boolean",
      description: "Check the copy, and say what would happen, without changing anything.",
    },
    "catch-up": {
      type: "boolean",
      description: "Catch up as after a downtime, although jobs may have run for the same times already.",
    },
  },
  settings: ["timezone", "epochFile"],
  examples: [
    "petit restore petit-copy.db --dry-run",
    "sudo petit --db /var/lib/petit/petit.db restore /var/backups/petit",
    "sudo petit --db /var/lib/petit/petit.db restore /var/backups/petit --at '2026-03-28 12:00'",
  ],
  run: async ({ COPY, at: atText, "dry-run": isDryRun = false, "catch-up": catchesUp = false }, context) => {
    const { terminal, settings, runtime, environment, clock, json } = context;
    const [path, now] = [settings.db, clock.now()];
    const at = atText === undefined ? null : parseSince(atText, { now, zone: defaultZone(settings), flag: "--at" });
    const { epochFile } = settings;
    const plan = planRestore({ path, source: COPY, at, runtime, environment, now, epochFile });
    const done = commandFacts(context, { action: "database.restore", target: resolve(plan.source) });
    if (!isDryRun) restoreDatabase(plan, { path, runtime, now, catchesUp, done, epochFile });
    const strays = straysOf(plan, context);
    const report = { file: plan.source, isDryRun, catchesUp, strays };
    if (json) terminal.out.write(`${JSON.stringify(asJson(plan, report), null, 2)}\n`);
    else terminal.err.write(linesOf(plan, report, context).join(""));
    return EXIT.DONE;
  },
});

type Done = {
  readonly file: string;
  readonly isDryRun: boolean;
  readonly catchesUp: boolean;
  readonly strays: readonly Stray[];
};

const straysOf = ({ lostAttempts }: RestorePlan, { settings }: Context): readonly Stray[] => {
  const spoolDir = resolve(siblingFile(settings.db, "-spool"));
  return existsSync(spoolDir) ? findStrays({ spoolDir }, (attemptId) => isLost(attemptId, [lostAttempts])) : [];
};

const asJson = (plan: RestorePlan, { file, isDryRun, catchesUp, strays }: Done) => ({
  file,
  database: plan.database,
  dry_run: isDryRun,
  catch_up: catchesUp,
  copied_at: plan.copiedAt,
  runs: plan.runs,
  lost_runs: plan.lostRuns,
  revoked_tokens: plan.access.revoked,
  valid_tokens: plan.access.left,
  kept_as: plan.aside,
  artifacts: plan.artifacts,
  missing_artifacts: plan.missingArtifacts,
  strays: strays.map(({ pgid, jobId, runId }) => ({ pid: pgid, job_id: jobId, run_id: runId })),
});

/** Returns what becomes of the tokens; nothing if there are none. */
const accessLines = ({ access, replaces }: RestorePlan, context: Context): readonly string[] => {
  const { revoked, left, wasNeeded } = access;
  const tokens = `petit tokens --db ${context.settings.db}`;
  if (revoked === null && left.length > 0) {
    const why = replaces ? "the old database can't be read" : "there is no old database";
    return [
      `${why}, so tokens that were revoked since the copy are valid again: ${left.join(", ")}`,
      `list them with '${tokens}', and revoke again what was revoked`,
    ];
  }
  return [
    ...(revoked === null || revoked.length === 0
      ? []
      : [`revoked since the copy, and still revoked: ${revoked.join(", ")}`]),
    ...(wasNeeded && left.length === 0
      ? [
          "the copy has no valid token, so without a token file everybody who reaches petit on this machine is an admin: " +
            `create one with 'petit tokens create NAME --role admin --db ${context.settings.db}' before you start petit`,
        ]
      : []),
  ];
};

/** Returns what a restore has done, or would do. */
const linesOf = (
  plan: RestorePlan,
  { file, isDryRun, catchesUp, strays }: Done,
  context: Context,
): readonly string[] => {
  const { copiedAt, lostRuns, replaces, aside, artifacts, database } = plan;
  const verb = (done: string, would: string): string => (isDryRun ? `would ${would}` : done);
  const since = copiedAt === null ? "" : `, of ${readableLocal(copiedAt, defaultZone(context.settings))}`;
  const lost =
    lostRuns === null
      ? `${replaces ? "the old database can't be read" : "there is no old database"}, so it is unknown which runs since the copy are lost`
      : lostRuns === 0
        ? "no run is lost"
        : `${pluralize(lostRuns, "run")} that the copy does not have ${lostRuns === 1 ? "is" : "are"} lost`;
  const occurrences = catchesUp
    ? "the next start catches up as after a downtime: jobs may run twice for the same time"
    : "the next start records the occurrences since the copy as missed, and catches none of them up";
  return [
    `${verb("restored", "restore")} ${database} from ${file}: ${pluralize(plan.runs, "run")}${since}`,
    lost,
    ...(aside === null
      ? []
      : [`${verb("kept", "keep")} ${replaces ? "the old database" : "what is left of the old database"} as ${aside}`]),
    ...(artifacts === null
      ? [`there is no folder ${file}-artifacts, so the present artifacts stay`]
      : [`${verb("restored", "restore")} the artifacts from ${artifacts}`]),
    ...(plan.missingArtifacts.length === 0
      ? []
      : [
          `${pluralize(plan.missingArtifacts.length, "artifact")} missing or damaged, and not restored:\n${firstLines(plan.missingArtifacts)}`,
        ]),
    occurrences,
    ...accessLines(plan, context),
    ...strays.map((stray) => `still running: ${strayText(stray)}`),
    ...(strays.length === 0 ? [] : [`end what still runs with: ${endStraysCommand(context)}`]),
  ].map((line) => `${line}\n`);
};
