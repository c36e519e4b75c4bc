import { SETTINGS } from "../../../app/settings/settings.ts";
import { isSettingKey, type SettingShown, shownSettings } from "../../../app/settings/shown.ts";
import { pluralize } from "../../../lib/text.ts";
import { type Context, defineCommand } from "../../command.ts";
import { accessChecks } from "../../doctor/access.ts";
import { backupCheck } from "../../doctor/backups.ts";
import type { Check } from "../../doctor/check.ts";
import { databaseChecks } from "../../doctor/database.ts";
import { jobChecks } from "../../doctor/jobs.ts";
import { machineChecks } from "../../doctor/machine.ts";
import { natsChecks } from "../../doctor/nats.ts";
import { schedulerChecks } from "../../doctor/scheduler.ts";
import { endStrays, straysCheck, strayText } from "../../doctor/strays.ts";
import { isWorker, workerChecks } from "../../doctor/worker.ts";
import { EXIT } from "../../exit.ts";
import { GLOBAL_SETTINGS } from "../../flags.ts";
import { fold } from "../../terminal/columns.ts";
import { columnTable } from "../../terminal/table.ts";
import { paint, type Screen, type Style } from "../../terminal/terminal.ts";
import { oneLine } from "../../terminal/text-width.ts";

const GLOBAL: readonly string[] = GLOBAL_SETTINGS;

export const doctor = defineCommand({
  name: "doctor",
  summary: "Check the database, the setup and the machine",
  description:
    "Checks what petit needs, with the settings that 'petit run' would use here. Reports each problem with a hint, then shows " +
    "every setting and where its value comes from. Changes nothing without --end-strays, and does not need a running petit. Connects to the receivers " +
    "of notifications, and sends them nothing. With --trust, checks what a worker needs instead. The exit status is 1 if a check failed; warnings don't count.",
  args: {
    JOBS_DIR: {
      type: "positional",
      required: false,
      description: `The folder of the job files. [default: the jobs_dir setting, ${SETTINGS.jobsDir.default}]`,
    },
    "end-strays": {
      type: "boolean",
      description: "First end the processes of runs that a restored database does not know.",
    },
  },
  settings: Object.keys(SETTINGS)
    .filter(isSettingKey)
    .filter((key) => key !== "jobsDir" && !GLOBAL.includes(key)),
  examples: ["petit doctor", "petit doctor examples/jobs --db petit.db", "petit doctor --json"],
  run: async ({ JOBS_DIR, "end-strays": endsStrays = false }, context) => {
    const { out, err } = context.terminal;
    if (endsStrays) await endAllStrays(context);
    const checks = await runChecks(JOBS_DIR ?? null, context);
    const settings = shownSettings(context, JOBS_DIR ?? null);
    out.write(context.json ? asJson(checks, settings) : `${checksText(checks, out)}\n${settingsText(settings, out)}`);
    if (!context.json) err.write(`\n${summary(checks, err)}\n`);
    return checks.some(({ status }) => status === "failed") ? EXIT.FAILED : EXIT.DONE;
  },
});

const endAllStrays = async (context: Context): Promise<void> => {
  const { err } = context.terminal;
  const { ended, left } = await endStrays(context);
  for (const stray of ended) err.write(`ended ${strayText(stray)}\n`);
  for (const stray of left) err.write(`could not end ${strayText(stray)}\n`);
  if (ended.length + left.length === 0) err.write("no process of a run that the database does not know is running\n");
};

const runChecks = async (jobsDir: string | null, context: Context): Promise<readonly Check[]> => {
  if (isWorker(context)) return await workerChecks(context);
  const given = jobsDir !== null || context.origins.jobsDir.kind !== "default";
  return [
    ...databaseChecks(context),
    ...backupCheck(context),
    ...straysCheck(context),
    ...(await schedulerChecks(context)),
    ...(await accessChecks(context)),
    ...(await natsChecks(context)),
    ...(await jobChecks({ path: jobsDir ?? context.settings.jobsDir, given }, context)),
    ...machineChecks(context),
  ];
};

const asJson = (checks: readonly Check[], settings: readonly SettingShown[]): string => {
  const shown = settings.map(({ text: _text, doc: _doc, ...setting }) => setting);
  return `${JSON.stringify({ checks, settings: shown }, null, 2)}\n`;
};

const SIGNS = {
  ok: { sign: "✓", style: "green" },
  warning: { sign: "!", style: "yellow" },
  failed: { sign: "✗", style: "red" },
} as const satisfies Record<Check["status"], { readonly sign: string; readonly style: Style }>;

const NAME_WIDTH = 14;
const INDENT = " ".repeat(2 + NAME_WIDTH);

/** Formats the checks, such as `✓ clock         it is …`. Further lines and the hint are indented below. */
const checksText = (checks: readonly Check[], out: Screen): string =>
  checks
    .map(({ name, status, message, hint }) => {
      const { sign, style } = SIGNS[status];
      const lines = message.split("\n").map((line) => fold(oneLine(line), INDENT, out));
      const all =
        hint === null ? lines : [...lines, `${paint(out, "bold", "→")} ${fold(oneLine(hint), `${INDENT}  `, out)}`];
      return `${paint(out, style, sign)} ${name.padEnd(NAME_WIDTH)}${all.join(`\n${INDENT}`)}\n`;
    })
    .join("");

const settingsText = (settings: readonly SettingShown[], out: Screen): string =>
  columnTable(
    [
      { title: "SETTING", cells: settings.map(({ name }) => name), shrink: 4 },
      { title: "VALUE", cells: settings.map(({ text }) => text), shrink: 1, min: 12 },
      { title: "FROM", cells: settings.map(originText), shrink: 2, min: 7, keep: "end", drop: 3 },
    ],
    out,
  );

const originText = ({ origin, from }: SettingShown): string => [ORIGINS[origin], from].filter(Boolean).join(" ");

const ORIGINS = {
  flag: "flag",
  environment: "environment",
  file: "config file",
  default: "default",
} as const satisfies Record<SettingShown["origin"], string>;

const summary = (checks: readonly Check[], err: Screen): string => {
  const failures = checks.filter(({ status }) => status === "failed").length;
  const warnings = checks.filter(({ status }) => status === "warning").length;
  if (failures > 0)
    return paint(err, "red", `${pluralize(failures, "check")} failed, ${pluralize(warnings, "warning")}`);
  return warnings > 0 ? paint(err, "yellow", pluralize(warnings, "warning")) : paint(err, "green", "no problems found");
};
