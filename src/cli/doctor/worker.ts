import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { enforcesText } from "../../domain/words/worker.ts";
import { findCgroups, limitSupportOf } from "../../engine/attempt/cgroup/support.ts";
import type { Context } from "../command.ts";
import { type Check, ok } from "./check.ts";
import { databaseChecks } from "./database.ts";
import { machineChecks } from "./machine.ts";
import { natsChecks } from "./nats.ts";

/** Returns whether the settings are those of a worker: nothing else has keys that it trusts. */
export const isWorker = ({ settings }: Context): boolean => settings.trust !== null;

/** Checks what a worker needs: its state folder, NATS and the machine. It has no job files, no API and no database of petit. */
export const workerChecks = async (context: Context): Promise<readonly Check[]> => {
  return [
    ...stateChecks(context),
    labelsCheck(context.settings.labels),
    limitsCheck(context),
    ...(await natsChecks(context)),
    ...machineChecks(context),
  ];
};

const stateChecks = ({ settings, environment, runtime }: Context): readonly Check[] => {
  const { stateDir } = settings;
  const db = join(resolve(stateDir), "worker.db");
  if (!existsSync(db)) return [ok("database", `${stateDir} has no state yet; 'petit worker' will create it`)];
  return databaseChecks({ settings: { ...settings, db }, environment, runtime });
};

/** Not a warning: the labels may be given to `petit worker` only. */
const labelsCheck = (labels: readonly string[]): Check =>
  ok("labels", labels.length > 0 ? labels.join(", ") : "none are given here; a worker without --label gets no tasks");

/** Not a warning: whether tasks have limits is not known here, and the worker may be started elsewhere, for example by systemd. */
const limitsCheck = ({ runtime, environment }: Context): Check => {
  const { enforced, gap } = limitSupportOf(findCgroups({ runtime, environment }));
  const text = `a worker that is started here ${enforcesText(enforced)}`;
  return ok("limits", gap === null ? text : `${text}, because ${gap.reason}; ${gap.advice}`);
};
