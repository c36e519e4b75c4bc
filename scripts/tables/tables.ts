import { openRuntime } from "#runtime";
import manifest from "../../package.json" with { type: "json" };
import { FAILURE_STATUS, FAILURES } from "../../src/api/shapes/failure.ts";
import { describeApi } from "../../src/app/api-description.ts";
import { resolveSettings } from "../../src/app/settings/resolve.ts";
import { flagOf, type Setting, variableOf } from "../../src/app/settings/setting.ts";
import { SETTINGS } from "../../src/app/settings/settings.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { usageLines } from "../../src/cli/help/help.ts";
import { ATTENTION_SEVERITY, type AttentionKind } from "../../src/domain/attention.ts";
import { ATTENTION_TEXT } from "../../src/domain/words/attention.ts";
import { HEALTH_CODE_TEXT } from "../../src/domain/words/health.ts";
import { AUDIT_ACTION_WORDS } from "../../src/domain/words/people/audit.ts";
import { fieldTable } from "../../src/jobfile/schema/reference.ts";
import { TEST_FILE } from "../../src/jobfile/schema/test-file.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLog } from "../../src/lib/log.ts";

/** Returns every generated table of the documentation as Markdown, by the name that the pages use. */
export const generatedTables = async (): Promise<Readonly<Record<string, string>>> => ({
  audit: auditTable(),
  commands: commandTable(),
  endpoints: await endpointTable(),
  failures: failureTable(),
  fields: fieldsTable(fieldTable()),
  health: healthTable(),
  attention: attentionTable(),
  settings: settingTable(),
  testFields: fieldsTable(fieldTable(TEST_FILE)),
});

const commandTable = (): string =>
  table(
    ["Command", "What it does"],
    COMMANDS.map((command) => [usageLines(command).map(code).join("<br>"), command.summary]),
  );

const endpointTable = async (): Promise<string> => {
  const { settings, origins } = resolveSettings({ flags: new Map(), environment: {}, file: null });
  const runtime = openRuntime();
  const { version } = manifest;
  const { paths } = await describeApi({ settings, origins, runtime, version, clock: systemClock, log: silentLog });
  const rows = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { summary, parameters, "x-role": role }]) => [
      code(`${method.toUpperCase()} ${path}`),
      summary,
      parameters
        .filter(({ in: place }) => place !== "path")
        .map(({ name, in: place }) => code(place === "query" ? `?${name}=` : name))
        .join(" "),
      role,
    ]),
  );
  return table(["Method and path", "What it does", "Parameters", "Role"], rows);
};

const failureTable = (): string =>
  table(
    ["Status", "Code", "Meaning"],
    Object.entries(FAILURE_STATUS).map(([failure, status]) => [
      String(status),
      code(failure),
      Object.entries(FAILURES).find(([name]) => name === failure)?.[1].description ?? "",
    ]),
  );

const attentionTable = (): string =>
  table(
    ["Kind", "Severity", "Meaning"],
    Object.entries(ATTENTION_TEXT).map(([kind, meaning]) => [
      code(kind),
      ATTENTION_SEVERITY[kind as AttentionKind],
      meaning,
    ]),
  );

const auditTable = (): string =>
  table(
    ["Action", "Who is named"],
    Object.entries(AUDIT_ACTION_WORDS).map(([action, words]) => [code(action), words]),
  );

const healthTable = (): string =>
  table(
    ["Code", "Meaning"],
    Object.entries(HEALTH_CODE_TEXT).map(([health, meaning]) => [code(health), meaning]),
  );

const fieldsTable = (rows: ReturnType<typeof fieldTable>): string =>
  table(
    ["Field", "Type", "Default", "Description"],
    rows.map(({ path, type, default: absent, doc }) => [code(path), type, absent, doc]),
  );

const settingTable = (): string =>
  table(
    ["Flag", "Variable", "Key", "Default", "Description"],
    Object.values<Setting<unknown>>(SETTINGS).map((setting) => [
      flagCell(setting),
      code(variableOf(setting)),
      code(setting.name),
      defaultText(setting),
      setting.doc,
    ]),
  );

/** `jobs_dir` is the one setting that is an argument instead of a flag. */
const flagCell = (setting: Setting<unknown>): string => {
  if (setting === SETTINGS.jobsDir) return code("JOBS_DIR");
  const short = setting.short === undefined ? "" : `-${setting.short}, `;
  const negation = setting.offDoc === undefined ? "" : "no-";
  return code(`${short}--${negation}${flagOf(setting)} ${setting.kind.placeholder}`.trim());
};

const defaultText = (setting: Setting<unknown>): string => {
  const { default: value, defaultText: text, kind } = setting;
  if (text !== undefined) return text;
  if (typeof value === "boolean") return code(String(value));
  return value === null || value === undefined ? "none" : code(kind.format(value));
};

const table = (titles: readonly string[], rows: readonly (readonly string[])[]): string =>
  [titles, titles.map(() => "---"), ...rows].map((cells) => `| ${cells.map(escapeCell).join(" | ")} |`).join("\n");

/** GitHub splits cells at every `|` that is not escaped, in code spans too. */
const escapeCell = (cell: string): string => cell.replaceAll("|", "\\|").replaceAll("\n", " ");

const code = (text: string): string => `\`${text}\``;
