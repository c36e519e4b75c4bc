import { basename } from "node:path";
import type { Job } from "../../domain/job.ts";
import { DATABASE_LABEL, databaseName, findContainerEngine } from "../../engine/attempt/container/engine.ts";
import { pluralize } from "../../lib/text.ts";
import { readDatabase } from "../../store/database/read-only.ts";
import { siblingFile } from "../../store/database/sibling-file.ts";
import type { Context } from "../command.ts";
import { runProgram } from "../service/systemctl.ts";
import { type Check, failed, ok, warning } from "./check.ts";

/** Checks that the container engines of the jobs work, and that no container of an ended attempt is left. */
export const containerChecks = (jobs: readonly Job[], context: Context): readonly Check[] => {
  const containers = jobs.flatMap(({ tasks }) => tasks.flatMap(({ container }) => container ?? []));
  const engines = new Set(containers.map(({ engine }) => engine));
  return [...engines].flatMap((chosen) => {
    const engine = findContainerEngine(chosen, context.environment);
    // That is a finding of the checks of programs.
    if (engine === null) return [];
    return [leftoverCheck(engine, context)];
  });
};

const leftoverCheck = (engine: string, context: Context): Check => {
  const database = databaseName(siblingFile(context.settings.db, "-spool"));
  const filter = `label=${DATABASE_LABEL}=${database}`;
  const {
    ok: isOk,
    stdout,
    stderr,
  } = runProgram(engine, ["ps", "--all", "--filter", filter, "--format", "{{.Names}}"]);
  if (!isOk)
    return failed("leftovers", {
      message: `${engine} does not work: ${stderr.trim()}`,
      hint: "start its service, or let the user that petit runs as use it",
    });
  const found = stdout
    .trim()
    .split("\n")
    .filter((name) => name !== "");
  const running = found.length === 0 ? new Set() : runningAttempts(context);
  const left = found.filter((name) => !running.has(name.split("-")[1]));
  if (left.length === 0) return ok("leftovers", `no container of an ended attempt is left in ${basename(engine)}`);
  return warning("leftovers", {
    message: `${pluralize(left.length, "container")} of ended attempts ${left.length === 1 ? "is" : "are"} left: ${left.join(", ")}`,
    hint: `remove ${left.length === 1 ? "it" : "them"} with '${engine} rm --force ${left.join(" ")}'`,
  });
};

/** Returns the ids of the attempts that run, as texts. */
const runningAttempts = ({ settings, runtime }: Context): ReadonlySet<string | undefined> => {
  try {
    return readDatabase({ path: settings.db, runtime }, ({ db }) => {
      const rows = db.prepare("SELECT id FROM attempts WHERE status = 'running'").all();
      return new Set(rows.map(({ id }) => String(id)));
    });
  } catch {
    return new Set();
  }
};
