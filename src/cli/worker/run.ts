import type { SettingKey } from "../../app/settings/settings.ts";
import { isJournal } from "../../app/systemd/journal.ts";
import type { StartedWorker } from "../../app/worker/run-worker.ts";
import { pluralize } from "../../lib/text.ts";
import type { Context } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { paint } from "../terminal/terminal.ts";

/** The settings of a worker, besides the global ones. */
export const WORKER_SETTINGS = [
  "nats",
  "natsCreds",
  "natsCa",
  "natsCert",
  "natsKey",
  "trust",
  "workerName",
  "labels",
  "slots",
  "stateDir",
  "allowedTypes",
  "taskUser",
  "runAsAllowed",
  "usage",
  "onShutdown",
  "shutdownTimeoutMs",
  "killGraceMs",
] as const satisfies readonly SettingKey[];

/** Runs a worker in the foreground. */
export const runWorkerHere = async (context: Context): Promise<ExitStatus> => {
  const { settings, terminal, runtime, clock, environment, version } = context;
  // Loaded here because no other command needs them.
  const [{ runWorker }, { openLog }] = await Promise.all([
    import("../../app/worker/run-worker.ts"),
    import("../../app/logger.ts"),
  ]);
  const journal = isJournal(environment);
  const isForPeople = (terminal.err.isTerminal || journal) && !context.json;
  const format = settings.logFormat ?? (isForPeople ? "pretty" : "json");
  const log = openLog({ level: settings.logLevel, format, color: terminal.err.color, journal });
  await runWorker({ settings, runtime, clock, log, environment, version }, (started) => {
    if (format === "pretty" && !journal) terminal.err.write(banner(started, context));
    else log.info({ version, ...fieldsOf(started) }, "the worker is ready");
    if (started.labels.length === 0)
      log.warn({}, "the worker has no labels, so it gets no tasks; add labels with --label");
  });
  return EXIT.DONE;
};

const fieldsOf = ({ name, labels, slots, stateDir }: StartedWorker) => ({ worker: name, labels, slots, stateDir });

const banner = ({ name, labels, slots, stateDir, urls }: StartedWorker, { terminal, version }: Context): string => {
  const { err } = terminal;
  const rows: readonly (readonly [string, string])[] = [
    ["name", name],
    ["labels", labels.length === 0 ? "none, so no task asks for this worker" : labels.join(", ")],
    ["slots", pluralize(slots, "task")],
    ["nats", urls.join(", ")],
    ["state", stateDir],
    ["stop", "Ctrl-C"],
  ];
  const title = `${paint(err, "bold", `petit worker ${version}`)}\n`;
  return `${title}${rows.map(([key, text]) => `  ${paint(err, "dim", key.padEnd(10))}${text}\n`).join("")}`;
};
